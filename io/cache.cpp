// SPDX-License-Identifier: Apache-2.0
#include "io/cache.h"

#include <fmt/format.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>

#include "engine/error.h"
#include "io/files.h"

namespace limbic {
namespace fs = std::filesystem;

namespace {

using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

constexpr char magic[8] = {'L', 'I', 'M', 'B', 'I', 'C', 'C', '1'};

// What stands before the note, the shape and the numbers.
struct Header {
  char magic[8];
  uint32_t note_bytes, rank, element_bytes /* 2: int16 / 32768, 4: f32 */, reserved;
  int64_t count;
  uint64_t check[2];  // hash of everything after the header
};

fs::path entry_path(const std::string& key) {
  const fs::path root = cache_folder();
  return root.empty() ? root : root / key.substr(0, 2) / (key + ".array");
}

bool is_sixteen_bit(const std::vector<float>& values) {
  for (const float v : values) {
    const float scaled = v * 32768.0f;
    if (!(scaled >= -32768.0f && scaled <= 32767.0f) || scaled != std::nearbyint(scaled)) return false;
    if (v == 0 && std::signbit(v)) return false;
  }
  return true;
}

void set_check(Header& header, const std::string& body) {
  const std::string hex = ContentHash().add(body).hex();
  for (int i = 0; i < 2; ++i) header.check[i] = std::strtoull(hex.substr(16 * i, 16).c_str(), nullptr, 16);
}

}  // namespace

ContentHash& ContentHash::add(const void* bytes, size_t count) {
  sha_.update(bytes, count);
  return *this;
}

ContentHash& ContentHash::add(std::string_view text) {
  sha_.update(fmt::format("{} ", text.size())).update(text);
  return *this;
}

std::string ContentHash::hex() { return sha_.hex().substr(0, 32); }

std::string hash_file(const std::string& path) {
  const File file(std::fopen(path.c_str(), "rb"), std::fclose);
  if (!file) throw Error(ExitCode::media, fmt::format("{}: {}", path, std::strerror(errno)));
  ContentHash hash;
  std::vector<char> block(1 << 20);
  while (const size_t got = std::fread(block.data(), 1, block.size(), file.get())) hash.add(block.data(), got);
  if (std::ferror(file.get())) throw Error(ExitCode::media, fmt::format("{}: {}", path, std::strerror(errno)));
  return hash.hex();
}

std::optional<CachedArray> cache_load(const std::string& key) {
  const fs::path path = entry_path(key);
  if (path.empty()) return {};
  const File file(std::fopen(path.c_str(), "rb"), std::fclose);
  Header header;
  if (!file || std::fread(&header, sizeof header, 1, file.get()) != 1 || std::memcmp(header.magic, magic, 8) != 0)
    return {};
  std::error_code error;
  const uint64_t size = fs::file_size(path, error);
  if (error || header.rank > 8 || header.count < 0 || (header.element_bytes != 2 && header.element_bytes != 4))
    return {};
  if (static_cast<uint64_t>(header.count) > size) return {};
  const uint64_t body_bytes =
      header.note_bytes + 8ull * header.rank + static_cast<uint64_t>(header.count) * header.element_bytes;
  if (sizeof header + body_bytes != size) return {};
  std::string body(body_bytes, '\0');
  if (std::fread(body.data(), 1, body.size(), file.get()) != body.size()) return {};
  Header expected = header;
  set_check(expected, body);
  if (std::memcmp(&expected, &header, sizeof header) != 0) return {};

  CachedArray array;
  array.note = body.substr(0, header.note_bytes);
  array.shape.resize(header.rank);
  array.values.resize(header.count);
  const char* p = body.data() + header.note_bytes;
  std::memcpy(array.shape.data(), p, 8ull * header.rank);
  int64_t count = 1;
  for (const int64_t extent : array.shape) {
    if (extent < 0 || __builtin_mul_overflow(count, extent, &count)) return {};
  }
  if (count != header.count) return {};
  p += 8ull * header.rank;
  if (header.element_bytes == 4) {
    std::memcpy(array.values.data(), p, 4ull * header.count);
  } else {
    for (int64_t i = 0; i < header.count; ++i) {
      int16_t sample;
      std::memcpy(&sample, p + 2 * i, 2);
      array.values[i] = static_cast<float>(sample) / 32768.0f;
    }
  }
  return array;
}

void cache_store(const std::string& key, const CachedArray& array) {
  const fs::path path = entry_path(key);
  if (path.empty()) return;
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  if (error) return;

  Header header{};
  std::memcpy(header.magic, magic, 8);
  header.note_bytes = static_cast<uint32_t>(array.note.size());
  header.rank = static_cast<uint32_t>(array.shape.size());
  header.count = static_cast<int64_t>(array.values.size());
  header.element_bytes = is_sixteen_bit(array.values) ? 2 : 4;
  std::string body = array.note;
  body.append(reinterpret_cast<const char*>(array.shape.data()), 8 * array.shape.size());
  if (header.element_bytes == 4) {
    body.append(reinterpret_cast<const char*>(array.values.data()), 4 * array.values.size());
  } else {
    for (const float v : array.values) {
      const auto sample = static_cast<int16_t>(v * 32768.0f);
      body.append(reinterpret_cast<const char*>(&sample), 2);
    }
  }
  set_check(header, body);

  AtomicFile entry(path.string());
  File file(std::fopen(entry.temporary().c_str(), "wb"), std::fclose);
  if (!file) return;
  const bool whole = std::fwrite(&header, sizeof header, 1, file.get()) == 1 &&
                     std::fwrite(body.data(), 1, body.size(), file.get()) == body.size();
  if (std::fclose(file.release()) != 0 || !whole) return;
  try {
    entry.commit(false);  // an entry has its own checksum
  } catch (const Error&) {
  }
}

}  // namespace limbic
