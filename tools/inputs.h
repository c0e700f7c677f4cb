// SPDX-License-Identifier: Apache-2.0
// What a verb's list of clips stands for.
#pragma once
#include <string>
#include <vector>

namespace limbic {

/// Files stay; a folder becomes its media files, sorted by name; a quoted pattern (`"clips/*.mp4"`) its matches. What
/// stands for nothing (no such file, a folder without media) stays, for the reader to report beside the other results.
std::vector<std::string> expand_inputs(const std::vector<std::string>& inputs);

/// A file of limbic's own data (`weights/voice.h5`), beside the build or the installed program. Empty where there is
/// none.
std::string find_data_file(const std::string& relative);

}  // namespace limbic
