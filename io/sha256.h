// SPDX-License-Identifier: Apache-2.0
// SHA-256 (FIPS 180-4), the name of a content: OpenSSL's, which uses the processor's own instructions for it; without
// LIMBIC_IO our own, plain/sha256.cpp.
#pragma once
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace limbic {

class Sha256 {
 public:
  Sha256();
  Sha256& update(const void* data, size_t bytes);
  Sha256& update(std::string_view text) { return update(text.data(), text.size()); }
  std::string hex();  ///< 64 lower-case digits; ends the hash

 private:
  struct State;
  struct Free {
    void operator()(State* state) const;
  };
  std::unique_ptr<State, Free> state_;
};

}  // namespace limbic
