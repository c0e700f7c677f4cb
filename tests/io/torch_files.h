// SPDX-License-Identifier: Apache-2.0
// Files as torch.save writes them, and as an attacker would, put together byte by byte.
#pragma once
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <zlib.h>

namespace limbic::torch_files {

template <class T>
std::string le(T value) {
  std::string bytes(sizeof(T), '\0');
  std::memcpy(bytes.data(), &value, sizeof(T));
  return bytes;
}

inline std::string floats(const std::vector<float>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}

inline std::span<const std::byte> bytes_of(const std::string& file) { return std::as_bytes(std::span(file)); }

// Opcodes of protocol 2. A pickle is their concatenation between `proto` and `stop`.
inline const std::string proto = "\x80\x02", stop = ".", mark = "(", none = "N", empty_dict = "}", empty_list = "]",
                         empty_tuple = ")", tuple = "t", reduce = "R", build = "b", setitems = "u", appends = "e",
                         binpersid = "Q", no = "\x89", yes = "\x88";
inline std::string text(const std::string& s) {
  return std::string("X").append(le(static_cast<uint32_t>(s.size()))) + s;
}
inline std::string integer(int32_t value) { return "J" + le(value); }
inline std::string big_integer(int64_t value) { return "\x8a\x08" + le(value); }
inline std::string global(const std::string& module, const std::string& name) {
  return "c" + module + "\n" + name + "\n";
}
inline std::string put(uint8_t place) { return "q" + le(place); }
inline std::string get(uint8_t place) { return "h" + le(place); }
inline std::string ordered_dict() { return global("collections", "OrderedDict") + empty_tuple + reduce; }
inline std::string list_of(const std::vector<std::string>& items) {
  std::string out = empty_list + mark;
  for (const auto& item : items) out += item;
  return out + appends;
}
inline std::string tuple_of(const std::vector<int64_t>& values) {
  std::string out = mark;
  for (int64_t v : values) out += big_integer(v);
  return out + tuple;
}

struct Tensor {
  std::string name, key = "0", storage = "FloatStorage";
  int64_t stored = 0, offset = 0;
  std::vector<int64_t> shape, strides;
};

inline std::string storage(const Tensor& t, bool legacy) {
  return mark + text("storage") + global("torch", t.storage) + text(t.key) + text("cuda:0") + big_integer(t.stored) +
         (legacy ? none : "") + tuple + binpersid;
}
inline std::string rebuild(const Tensor& t, bool legacy) {
  return global("torch._utils", "_rebuild_tensor_v2") + mark + storage(t, legacy) + big_integer(t.offset) +
         tuple_of(t.shape) + tuple_of(t.strides) + no + ordered_dict() + tuple + reduce;
}
inline std::string dict_of(const std::vector<Tensor>& tensors, bool legacy) {
  std::string out = ordered_dict() + mark;
  for (const Tensor& t : tensors) out += text(t.name) + rebuild(t, legacy);
  return out + setitems;
}

/// `object` is the pickle's body, without proto and stop; storages in the order of the list.
inline std::string legacy_file(const std::string& object,
                               const std::vector<std::pair<std::string, std::string>>& storages,
                               int64_t element_bytes = 4) {
  std::string file = proto + std::string("\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", 12) + stop;
  file += proto + "M" + le(uint16_t{1001}) + stop;
  file += proto + empty_dict + mark + text("little_endian") + yes + setitems + stop;
  file += proto + object + stop;
  std::vector<std::string> keys;
  for (const auto& [key, content] : storages) keys.push_back(text(key));
  file += proto + list_of(keys) + stop;
  for (const auto& [key, content] : storages)
    file += le(static_cast<int64_t>(content.size()) / element_bytes) + content;
  return file;
}

struct ZipOptions {
  uint16_t method = 0, flags = 0;
  bool local_sizes = true;  // torch.save leaves them zero
  uint32_t crc_change = 0;
};

inline std::string zip_file(const std::vector<std::pair<std::string, std::string>>& entries,
                            const ZipOptions& options = {}) {
  std::string file, directory;
  for (const auto& [name, content] : entries) {
    const auto crc = static_cast<uint32_t>(::crc32(0, reinterpret_cast<const Bytef*>(content.data()),
                                                   static_cast<uInt>(content.size()))) ^
                     options.crc_change;
    const auto size = static_cast<uint32_t>(content.size()), offset = static_cast<uint32_t>(file.size());
    const auto flags = static_cast<uint16_t>(options.flags | (options.local_sizes ? 0 : 8));
    const std::string common = le(uint16_t{0}) + le(flags) + le(options.method) + le(uint32_t{0});
    const auto sizes = [&](bool stated) {
      return le(stated ? crc : 0) + le(stated ? size : 0) + le(stated ? size : 0);
    };
    const std::string names = le(static_cast<uint16_t>(name.size())) + le(uint16_t{0});
    file += "PK\x03\x04" + common + sizes(options.local_sizes) + names + name + content;
    if (!options.local_sizes) file += "PK\x07\x08" + sizes(true);
    directory += "PK\x01\x02" + le(uint16_t{0}) + common + sizes(true) + names + le(uint16_t{0}) + le(uint16_t{0}) +
                 le(uint16_t{0}) + le(uint32_t{0}) + le(offset) + name;
  }
  const auto count = static_cast<uint16_t>(entries.size());
  const auto size = static_cast<uint32_t>(directory.size()), offset = static_cast<uint32_t>(file.size());
  return file + directory + "PK\x05\x06" + le(uint32_t{0}) + le(count) + le(count) + le(size) + le(offset) +
         le(uint16_t{0});
}

}  // namespace limbic::torch_files
