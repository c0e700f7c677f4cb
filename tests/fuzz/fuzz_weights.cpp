// SPDX-License-Identifier: Apache-2.0
// libFuzzer over the parsers that are our own, of weights and log-mels: the first byte chooses one, the rest is the file.
//   cmake --preset asan -DCMAKE_CXX_COMPILER=clang++ -DLIMBIC_FUZZ=ON && ninja -C build/asan fuzz_weights
//   build/asan/tests/fuzz/fuzz_weights -max_total_time=60 CORPUS
#include <cstddef>
#include <cstdint>
#include <span>

#include "engine/error.h"
#include "io/log_mel_file.h"
#include "io/pickle.h"
#include "io/weight_formats.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const limbic::Bytes file = std::as_bytes(std::span(data + 1, size - 1));
  try {
    switch (data[0] % 5) {
      case 0:
        limbic::parse_pytorch_legacy(file, "f");
        break;
      case 1:
        limbic::parse_pytorch_zip(file, "f");
        break;
      case 2:
        limbic::parse_safetensors(file, "f");
        break;
      case 3:
        limbic::parse_log_mels(file, "f");
        break;
      default: {
        limbic::ByteCursor cursor(file, "f");
        limbic::read_pickle(cursor);
      }
    }
  } catch (const limbic::Error&) {
    // A refusal is the other right answer.
  }
  return 0;
}
