// SPDX-License-Identifier: Apache-2.0
#include "io/reader/child/hdf5/file.h"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "io/reader/child/channel.h"

namespace limbic::reader {
namespace {

struct OpenFile {
  H5FD_t base;  // first: HDF5 sees an OpenFile as an H5FD_t
  haddr_t size;
  haddr_t end_of_addresses;
};

const OpenFile& of(const H5FD_t* file) { return *reinterpret_cast<const OpenFile*>(file); }
OpenFile& of(H5FD_t* file) { return *reinterpret_cast<OpenFile*>(file); }

H5FD_t* open(const char*, unsigned flags, hid_t, haddr_t) {
  if (flags & (H5F_ACC_RDWR | H5F_ACC_TRUNC | H5F_ACC_CREAT)) return nullptr;
  auto* file = static_cast<OpenFile*>(std::calloc(1, sizeof(OpenFile)));
  if (!file) return nullptr;
  file->size = static_cast<haddr_t>(file_size());
  return &file->base;
}

herr_t close(H5FD_t* file) {
  std::free(&of(file));
  return 0;
}

herr_t query(const H5FD_t*, unsigned long* flags) {
  *flags = H5FD_FEAT_DATA_SIEVE | H5FD_FEAT_ACCUMULATE_METADATA;
  return 0;
}

haddr_t get_eoa(const H5FD_t* file, H5FD_mem_t) { return of(file).end_of_addresses; }
haddr_t get_eof(const H5FD_t* file, H5FD_mem_t) { return of(file).size; }
herr_t set_eoa(H5FD_t* file, H5FD_mem_t, haddr_t end) {
  of(file).end_of_addresses = end;
  return 0;
}

herr_t read(H5FD_t* file, H5FD_mem_t, hid_t, haddr_t address, size_t size, void* to) {
  if (address > of(file).size || size > of(file).size - address) return -1;
  char* out = static_cast<char*>(to);
  while (size > 0) {
    const ssize_t got = ::pread(file_fd, out, size, static_cast<off_t>(address));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return -1;
    out += got;
    address += static_cast<haddr_t>(got);
    size -= static_cast<size_t>(got);
  }
  return 0;
}

herr_t write(H5FD_t*, H5FD_mem_t, hid_t, haddr_t, size_t, const void*) { return -1; }

H5FD_class_t driver_class() {
  H5FD_class_t driver{};
  driver.name = "limbic_open_file";
  driver.maxaddr = INT64_MAX;
  driver.fc_degree = H5F_CLOSE_WEAK;
  driver.open = open;
  driver.close = close;
  driver.query = query;
  driver.get_eoa = get_eoa;
  driver.set_eoa = set_eoa;
  driver.get_eof = get_eof;
  driver.read = read;
  driver.write = write;
  const H5FD_mem_t one_list[] = H5FD_FLMAP_SINGLE;
  for (int i = 0; i < H5FD_MEM_NTYPES; ++i) driver.fl_map[i] = one_list[i];
  return driver;
}

}  // namespace

hid_t access_of_open_file() {
  static const H5FD_class_t driver = driver_class();
  const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
  if (access < 0 || H5Pset_driver(access, H5FDregister(&driver), nullptr) < 0) throw Refusal("HDF5 cannot be set up");
  return access;
}

}  // namespace limbic::reader
