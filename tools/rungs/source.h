// SPDX-License-Identifier: Apache-2.0
// The source of a rung, as it stands beside the program.
#pragma once
#include <string>
#include <vector>

namespace limbic {

/// The lines of a file of kernels/; throws Error(failure) where the sources are not beside the program.
std::vector<std::string> source_lines(const std::string& file);
/// Its path.
std::string source_path(const std::string& file);

/// The comment that a file opens with, without SPDX and slashes.
std::string opening_of(const std::string& file);

/// The first line of the body of `kernel` ("softmax_fwd_v2", "(conv2d_fwd_v3<true>)"); 0: not in this file.
int body_line(const std::vector<std::string>& lines, const std::string& kernel);

/// Runs `command` in a shell: what it wrote to stdout, and whether it ended well.
struct Output {
  std::string text;
  bool ok;
};
Output output_of(const std::string& command);

/// `text` as one word of a shell's command line, quoted where it must be.
std::string shell_word(const std::string& text);

}  // namespace limbic
