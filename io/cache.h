// SPDX-License-Identifier: Apache-2.0
// Arrays kept between runs under $XDG_CACHE_HOME/limbic, keyed by the content they were computed from. Deleting them
// changes nothing but time; an entry that is damaged or of another version is computed again.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/sha256.h"

namespace limbic {

/// The name of a content: the first half of the SHA-256 of everything that was added, in order.
class ContentHash {
 public:
  ContentHash& add(const void* bytes, size_t count);
  ContentHash& add(std::string_view text);  ///< with its length, so that ("ab","c") is not ("a","bc")
  std::string hex();                        ///< 32 hexadecimal digits; ends the hash

 private:
  Sha256 sha_;
};

/// Hash of a file's bytes. Throws Error(ExitCode::media) where it cannot be read.
std::string hash_file(const std::string& path);

struct CachedArray {
  std::string note;  ///< a few words about it, kept with it
  std::vector<int64_t> shape;
  std::vector<float> values;
};

/// The entry under `key` (hexadecimal digits), or nothing.
std::optional<CachedArray> cache_load(const std::string& key);

/// Writes an entry atomically. A cache that cannot be written (full disk, read-only home) is no error. Values that are
/// all k/32768 are kept as 16-bit integers, without loss.
void cache_store(const std::string& key, const CachedArray& array);

}  // namespace limbic
