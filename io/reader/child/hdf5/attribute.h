// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <hdf5.h>

#include <string>

namespace limbic::reader {

/// Sends a group's attributes that are strings or numbers as text, an array's elements one a line. Others are left out.
/// Throws Refusal where one is damaged or larger than it may be.
void send_attributes(hid_t group, const std::string& path);

}  // namespace limbic::reader
