// SPDX-License-Identifier: Apache-2.0
// HDF5 on the one open descriptor: a file driver that knows no names.
#pragma once
#include <hdf5.h>

namespace limbic::reader {

/// A file access list whose driver reads file_fd and can open nothing else, whatever name it is given.
hid_t access_of_open_file();

}  // namespace limbic::reader
