// SPDX-License-Identifier: Apache-2.0
// The job "datasets": libhdf5 on the one open file. Walks the groups by hard links only, refuses by name whatever could
// lead out of the file or run foreign code, and sends an index: name, type, shape and where the data lie.
#include <algorithm>
#include <cstdio>
#include <set>
#include <string>
#include <vector>

#include "io/hdf5_handle.h"
#include "io/reader/child/channel.h"
#include "io/reader/child/hdf5/attribute.h"
#include "io/reader/child/hdf5/file.h"

namespace limbic::reader {
namespace {

constexpr int deepest = 32;
constexpr size_t most_objects = 100000;
constexpr size_t longest_name = 1024;
constexpr hsize_t largest_chunk = 128u << 20;
constexpr hsize_t deflate_ratio = 1100;  // deflate cannot do better than 1032 to 1

struct Link {
  std::string name;
  H5L_type_t type;
};

struct Links {
  std::vector<Link> list;
  size_t* objects;
};

/// Collects a group's links; nothing is opened before all of them have been looked at.
herr_t collect(hid_t, const char* name, const H5L_info_t* info, void* context) {
  auto& links = *static_cast<Links*>(context);
  if (++*links.objects > most_objects || std::char_traits<char>::length(name) > longest_name) return -1;
  links.list.push_back({name, info->type});
  return 0;
}

herr_t follow_no_link(const char*, const char*, const char*, const char*, unsigned*, hid_t, void*) { return -1; }

/// "f32", "i64", ...; throws for what is no plain number.
std::string number_type(hid_t type, const std::string& where) {
  const size_t bits = 8 * H5Tget_size(type);
  const bool whole = H5Tget_precision(type) == bits && H5Tget_offset(type) == 0;
  const H5T_order_t order = H5Tget_order(type);
  const bool plain = whole && (order == H5T_ORDER_LE || order == H5T_ORDER_BE || bits == 8);
  switch (H5Tget_class(type)) {
    case H5T_INTEGER:
      if (!plain || (bits != 8 && bits != 16 && bits != 32 && bits != 64)) break;
      return std::string(H5Tget_sign(type) == H5T_SGN_NONE ? "u" : "i").append(std::to_string(bits));
    case H5T_FLOAT: {
      size_t sign, exponent, exponent_bits, mantissa, mantissa_bits;
      if (!plain || H5Tget_fields(type, &sign, &exponent, &exponent_bits, &mantissa, &mantissa_bits) < 0) break;
      const size_t ieee_exponent = bits == 64 ? 11 : bits == 32 ? 8 : bits == 16 ? 5 : 0;
      const bool ieee = ieee_exponent != 0 && sign == bits - 1 && exponent_bits == ieee_exponent && mantissa == 0 &&
                        mantissa_bits == bits - 1 - exponent_bits && exponent == mantissa_bits &&
                        H5Tget_ebias(type) == (size_t{1} << (exponent_bits - 1)) - 1 &&
                        H5Tget_norm(type) == H5T_NORM_IMPLIED;
      if (!ieee) break;
      return std::string("f").append(std::to_string(bits));
    }
    case H5T_COMPOUND:
      throw Refusal("a compound type in " + where);
    case H5T_STRING:
      throw Refusal("text in dataset " + where);
    case H5T_VLEN:
      throw Refusal("a variable-length type in " + where);
    default:
      break;
  }
  throw Refusal("a type that is no plain number in " + where);
}

class Walk {
 public:
  explicit Walk(hid_t file) : links_(H5Pcreate(H5P_LINK_ACCESS), H5Pclose) {
    if (H5Pset_elink_cb(links_, follow_no_link, nullptr) < 0) throw Refusal("HDF5 cannot be set up");
    const H5Handle root(H5Gopen2(file, "/", H5P_DEFAULT), H5Gclose);
    if (root < 0) throw Refusal("a damaged HDF5 file (its root group cannot be opened)");
    group(root, "", 0);
  }

 private:
  void group(hid_t id, const std::string& path, int depth) {
    const std::string where = path.empty() ? "/" : path;
    if (depth > deepest) throw Refusal("groups nested deeper than " + std::to_string(deepest));
    visit(id, where);
    send_attributes(id, path);
    Links links{{}, &objects_};
    hsize_t from = 0;
    if (H5Literate(id, H5_INDEX_NAME, H5_ITER_INC, &from, collect, &links) < 0) {
      throw Refusal(objects_ > most_objects ? "more than " + std::to_string(most_objects) + " objects"
                                            : "a damaged HDF5 file (group " + where + ")");
    }
    for (const Link& link : links.list) {
      if (link.type == H5L_TYPE_EXTERNAL) throw Refusal("an external link (" + join(path, link.name) + ")");
      if (link.type == H5L_TYPE_SOFT) throw Refusal("a soft link (" + join(path, link.name) + ")");
      if (link.type != H5L_TYPE_HARD) throw Refusal("a user-defined link (" + join(path, link.name) + ")");
    }
    for (const Link& link : links.list) object(id, link.name, join(path, link.name), depth);
  }

  void object(hid_t parent, const std::string& name, const std::string& path, int depth) {
    const H5Handle child(H5Oopen(parent, name.c_str(), links_), H5Oclose);
    if (child < 0) throw Refusal("a damaged HDF5 file (" + path + " cannot be opened)");
    switch (H5Iget_type(child)) {
      case H5I_GROUP:
        return group(child, path, depth + 1);
      case H5I_DATASET:
        return dataset(child, path);
      default:
        throw Refusal("a stored type (" + path + ")");
    }
  }

  /// An object is met once: a second way to it would be a cycle, or the same bytes counted twice.
  void visit(hid_t id, const std::string& where) {
    H5O_info_t info;
    if (H5Oget_info2(id, &info, H5O_INFO_BASIC) < 0) throw Refusal("a damaged HDF5 file (" + where + ")");
    if (!seen_.insert(info.addr).second) throw Refusal("a second hard link to one object (" + where + ")");
  }

  void dataset(hid_t id, const std::string& path) {
    visit(id, path);
    const H5Handle properties(H5Dget_create_plist(id), H5Pclose), type(H5Dget_type(id), H5Tclose),
        space(H5Dget_space(id), H5Sclose);
    if (properties < 0 || type < 0 || space < 0) throw Refusal("a damaged HDF5 file (dataset " + path + ")");
    const H5D_layout_t layout = H5Pget_layout(properties);
    if (layout == H5D_VIRTUAL) throw Refusal("a virtual dataset (" + path + ")");
    if (H5Pget_external_count(properties) != 0) throw Refusal("external storage (dataset " + path + ")");
    check_filters(properties, path);
    const std::string dtype = number_type(type, path);

    std::vector<hsize_t> shape(H5S_MAX_RANK);
    const int rank = H5Sget_simple_extent_ndims(space);
    if (rank < 0 || H5Sget_simple_extent_type(space) == H5S_NULL ||
        H5Sget_simple_extent_dims(space, shape.data(), nullptr) < 0) {
      throw Refusal("a dataset without a shape (" + path + ")");
    }
    shape.resize(static_cast<size_t>(rank));
    const hsize_t element = H5Tget_size(type);
    const hsize_t bytes = declared_bytes(shape, element, path);
    const hsize_t stored = H5Dget_storage_size(id);
    const hsize_t file = static_cast<hsize_t>(file_size());
    if (stored > file || (layout != H5D_CHUNKED && stored < bytes) || bytes / deflate_ratio > stored ||
        (bytes > 0 && stored == 0)) {
      throw Refusal("a claim of " + std::to_string(bytes) + " bytes where " + std::to_string(stored) +
                    " are stored (dataset " + path + ")");
    }
    const bool direct = layout == H5D_CONTIGUOUS && bytes > 0 && (H5Tget_order(type) == H5T_ORDER_LE || element == 1);
    const haddr_t offset = direct ? H5Dget_offset(id) : HADDR_UNDEF;
    Payload message;
    message.text(path).text(dtype).put(static_cast<uint32_t>(rank));
    for (const hsize_t size : shape) message.put(static_cast<int64_t>(size));
    message.put(offset == HADDR_UNDEF ? elsewhere : static_cast<uint64_t>(offset));
    send(Kind::dataset, message);
    if (offset == HADDR_UNDEF && bytes > 0) elements(properties, id, type, space, shape, element, path);
  }

  static hsize_t declared_bytes(const std::vector<hsize_t>& shape, hsize_t element, const std::string& path) {
    hsize_t bytes = element;
    for (const hsize_t size : shape) {
      if (__builtin_mul_overflow(bytes, size, &bytes) || bytes > INT64_MAX)
        throw Refusal("a shape beyond any file (dataset " + path + ")");
    }
    return bytes;
  }

  static void check_filters(hid_t properties, const std::string& path) {
    const int filters = H5Pget_nfilters(properties);
    if (filters < 0) throw Refusal("a damaged HDF5 file (filters of " + path + ")");
    for (int i = 0; i < filters; ++i) {
      unsigned flags, config;
      size_t values = 0;
      const H5Z_filter_t filter =
          H5Pget_filter2(properties, static_cast<unsigned>(i), &flags, &values, nullptr, 0, nullptr, &config);
      if (filter != H5Z_FILTER_DEFLATE && filter != H5Z_FILTER_SHUFFLE && filter != H5Z_FILTER_FLETCHER32) {
        throw Refusal("filter " + std::to_string(filter) + " (dataset " + path + ")");
      }
    }
  }

  /// Reads the dataset some rows at a time, converted to little-endian, and sends them.
  void elements(hid_t properties, hid_t id, hid_t type, hid_t space, const std::vector<hsize_t>& shape, hsize_t element,
                const std::string& path) {
    const H5Handle memory_type(H5Tcopy(type), H5Tclose);
    if (element > 1 && H5Tset_order(memory_type, H5T_ORDER_LE) < 0)
      throw Refusal("a type that cannot be converted (" + path + ")");
    std::vector<hsize_t> chunk(shape.size(), 1);
    if (!shape.empty() && H5Pget_layout(properties) == H5D_CHUNKED) {
      if (H5Pget_chunk(properties, static_cast<int>(chunk.size()), chunk.data()) != static_cast<int>(chunk.size()) ||
          declared_bytes(chunk, element, path) > largest_chunk) {
        throw Refusal("chunks of more than " + std::to_string(largest_chunk >> 20) + " MB (dataset " + path + ")");
      }
    }
    hsize_t row = element;  // bytes of one step along the first axis
    for (size_t i = 1; i < shape.size(); ++i) row *= shape[i];
    const hsize_t rows = shape.empty() ? 1 : shape[0];
    // Whole chunks where that fits, so that each is inflated once.
    const hsize_t step = std::max<hsize_t>(
        1, std::max(chunk.empty() ? 1 : std::min(chunk[0], 4 * max_elements / row), max_elements / row));
    std::vector<char> buffer;
    for (hsize_t first = 0; first < rows; first += step) {
      const hsize_t count = std::min(step, rows - first);
      if (count * row > largest_chunk)
        throw Refusal("rows of more than " + std::to_string(largest_chunk >> 20) + " MB (dataset " + path + ")");
      buffer.resize(count * row);
      std::vector<hsize_t> start(shape.size(), 0), extent(shape);
      if (!shape.empty()) {
        start[0] = first;
        extent[0] = count;
        H5Sselect_hyperslab(space, H5S_SELECT_SET, start.data(), nullptr, extent.data(), nullptr);
      }
      const H5Handle memory(shape.empty() ? H5Screate(H5S_SCALAR)
                                        : H5Screate_simple(static_cast<int>(extent.size()), extent.data(), nullptr),
                          H5Sclose);
      if (memory < 0 || H5Dread(id, memory_type, memory, space, H5P_DEFAULT, buffer.data()) < 0) {
        throw Refusal("a damaged HDF5 file (dataset " + path + " cannot be read)");
      }
      for (size_t sent = 0; sent < buffer.size(); sent += max_elements) {
        send(Kind::elements, buffer.data() + sent, std::min<uint64_t>(max_elements, buffer.size() - sent));
      }
    }
  }

  static std::string join(const std::string& path, const std::string& name) {
    return path.empty() ? name : path + "/" + name;
  }

  H5Handle links_;
  std::set<haddr_t> seen_;
  size_t objects_ = 0;
};

}  // namespace

void read_datasets() {
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  H5PLset_loading_state(0);  // no filter is ever loaded from a plugin
  const H5Handle access(access_of_open_file(), H5Pclose);
  const H5Handle file(H5Fopen("the open file", H5F_ACC_RDONLY, access), H5Fclose);
  if (file < 0) throw Refusal("a damaged or truncated HDF5 file");
  Walk walk(file);
}

}  // namespace limbic::reader
