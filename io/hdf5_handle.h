// SPDX-License-Identifier: Apache-2.0
// libhdf5's identifiers, for those who write with it and for the reader that is confined with it.
#pragma once
#include <hdf5.h>

namespace limbic {

/// An HDF5 identifier, closed by `close` at the end of its scope; below 0, nothing was made and nothing is closed.
class H5Handle {
 public:
  H5Handle(hid_t id, herr_t (*close)(hid_t)) : id_(id), close_(close) {}
  ~H5Handle() {
    if (id_ >= 0) close_(id_);
  }
  H5Handle(const H5Handle&) = delete;
  H5Handle& operator=(const H5Handle&) = delete;
  operator hid_t() const { return id_; }

 private:
  hid_t id_;
  herr_t (*close_)(hid_t);
};

}  // namespace limbic
