// SPDX-License-Identifier: Apache-2.0
// The counts of every default CUDA rung, held: an access that coalesces less, a new bank conflict or barrier fails
// here. What was counted is written to default_rungs.csv in the build folder; a change that is meant is committed from
// there.
#include <catch2/catch.hpp>
#include <cmath>
#include <fstream>
#include <map>
#include <sstream>

#include "kernels/conv2d/conv2d.h"
#include "kernels/emu/counters.h"
#include "tools/rungs/rungs.h"

using namespace limbic;

namespace {

/// shapes.txt: the op, then what `--shape` takes. tools/gpu_counters.sh runs the same.
std::map<std::string, std::string> read_shapes() {
  std::map<std::string, std::string> of_op;
  std::ifstream file(LIMBIC_SOURCE_DIR "/tests/counts/shapes.txt");
  std::string op, shape;
  while (file >> op >> std::ws && std::getline(file, shape)) of_op[op] = shape;
  return of_op;
}
const std::map<std::string, std::string> shapes = read_shapes();

/// What is held of a kernel: these decide how fast memory serves it.
struct Held {
  double reads, read_sectors, writes, write_sectors, shared, conflicts, barriers;
};
constexpr const char* columns =
    "read requests,sectors a read,write requests,sectors a write,shared requests,bank conflicts a request,barriers";

double ratio(uint64_t n, uint64_t requests) { return requests ? double(n) / double(requests) : 0; }

Held held(const emu::Counters& c) {
  const uint64_t shared = c.shared_reads.requests + c.shared_writes.requests;
  return {double(c.reads.requests),
          ratio(c.reads.sectors, c.reads.requests),
          double(c.writes.requests),
          ratio(c.writes.sectors, c.writes.requests),
          double(shared),
          ratio(c.shared_reads.conflicts + c.shared_writes.conflicts, shared),
          double(c.barriers)};
}

std::string text(const Held& h) {
  char line[200];
  std::snprintf(line, sizeof line, "%.0f,%.3f,%.0f,%.3f,%.0f,%.3f,%.0f", h.reads, h.read_sectors, h.writes,
                h.write_sectors, h.shared, h.conflicts, h.barriers);
  return line;
}

/// "softmax fwd v2_warp softmax_fwd_v2" -> what the committed table holds.
std::map<std::string, Held> committed() {
  std::map<std::string, Held> table;
  std::ifstream file(LIMBIC_SOURCE_DIR "/tests/counts/default_rungs.csv");
  std::string line;
  std::getline(file, line);
  while (std::getline(file, line)) {
    Held h{};
    const size_t comma = line.find(',');
    if (std::sscanf(line.c_str() + comma + 1, "%lf,%lf,%lf,%lf,%lf,%lf,%lf", &h.reads, &h.read_sectors, &h.writes,
                    &h.write_sectors, &h.shared, &h.conflicts, &h.barriers) == 7) {
      table[line.substr(0, comma)] = h;
    }
  }
  return table;
}

/// Compilers and their versions keep a value in a register, or load it again: within 5 %.
bool near(double now, double then) { return std::fabs(now - then) <= 0.05 * std::max(now, then); }

}  // namespace

TEST_CASE("counts: every default CUDA rung keeps its sectors a request, bank conflicts and barriers") {
  const auto table = committed();
  std::ofstream now(LIMBIC_BUILD_DIR "/default_rungs.csv");
  now << "kernel," << columns << "\n";
  size_t seen = 0;
  for (const KernelInfo& k : kernel_list()) {
    if (k.device != Device::emu || !k.is_default) continue;
    INFO(k.op << " " << k.pass << " " << k.name);
    REQUIRE(shapes.count(k.op));
    emu::take_counters();
    prepare_rung({k.op, k.name, k.pass, {shapes.at(k.op)}, Device::emu}).launch();
    for (const emu::Counters& c : emu::take_counters()) {
      std::string kernel = c.kernel;
      std::replace(kernel.begin(), kernel.end(), ',', ';');
      const std::string name = std::string(k.op) + " " + k.pass + " " + k.name + " " + kernel;
      const Held h = held(c);
      now << name << "," << text(h) << "\n";
      ++seen;
      const auto before = table.find(name);
      INFO(name << "\n" << columns << "\nnow  " << text(h));
      CHECK(before != table.end());
      if (before == table.end()) continue;
      const Held& b = before->second;
      INFO("held " << text(b));
      CHECK((near(h.reads, b.reads) && near(h.read_sectors, b.read_sectors)));
      CHECK((near(h.writes, b.writes) && near(h.write_sectors, b.write_sectors)));
      CHECK((near(h.shared, b.shared) && near(h.conflicts, b.conflicts)));
      CHECK(h.barriers == b.barriers);
    }
  }
  CHECK(seen == table.size());
}

TEST_CASE("counts: maps stored in bf16 take half the bytes, and half the sectors of a streaming kernel") {
  const auto of = [](const std::string& op, const std::string& rung, const std::string& pass) {
    const ReadyRung ready = prepare_rung({op, rung, pass, {shapes.at(op)}, Device::emu});
    emu::take_counters();
    ready.launch();
    struct {
      double bytes, sectors;
    } cost{double(ready.bytes()), 0};
    for (const emu::Counters& c : emu::take_counters()) cost.sectors += double(c.reads.sectors + c.writes.sectors);
    return cost;
  };
  size_t passes = 0;
  for (const KernelInfo& k : kernel_list()) {
    std::string pass = k.pass;
    if (k.device != Device::emu || !k.is_default || !pass.ends_with("_bf16")) continue;
    const std::string op = k.op;
    const auto narrow = of(op, k.name, pass);
    pass.resize(pass.size() - 5);
    std::string of_f32 = k.name;
    if (op == "conv2d") of_f32 = "v4_tensor_core_bf16";
    if (op == "batch_norm_conv2d") of_f32 = "v4_tensor_core_3xtf32";
    const auto wide = of(op, of_f32, pass);
    INFO(op << " " << pass << ": " << narrow.bytes << " of " << wide.bytes << " bytes");
    // weights' gradients, and where a maximum was, are 4 bytes as before
    CHECK(narrow.bytes < (pass == "dw" ? 0.8 : op == "pool2d" ? 0.6 : 0.52) * wide.bytes);
    if (op == "unary" || op == "dropout") CHECK(narrow.sectors == 0.5 * wide.sectors);
    ++passes;
  }
  CHECK(passes == 19);
}

TEST_CASE("counts: a tile of a batch skips the taps that are padding, products and loads") {
  // 64 images fill a tile at each pixel: the taps that meet the map are 2 of 3 at a border, along both axes
  const Conv2dDims d{64, 3, 2, 64, 64, 3, 3, 1, 1, 1, 1};
  const double down = 2 + 3 + 2, across = 2 + 2, all = 3 * 3 * 2 * 3;
  const std::string shape = "N=64,H=3,W=2,C=64,K=64,R=3,S=3,pad_h=1,pad_w=1";
  for (const std::string pass : {"fwd", "dx", "dw", "fwd_bf16", "dx_bf16", "dw_bf16"}) {
    const bool narrow = pass.ends_with("_bf16");
    emu::take_counters();
    const char* const rung = narrow ? "v4_tensor_core_bf16" : "v4_tensor_core_3xtf32";
    prepare_rung({"conv2d", rung, pass, {shape}, Device::emu}).launch();
    const emu::Counters c = emu::take_counters()[0];
    INFO(pass << ": " << c.tensor_flops << " FLOPs, " << c.reads.bytes << " bytes read");
    CHECK(double(c.tensor_flops) == (narrow ? 1 : 3) * 2.0 * d.N * d.C * d.K * down * across);
    // each slab reads 16 x 64 of both operands for 64 x 64 x 16 products
    CHECK(double(c.reads.bytes) == (narrow ? 2 : 4) * 2.0 * d.N * d.C * down * across);
    CHECK(down * across < 0.52 * all);
  }
}
