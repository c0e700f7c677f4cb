// SPDX-License-Identifier: Apache-2.0
// Whole numbers in the loops of files compiled per instruction set, which use no library templates.
#pragma once

namespace limbic::LIMBIC_ISA {

template <class A, class B>
[[gnu::always_inline]] inline auto smaller(A a, B b) {
  return a < b ? a : b;
}
template <class A, class B>
[[gnu::always_inline]] inline auto larger(A a, B b) {
  return a > b ? a : b;
}
template <class A, class B>
[[gnu::always_inline]] inline auto ceil_div(A a, B b) {
  return (a + b - 1) / b;
}

}  // namespace limbic::LIMBIC_ISA
