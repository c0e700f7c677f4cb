// SPDX-License-Identifier: Apache-2.0
// `limbic kernels list`: every rung of every op, in the order the dispatcher asks them.
#include <fmt/format.h>

#include "kernels/registry.h"
#include "tools/verb.h"

namespace limbic {
namespace {

int list(const Program& program) {
  const auto kernels = kernel_list();
  if (program.json) {
    Json rows = Json::array();
    for (const auto& k : kernels) {
      rows.push_back({{"op", k.op}, {"rung", k.name}, {"pass", k.pass}, {"device", device_name(k.device)},
                      {"file", k.file}, {"default", k.is_default}});
    }
    print_json({{"schema", "limbic.kernels/1"}, {"kernels", rows}});
    return 0;
  }
  fmt::print("{:<14} {:<5} {:<18} {:<6} {}\n", "op", "pass", "rung", "device", "file");
  for (const auto& k : kernels) {
    fmt::print("{:<14} {:<5} {:<18} {:<6} {}{}\n", k.op, k.pass, k.name, device_name(k.device), k.file,
               k.is_default ? "  (default)" : "");
  }
  return 0;
}

}  // namespace

void add_kernels(Program& program) {
  CLI::App* sub = program.verb("kernels", "the kernels of every op", "  limbic kernels list\n  limbic kernels list --json");
  auto action = std::make_shared<std::string>("list");
  sub->add_option("action", *action, "list")->check(CLI::IsMember({"list"}));
  sub->callback([&program, action] { program.run = [&program] { return list(program); }; });
}

}  // namespace limbic
