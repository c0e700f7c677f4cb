// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <stdexcept>

#include "engine/error.h"
#include "io/files.h"
#include "io/hdf5.h"
#include "io/hdf5_handle.h"
#include "io/input.h"

namespace limbic {
namespace {

constexpr size_t old_header_text = 60000;  // an attribute in a classic object header ends at 64 KiB

[[noreturn]] void refused() { throw std::runtime_error(errno != 0 ? std::strerror(errno) : "HDF5 refuses it"); }

/// What libhdf5 answered, an identifier or a status; throws where it refused.
template <class Answer>
Answer check(Answer answer) {
  if (answer < 0) refused();
  return answer;
}

hid_t file_type(const std::string& dtype) {
  if (dtype == "f64") return H5T_IEEE_F64LE;
  if (dtype == "f32") return H5T_IEEE_F32LE;
  if (dtype == "i64") return H5T_STD_I64LE;
  if (dtype == "i32") return H5T_STD_I32LE;
  if (dtype == "i16") return H5T_STD_I16LE;
  if (dtype == "i8") return H5T_STD_I8LE;
  if (dtype == "u64") return H5T_STD_U64LE;
  if (dtype == "u32") return H5T_STD_U32LE;
  if (dtype == "u16") return H5T_STD_U16LE;
  if (dtype == "u8") return H5T_STD_U8LE;
  return -1;
}

void write_tensor(hid_t file, const H5View& tensor) {
  const hid_t type = file_type(tensor.dtype);
  if (type < 0) throw std::runtime_error("dataset " + tensor.name + " of type " + tensor.dtype + " is not written");
  const std::vector<hsize_t> shape(tensor.shape.begin(), tensor.shape.end());
  const H5Handle space(check(shape.empty() ? H5Screate(H5S_SCALAR)
                                           : H5Screate_simple(static_cast<int>(shape.size()), shape.data(), nullptr)),
                       H5Sclose);
  const H5Handle links(check(H5Pcreate(H5P_LINK_CREATE)), H5Pclose);
  const H5Handle properties(check(H5Pcreate(H5P_DATASET_CREATE)), H5Pclose);
  check(H5Pset_create_intermediate_group(links, 1));
  check(H5Pset_obj_track_times(properties, false));
  const H5Handle dataset(check(H5Dcreate2(file, tensor.name.c_str(), type, space, links, properties, H5P_DEFAULT)),
                         H5Dclose);
  if (H5Sget_simple_extent_npoints(space) > 0)
    check(H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, tensor.data));
}

/// A fixed-length UTF-8 string: variable-length ones live in heaps whose bytes depend on more than the text.
void write_attribute(hid_t file, const std::string& name, const std::string& text) {
  const H5Handle type(check(H5Tcopy(H5T_C_S1)), H5Tclose), space(check(H5Screate(H5S_SCALAR)), H5Sclose);
  check(H5Tset_size(type, text.size() + 1));
  check(H5Tset_cset(type, H5T_CSET_UTF8));
  const H5Handle attribute(check(H5Acreate2(file, name.c_str(), type, space, H5P_DEFAULT, H5P_DEFAULT)), H5Aclose);
  check(H5Awrite(attribute, type, text.c_str()));
}

void write_content(const std::string& path, const std::vector<H5View>& tensors,
                   const std::map<std::string, std::string>& attributes) {
  const H5Handle creation(check(H5Pcreate(H5P_FILE_CREATE)), H5Pclose);
  const H5Handle access(check(H5Pcreate(H5P_FILE_ACCESS)), H5Pclose);
  check(H5Pset_obj_track_times(creation, false));
  size_t longest = 0;
  for (const auto& [name, text] : attributes) longest = std::max(longest, text.size());
  if (longest > old_header_text) check(H5Pset_libver_bounds(access, H5F_LIBVER_V18, H5F_LIBVER_V18));
  const H5Handle file(check(H5Fcreate(path.c_str(), H5F_ACC_EXCL, creation, access)), H5Fclose);
  for (const auto& [name, text] : attributes) write_attribute(file, name, text);
  for (const H5View& tensor : tensors) write_tensor(file, tensor);
  check(H5Fflush(file, H5F_SCOPE_LOCAL));  // so that a full disk is met here, and not when the file closes unheard
}

}  // namespace

const char* tensor_file_extension() { return ".h5"; }

void write_hdf5(const std::string& path, const std::vector<H5View>& tensors,
                const std::map<std::string, std::string>& attributes, bool force) {
  static std::mutex one_at_a_time;  // Debian's libhdf5 is not made for threads
  const std::lock_guard lock(one_at_a_time);
  refuse_overwrite(path, force);
  AtomicFile output(path);
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  errno = 0;
  try {
    write_content(output.temporary(), tensors, attributes);
  } catch (const std::runtime_error& cause) {
    const bool full = errno == ENOSPC || errno == EDQUOT || errno == EFBIG;
    throw Error(full ? ExitCode::resource : ExitCode::failure,
                clean_text(path) + ": cannot be written (" + cause.what() + ")");
  }
  output.commit();
}

}  // namespace limbic
