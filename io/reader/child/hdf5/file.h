// SPDX-License-Identifier: Apache-2.0
// HDF5 on the one open descriptor: a file driver that knows no names, and handles that close themselves.
#pragma once
#include <hdf5.h>

namespace limbic::reader {

/// An HDF5 identifier, closed by `close` at the end of its scope.
class Handle {
 public:
  Handle(hid_t id, herr_t (*close)(hid_t)) : id_(id), close_(close) {}
  ~Handle() {
    if (id_ >= 0) close_(id_);
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  operator hid_t() const { return id_; }

 private:
  hid_t id_;
  herr_t (*close_)(hid_t);
};

/// A file access list whose driver reads file_fd and can open nothing else, whatever name it is given.
hid_t access_of_open_file();

}  // namespace limbic::reader
