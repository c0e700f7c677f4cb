// SPDX-License-Identifier: Apache-2.0
// What the drawings of nets and of training share.
#pragma once
#include <cstdint>
#include <string>

namespace limbic {

std::string svg_escaped(const std::string& text);  ///< with &lt; &gt; &amp; in place of < > &
std::string grouped_digits(int64_t number);        ///< 80753615 -> "80,753,615"

}  // namespace limbic
