// SPDX-License-Identifier: Apache-2.0
#include "nets/svg.h"

#include <catch2/catch.hpp>

using namespace limbic;

TEST_CASE("digits are grouped in threes, and text of a picture is escaped") {
  CHECK(grouped_digits(0) == "0");
  CHECK(grouped_digits(999) == "999");
  CHECK(grouped_digits(1000) == "1,000");
  CHECK(grouped_digits(80'753'615) == "80,753,615");
  CHECK(grouped_digits(-123) == "-123");
  CHECK(grouped_digits(-123'456) == "-123,456");
  CHECK(svg_escaped("a<b> & c") == "a&lt;b&gt; &amp; c");
}
