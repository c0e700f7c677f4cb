// SPDX-License-Identifier: Apache-2.0
#include "kernels/emu/wgmma.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <string>
#include <vector>

#include "kernels/emu/counters.h"
#include "kernels/emu/mbarrier.h"
#include "kernels/emu/memory.h"
#include "kernels/emu/sanitizers.h"
#include "kernels/emu/scheduler.h"

namespace limbic::emu {
namespace {

constexpr unsigned group_threads = 128, lanes = 32;
constexpr int rows = 64, depth = 16, most_columns = 256;

/// An operand in dynamic shared memory, as the 64 bits of a descriptor say.
struct Operand {
  uint64_t descriptor;
  bool mn;
  int length;  ///< rows of a, or columns of b

  size_t start() const { return (descriptor & 0x3fff) << 4; }
  size_t leading() const { return (descriptor >> 16 & 0x3fff) << 4; }
  size_t stride() const { return (descriptor >> 32 & 0x3fff) << 4; }
  int chunks() const { return length * depth / 8; }

  /// Eight neighbours: elements [i, i + 8) of depth k where `mn`, else element i at depths [k, k + 8).
  struct Chunk {
    size_t offset;  ///< in dynamic shared memory
    int i, k;
  };
  Chunk chunk(int number) const {
    Chunk c;
    size_t straight;
    if (mn) {
      c.i = number / depth * 8, c.k = number % depth;
      straight = start() + c.i / 64 * leading() + c.k / 8 * stride() + c.k % 8 * 128 + c.i % 64 * 2;
    } else {
      c.i = number / 2, c.k = number % 2 * 8;
      straight = start() + c.i / 8 * stride() + c.i % 8 * 128 + c.k * 2;
    }
    c.offset = straight ^ (straight >> 7 & 7) << 4;
    return c;
  }
};

/// What one instruction asks for.
struct Call {
  const char* op;
  Location at;
  int columns = 0;
  Operand a{}, b{};
  int groups_left = 0;
};

struct Product {
  Call call;
  float* d;  ///< the first thread's
  int group;
};

/// Accumulators that products in flight add to: nobody may look at them.
struct Accumulators {
  int columns;
  float* d[group_threads];
  std::vector<float> sums;  ///< [64, columns]
};

struct Warpgroup {
  Call call;  ///< that its threads come together for
  unsigned arrived = 0;
  bool left = false;  ///< a thread has returned
  float* d[group_threads] = {};
  std::vector<const float*> fenced;  ///< accumulators, by the first thread's
  int groups = 0;                    ///< committed
  std::vector<Product> products;
  std::vector<Accumulators> held;
};
std::vector<Warpgroup> warpgroups;  // of the running block

unsigned own_rank() { return static_cast<unsigned>(running_rank()); }
Warpgroup& own_group() { return warpgroups[own_rank() / group_threads]; }

void check_meets(const Warpgroup& g, const Call& call) {
  const unsigned first = own_rank() / group_threads * group_threads;
  const auto refuse = [&](const std::string& why) {
    throw Error("divergent warpgroup", std::string(call.op) + " " + why, call.at);
  };
  if (first + group_threads > threads_of_block()) refuse("needs four whole warps");
  if (g.left) refuse("needs threads that have returned");
  if (!g.arrived) return;
  if (std::strcmp(g.call.op, call.op) || g.call.at.line != call.at.line) {
    refuse(std::string("while other threads are in ") + g.call.op + " at " + where(g.call.at) + ";");
  }
  if (g.call.a.descriptor != call.a.descriptor || g.call.b.descriptor != call.b.descriptor) {
    refuse("with other descriptors than other threads");
  }
}

/// Waits for the other threads of the warpgroup; the last does what all came for.
void meet(const Call& call, float* d, void (*together)(Warpgroup&)) {
  const Quiet quiet;
  Warpgroup& g = own_group();
  check_meets(g, call);
  g.call = call;
  g.d[own_rank() % group_threads] = d;
  begin_waiting(call.op, call.at);
  if (++g.arrived == group_threads) {
    const unsigned first = own_rank() / group_threads * group_threads;
    for (unsigned warp = first / lanes; warp < (first + group_threads) / lanes; ++warp) note_meeting(warp, true);
    g.arrived = 0;
    {
      const Uncounted by_the_kernel;
      together(g);
    }
    const bool reverse = options().order == Order::reverse;
    for (unsigned i = 0; i < group_threads; ++i) wake(first + (reverse ? group_threads - 1 - i : i));
  }
  wait_for_turn();
}

/// Where element i of a thread's accumulators stands in the matrix of sums.
size_t place_of(unsigned thread, int i, int columns) {
  const unsigned row = thread / lanes * 16 + thread % lanes / 4 + i / 2 % 2 * 8;
  return row * static_cast<size_t>(columns) + i / 4 * 8 + thread % 4 * 2 + i % 2;
}

void check_operand(const Operand& o, const char* name, Location at) {
  const auto refuse = [&](const char* why) { throw Error("wgmma", std::string("operand ") + name + why, at); };
  if (o.start() >> 7 & 7) refuse(" is misaligned: its rows are swizzled as from a multiple of 1024 bytes");
  const char* const shared = static_cast<const char*>(dynamic_shared());
  for (int i = 0; i < o.chunks(); ++i) {
    const char* const chunk = shared + o.chunk(i).offset;
    if (!in_shared(chunk, 16)) refuse(" leaves the dynamic shared memory");
    if (is_copied_to(chunk, 16)) refuse(" is the target of a bulk copy that nobody has waited for");
  }
}

void hold_accumulators(Warpgroup& g) {
  const Call& call = g.call;
  for (const Accumulators& held : g.held) {
    if (held.d[0] != g.d[0]) continue;
    if (held.columns != call.columns)
      throw Error("wgmma", "products of two shapes add to the same accumulators", call.at);
    return;
  }
  if (std::find(g.fenced.begin(), g.fenced.end(), g.d[0]) == g.fenced.end()) {
    throw Error("wgmma", "no wgmma_fence() orders the accumulators' registers before it", call.at);
  }
  Accumulators& held = g.held.emplace_back(Accumulators{call.columns, {}, {}});
  held.sums.resize(static_cast<size_t>(rows) * call.columns);
  for (unsigned t = 0; t < group_threads; ++t) {
    held.d[t] = g.d[t];
    for (int i = 0; i < call.columns / 2; ++i) held.sums[place_of(t, i, call.columns)] = g.d[t][i];
    fill_poison(g.d[t], call.columns / 2 * sizeof(float));
  }
}

void begin_product(Warpgroup& g) {
  check_operand(g.call.a, "a", g.call.at);
  check_operand(g.call.b, "b", g.call.at);
  hold_accumulators(g);
  g.products.push_back({g.call, g.d[0], g.groups});
}

void read(const Operand& o, double (&element)[depth][most_columns]) {
  const char* const shared = static_cast<const char*>(dynamic_shared());
  for (int number = 0; number < o.chunks(); ++number) {
    const Operand::Chunk c = o.chunk(number);
    uint16_t eight[8];
    std::memcpy(eight, shared + c.offset, sizeof eight);
    for (int j = 0; j < 8; ++j) {
      const double value = std::bit_cast<float>(static_cast<uint32_t>(eight[j]) << 16);
      (o.mn ? element[c.k][c.i + j] : element[c.k + j][c.i]) = value;
    }
  }
}

/// Products and sums are exact to f64, then rounded to f32 once.
void multiply(const Product& p, std::vector<float>& sums) {
  static double a[depth][most_columns], b[depth][most_columns], row[most_columns];
  const int columns = p.call.columns;
  note_tensor_flops(uint64_t{2} * rows * depth * static_cast<uint64_t>(columns));
  read(p.call.a, a), read(p.call.b, b);
  for (int m = 0; m < rows; ++m) {
    float* const sum = &sums[static_cast<size_t>(m) * columns];
    std::copy_n(sum, columns, row);
    for (int k = 0; k < depth; ++k) {
      const double left = a[k][m];
      for (int n = 0; n < columns; ++n) row[n] += left * b[k][n];
    }
    for (int n = 0; n < columns; ++n) sum[n] = static_cast<float>(row[n]);
  }
}

bool is_due(const Product& p, const Warpgroup& g, int groups_left) { return p.group < g.groups - groups_left; }

/// Gives the threads their sums back, where no product is left that adds to them.
void release_accumulators(Warpgroup& g) {
  std::erase_if(g.held, [&](const Accumulators& held) {
    if (std::any_of(g.products.begin(), g.products.end(), [&](const Product& p) { return p.d == held.d[0]; }))
      return false;
    for (unsigned t = 0; t < group_threads; ++t) {
      for (int i = 0; i < held.columns / 2; ++i) {
        if (std::bit_cast<uint32_t>(held.d[t][i]) != poison_word) {
          throw Error("wgmma", "accumulators were written before wgmma_wait()", g.call.at);
        }
        held.d[t][i] = held.sums[place_of(t, i, held.columns)];
      }
    }
    return true;
  });
}

void finish_products(Warpgroup& g) {
  for (const Product& p : g.products) {
    if (!is_due(p, g, g.call.groups_left)) continue;
    const auto of = std::find_if(g.held.begin(), g.held.end(), [&](const Accumulators& h) { return h.d[0] == p.d; });
    multiply(p, of->sums);
  }
  std::erase_if(g.products, [&](const Product& p) { return is_due(p, g, g.call.groups_left); });
  release_accumulators(g);
  g.fenced.clear();  // from here on threads may use their registers
}

/// ThreadSanitizer sees the lanes of each warp read all of the operands, a share each.
void note_operands(const Call& call) {
  const char* const shared = static_cast<const char*>(dynamic_shared());
  for (const Operand* o : {&call.a, &call.b}) {
    for (int i = static_cast<int>(lane_id()); i < o->chunks(); i += lanes) note_read(shared + o->chunk(i).offset, 16);
  }
}

}  // namespace

uint32_t offset_of_wgmma_tile(const void* tile, uint32_t next_block, Location at) {
  const ptrdiff_t offset = static_cast<const char*>(tile) - static_cast<const char*>(dynamic_shared());
  if (offset < 0 || offset >= static_cast<ptrdiff_t>(max_shared)) {
    throw Error("wgmma", "the tile is not in dynamic shared memory", at);
  }
  if (offset % 16 || next_block % 16) throw Error("wgmma", "misaligned: a descriptor counts in 16 bytes", at);
  return static_cast<uint32_t>(offset);
}

void emulate_wgmma_fence(float* d, Location at) {
  meet({.op = "wgmma_fence()", .at = at}, d, [](Warpgroup& g) { g.fenced.push_back(g.d[0]); });
}

void emulate_wgmma(float* d, int columns, uint64_t a, bool a_mn, uint64_t b, bool b_mn, Location at) {
  const Call call{.op = "wgmma", .at = at, .columns = columns, .a = {a, a_mn, rows}, .b = {b, b_mn, columns}};
  meet(call, d, begin_product);
  if (with_tsan) note_operands(call);
}

void emulate_wgmma_commit(Location at) {
  meet({.op = "wgmma_commit()", .at = at}, nullptr, [](Warpgroup& g) { ++g.groups; });
}

void emulate_wgmma_wait(int groups_left, Location at) {
  for (const Product& p : own_group().products) {  // they may have been read until now
    if (with_tsan && is_due(p, own_group(), groups_left)) note_operands(p.call);
  }
  meet({.op = "wgmma_wait()", .at = at, .groups_left = groups_left}, nullptr, finish_products);
}

void begin_warpgroups() {
  const Quiet quiet;
  warpgroups.assign((threads_of_block() + group_threads - 1) / group_threads, {});
}

void leave_warpgroup(unsigned rank) {
  Warpgroup& g = warpgroups[rank / group_threads];
  g.left = true;
  if (g.arrived) {
    throw Error("divergent warpgroup", std::string(g.call.op) + " needs a thread that returns;", g.call.at);
  }
  if (!g.products.empty()) {
    throw Error("wgmma", "a thread returns before its warpgroup has waited for it;", g.products[0].call.at);
  }
}

bool is_read_by_wgmma(const void* shared, size_t bytes) {
  const char* const begin = static_cast<const char*>(shared);
  for (const Warpgroup& g : warpgroups) {
    for (const Product& p : g.products) {
      for (const Operand* o : {&p.call.a, &p.call.b}) {
        for (int i = 0; i < o->chunks(); ++i) {
          const char* const chunk = static_cast<const char*>(dynamic_shared()) + o->chunk(i).offset;
          if (chunk >= begin && chunk < begin + bytes) return true;
        }
      }
    }
  }
  return false;
}

}  // namespace limbic::emu
