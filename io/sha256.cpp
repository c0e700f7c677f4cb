// SPDX-License-Identifier: Apache-2.0
#include "io/sha256.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <array>
#include <new>
#include <stdexcept>

namespace limbic {
namespace {

void require(int done) {
  if (done != 1) throw std::runtime_error("SHA-256: libcrypto refuses");
}

}  // namespace

struct Sha256::State {
  EVP_MD_CTX* const context = EVP_MD_CTX_new();
  ~State() { EVP_MD_CTX_free(context); }
};

void Sha256::Free::operator()(State* state) const { delete state; }

Sha256::Sha256() {
  OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr);  // no file of the host changes what a hash is
  state_.reset(new State);
  if (!state_->context || EVP_DigestInit_ex(state_->context, EVP_sha256(), nullptr) != 1) throw std::bad_alloc();
}

Sha256& Sha256::update(const void* data, size_t bytes) {
  require(EVP_DigestUpdate(state_->context, data, bytes));
  return *this;
}

std::string Sha256::hex() {
  std::array<unsigned char, 32> digest{};
  require(EVP_DigestFinal_ex(state_->context, digest.data(), nullptr));
  std::string text;
  for (const unsigned char byte : digest) {
    for (const int digit : {byte >> 4, byte & 15}) text.push_back("0123456789abcdef"[digit]);
  }
  return text;
}

}  // namespace limbic
