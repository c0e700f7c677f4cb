// SPDX-License-Identifier: Apache-2.0
#include "kernels/roof/roof.h"

#include <catch2/catch.hpp>

using namespace limbic;

TEST_CASE("the roof is measured on every instruction set") {
  const char* const best = isa_name(active_isa());
  for (const Isa isa : {Isa::reference, Isa::avx2, Isa::avx512}) {
    if (!isa_supported(isa)) continue;
    INFO(isa_name(isa));
    REQUIRE(select_isa(isa_name(isa)) == nullptr);
    const Roof roof = measure_roof();
    CHECK(roof.gflops > 0.1);
    CHECK(roof.gflops < 1e5);
    CHECK(roof.gbytes > 0.1);
    CHECK(roof.gbytes < 1e5);
  }
  select_isa(best);
}
