// SPDX-License-Identifier: Apache-2.0
#include "kernels/rung.h"

#include <cstring>
#include <map>
#include <mutex>
#include <string>

namespace limbic {
namespace {

std::mutex mutex;
std::map<std::string, std::string>& forced() {
  static std::map<std::string, std::string> names;
  return names;
}
void (*sink)(const TraceLine&) = nullptr;

}  // namespace

const char* device_name(Device device) {
  constexpr const char* names[] = {"cpu", "emu", "cuda"};
  return names[static_cast<int>(device)];
}

bool same_name(const char* a, const char* b) { return std::strcmp(a, b) == 0; }

const char* forced_kernel(const char* op) {
  std::lock_guard lock(mutex);
  const auto it = forced().find(op);
  return it == forced().end() ? nullptr : it->second.c_str();
}

void remember_forced_kernel(const char* op, const char* name) {
  std::lock_guard lock(mutex);
  if (*name) {
    forced()[op] = name;
  } else {
    forced().erase(op);
  }
}

void set_trace(void (*new_sink)(const TraceLine&)) { sink = new_sink; }
bool tracing() { return sink != nullptr; }
void trace(const TraceLine& line) { sink(line); }

}  // namespace limbic
