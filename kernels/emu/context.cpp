// SPDX-License-Identifier: Apache-2.0
// Where a launch stands, in the words of its errors.
#include <map>

#include "kernels/emu/machine.h"

namespace limbic::emu {

std::string text(uint3 v) {
  std::string s = "(";
  return s.append(std::to_string(v.x))
      .append(",")
      .append(std::to_string(v.y))
      .append(",")
      .append(std::to_string(v.z))
      .append(")");
}

std::string context() {
  std::string s = std::string("\n  in kernel ") + m.launch->kernel + ", block " + text(blockIdx);
  if (m.current) s += ", thread " + text(m.current->index);
  s += ", launched at " + where(m.launch->at) + ", order ";
  switch (options().order) {
    case Order::forward:
      return s + "forward";
    case Order::reverse:
      return s + "reverse";
    case Order::random:
      return s + "random, seed " + std::to_string(options().seed);
  }
  return s;
}

/// Who waits where, a phrase for each place.
std::string who_waits() {
  struct Group {
    unsigned threads = 0;
    uint3 first{};
    void add(const Thread& t) {
      if (!threads++) first = t.index;
    }
  };
  std::map<std::string, Group> places;
  for (const Thread& t : m.threads) {
    if (t.state == State::waiting) places["wait in " + std::string(t.waits_in) + " at " + where(t.at)].add(t);
    if (t.state == State::returned) places["have returned"].add(t);
  }
  std::string s;
  for (const auto& [place, group] : places) {
    s += (s.empty() ? "" : "; ") + std::to_string(group.threads) + " thread(s) " + place + " (first " +
         text(group.first) + ")";
  }
  return s;
}

std::string running_context() { return m.current ? context() : std::string(); }

}  // namespace limbic::emu
