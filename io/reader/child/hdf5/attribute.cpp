// SPDX-License-Identifier: Apache-2.0
#include "io/reader/child/hdf5/attribute.h"

#include <cstdio>
#include <cstring>
#include <vector>

#include "io/hdf5_handle.h"
#include "io/reader/child/channel.h"
#include "io/reader/child/hdf5/file.h"

namespace limbic::reader {
namespace {

constexpr hsize_t most_attributes = 10000;
constexpr hsize_t most_elements = 1 << 20;

void add_line(std::string& text, std::string_view line) {
  if (!text.empty()) text += '\n';
  text += line;
  if (text.size() > max_text) throw Refusal("an attribute of more than " + std::to_string(max_text >> 20) + " MB");
}

std::string strings(hid_t attribute, hid_t type, hid_t space, hsize_t count) {
  std::string text;
  if (H5Tis_variable_str(type) > 0) {
    // A type of our own: the file's may say that a character has no bytes.
    const H5Handle memory(H5Tcopy(H5T_C_S1), H5Tclose);
    H5Tset_size(memory, H5T_VARIABLE);
    H5Tset_cset(memory, H5Tget_cset(type));
    std::vector<char*> values(count, nullptr);
    if (H5Aread(attribute, memory, values.data()) < 0) throw Refusal("");
    for (const char* value : values) add_line(text, value ? value : "");
    H5Dvlen_reclaim(memory, space, H5P_DEFAULT, values.data());
    return text;
  }
  const size_t size = H5Tget_size(type);
  std::vector<char> values(count * size);
  if (H5Aread(attribute, type, values.data()) < 0) throw Refusal("");
  const bool space_padded = H5Tget_strpad(type) == H5T_STR_SPACEPAD;
  for (hsize_t i = 0; i < count; ++i) {
    const char* value = values.data() + i * size;
    size_t length = strnlen(value, size);
    while (space_padded && length > 0 && value[length - 1] == ' ') --length;
    add_line(text, {value, length});
  }
  return text;
}

template <class T>
std::string numbers(hid_t attribute, hid_t memory_type, hsize_t count, const char* format) {
  std::vector<T> values(count);
  if (H5Aread(attribute, memory_type, values.data()) < 0) throw Refusal("");
  std::string text;
  char number[64];
  for (const T value : values) {
    std::snprintf(number, sizeof number, format, value);
    add_line(text, number);
  }
  return text;
}

/// The attribute as text; false where it is of a type that is left out.
bool as_text(hid_t attribute, std::string& text) {
  const H5Handle type(H5Aget_type(attribute), H5Tclose), space(H5Aget_space(attribute), H5Sclose);
  if (type < 0 || space < 0) throw Refusal("");
  text.clear();
  if (H5Sget_simple_extent_type(space) == H5S_NULL) return true;
  const hssize_t points = H5Sget_simple_extent_npoints(space);
  const hsize_t count = static_cast<hsize_t>(points), size = H5Tget_size(type);
  if (points < 0 || size == 0) throw Refusal("");
  if (count > most_elements || size > max_text || count * size > max_text)
    throw Refusal("an attribute of more than " + std::to_string(max_text >> 20) + " MB");
  if (count == 0) return true;
  switch (H5Tget_class(type)) {
    case H5T_STRING:
      text = strings(attribute, type, space, count);
      return true;
    case H5T_INTEGER:
      text = H5Tget_sign(type) == H5T_SGN_NONE
                 ? numbers<unsigned long long>(attribute, H5T_NATIVE_ULLONG, count, "%llu")
                 : numbers<long long>(attribute, H5T_NATIVE_LLONG, count, "%lld");
      return true;
    case H5T_FLOAT:
      text = numbers<double>(attribute, H5T_NATIVE_DOUBLE, count, size > 4 ? "%.17g" : "%.9g");
      return true;
    default:
      return false;
  }
}

}  // namespace

void send_attributes(hid_t group, const std::string& path) {
  const std::string where = path.empty() ? "/" : path;
  H5O_info_t info;
  if (H5Oget_info2(group, &info, H5O_INFO_NUM_ATTRS) < 0 || info.num_attrs > most_attributes)
    throw Refusal("a damaged HDF5 file (attributes of " + where + ")");
  std::string text;
  for (hsize_t i = 0; i < info.num_attrs; ++i) {
    const H5Handle attribute(H5Aopen_by_idx(group, ".", H5_INDEX_NAME, H5_ITER_INC, i, H5P_DEFAULT, H5P_DEFAULT),
                           H5Aclose);
    char name[1025];
    const ssize_t length = attribute < 0 ? -1 : H5Aget_name(attribute, sizeof name, name);
    if (length < 0 || static_cast<size_t>(length) >= sizeof name)
      throw Refusal("a damaged HDF5 file (attributes of " + where + ")");
    try {
      if (!as_text(attribute, text)) continue;
    } catch (const Refusal& refusal) {
      throw Refusal(*refusal.what() ? refusal.what() + std::string(" (") + name + " of " + where + ")"
                                    : "a damaged HDF5 file (attribute " + std::string(name) + " of " + where + ")");
    }
    send(Kind::attribute, Payload().text(path).text(name).text(text));
  }
}

}  // namespace limbic::reader
