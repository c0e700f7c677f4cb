// SPDX-License-Identifier: Apache-2.0
// Runs the CUDA rungs of an op where this machine can: on the emulator in several orders of threads, and on the GPU
// where the build and the machine have one.
#pragma once
#include <cstdlib>
#include <map>
#include <optional>
#include <utility>

#include "kernels/bf16.h"
#include "kernels/emu/scheduler.h"
#include "kernels/gpu_runtime.h"
#include "kernels/vendor/yardsticks.h"
#include "tests/kernels/cases.h"

namespace limbic::test {

inline Device device_under_test = Device::emu;
inline const GpuRuntime& runtime_under_test() { return *gpu_runtime(device_under_test); }

/// LIMBIC_TEST_FILE=softmax/softmax_v3_block.cu: only the rungs of that file (null: of all).
inline const char* file_under_test() { return std::getenv("LIMBIC_TEST_FILE"); }

/// Is this a CUDA rung whose device is here and wanted (LIMBIC_TEST_DEVICE=emu|cuda; unset: both)? Says once what is
/// missing of a GPU that the build has kernels for.
inline bool runs_here(const auto& rung) {
  const GpuRuntime* const gpu = gpu_runtime(rung.device);
  const char* const wanted = std::getenv("LIMBIC_TEST_DEVICE");
  if (rung.device == Device::cpu || !gpu || (wanted && !same_name(wanted, device_name(rung.device)))) return false;
  if (file_under_test() && !same_name(file_under_test(), rung.file)) return false;
  const char* const missing = gpu->what_is_missing();
  static bool said = false;
  if (missing && !std::exchange(said, true)) WARN("skipped: the kernels on a GPU; missing: " << missing);
  return !missing;
}
inline bool runs_here(const auto& rung, const auto& d) {
  return runs_here(rung) && serves(rung, d, rung.device, Isa::reference);
}

/// By how many elements a new array begins behind an address that is good for vectors.
inline size_t shift_of_arrays = 0;
struct ShiftedArrays {
  explicit ShiftedArrays(size_t elements) { shift_of_arrays = elements; }
  ~ShiftedArrays() { shift_of_arrays = 0; }
};

/// The elements of the arrays there are, by their addresses.
inline std::map<const void*, size_t> array_sizes;

/// Numbers in the memory of the device under test. Fresh ones are NaN on the emulator: what a kernel leaves out shows.
template <class T>
class DeviceArray {
 public:
  explicit DeviceArray(size_t n)
      : memory_(static_cast<T*>(runtime_under_test().allocate((shift_of_arrays + n) * sizeof(T), {}))),
        at_(memory_ + shift_of_arrays),
        n_(n) {
    array_sizes[at_] = n;
  }
  explicit DeviceArray(const std::vector<T>& host) : DeviceArray(host.size()) {
    runtime_under_test().copy(at_, host.data(), n_ * sizeof(T), {});
  }
  DeviceArray(DeviceArray&& other) noexcept
      : memory_(std::exchange(other.memory_, nullptr)), at_(other.at_), n_(other.n_) {}
  ~DeviceArray() {
    if (!memory_) return;
    array_sizes.erase(at_);
    runtime_under_test().release(memory_, {});
  }

  T* data() { return at_; }
  const T* data() const { return at_; }
  size_t size() const { return n_; }
  std::vector<T> host() const {
    std::vector<T> numbers(n_);
    runtime_under_test().copy(numbers.data(), at_, n_ * sizeof(T), {});
    runtime_under_test().synchronize({});
    return numbers;
  }

 private:
  T *memory_, *at_;
  size_t n_;
};
using DeviceFloats = DeviceArray<float>;

inline DeviceArray<int32_t> integers_beside(const DeviceFloats&, size_t n) { return DeviceArray<int32_t>(n); }
inline DeviceFloats as_numbers(const DeviceFloats&, const DeviceArray<int32_t>& integers) {
  const std::vector<int32_t> host = integers.host();
  return DeviceFloats(std::vector<float>(host.begin(), host.end()));
}
inline DeviceArray<int32_t> indices(const DeviceFloats& numbers) {
  return DeviceArray<int32_t>(indices(numbers.host()));
}
inline DeviceFloats copy_of(const DeviceFloats& numbers) { return DeviceFloats(numbers.host()); }
inline void add_to(DeviceFloats& sum, const DeviceFloats& x) {
  std::vector<float> total = sum.host();
  add_to(total, x.host());
  runtime_under_test().copy(sum.data(), total.data(), total.size() * sizeof(float), {});
}

/// Most CUDA threads that a case starts on the emulator.
constexpr uint64_t most_threads = 20000;

/// The orders this build runs a case in. A sanitizer needs one: AddressSanitizer looks at addresses, ThreadSanitizer at
/// what happens before what.
inline std::vector<emu::Options> thread_orders() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return {{emu::Order::random, seed}};
#else
  return {{emu::Order::forward, seed}, {emu::Order::reverse, seed}, {emu::Order::random, seed}};
#endif
}

/// An argument of a kernel, as the tests have it: arrays stored as bf16 are copies of arrays of float, and what the
/// kernel wrote goes back into them.
template <class P>
struct Argument {
  using Given = P;
  P given;
  P get() { return given; }
};
template <class T>
requires std::is_same_v<std::remove_const_t<T>, bf16>
struct Argument<T*> {
  using Given = std::conditional_t<std::is_const_v<T>, const float*, float*>;
  Given given;
  std::optional<DeviceArray<bf16>> stored{};
  bf16* get() {
    if (!given) return nullptr;
    std::vector<float> numbers(array_sizes.at(given));
    runtime_under_test().copy(numbers.data(), given, numbers.size() * sizeof(float), {});
    runtime_under_test().synchronize({});
    std::vector<bf16> narrowed(numbers.size());
    std::transform(numbers.begin(), numbers.end(), narrowed.begin(), [](float x) { return narrow(x); });
    return stored.emplace(narrowed).data();
  }
  ~Argument() {
    if constexpr (!std::is_const_v<T>) {
      if (!stored) return;
      std::vector<float> numbers(stored->size());
      const std::vector<bf16> results = stored->host();
      std::transform(results.begin(), results.end(), numbers.begin(), [](bf16 x) { return widen(x); });
      runtime_under_test().copy(given, numbers.data(), numbers.size() * sizeof(float), {});
    }
  }
};

/// A kernel of any storage, to be called with arrays of float.
template <class... P>
auto with_floats(void (*kernel)(P...)) {
  return [kernel](typename Argument<P>::Given... given) { kernel(Argument<P>{given}.get()...); };
}

inline Tensors<float> run_on_device(const auto& d, const auto& rung, const Tensors<float>& in, const auto& call) {
  std::vector<DeviceFloats> inputs;
  for (const auto& numbers : in) inputs.emplace_back(numbers);
  const size_t shift = std::exchange(shift_of_arrays, 0);  // scratch is always aligned (rung.h)
  DeviceFloats scratch(rung.scratch ? rung.scratch(d) : 0);
  shift_of_arrays = shift;
  Tensors<float> results;
  for (const DeviceFloats& out : call(d, with_floats(rung.run[0]), inputs, scratch.data()))
    results.push_back(out.host());
  return results;
}

/// Every CUDA rung of a pass on every problem, scaled down by `scaled`, against v0 in f64; compare(rung, problem,
/// dims, in, got, truth) judges. The same bits in every order of threads, and where arrays lie at odd
/// addresses, as they do in one order (or, where there is but one, in every other case).
template <class Problems, class Dims, class Fn, class Reference>
void check_gpu_rungs(Pass pass, const Problems& problems, std::span<const Rung<Dims, Fn>> rungs,
                     Reference* v0_in_double, const auto& inputs, const auto& call, const auto& scaled,
                     const auto& compare) {
  const emu::Options before = emu::options();
  size_t served = 0;
  for (const auto& [name, full] : problems) {
    const Dims d = scaled(full);
    const Tensors<float> in = inputs(d);
    const Tensors<double> truth = call(d, v0_in_double, widened(in), static_cast<double*>(nullptr));
    for (const auto& rung : rungs) {
      if (!runs_here(rung, d)) continue;
      ++served;
      device_under_test = rung.device;
      Tensors<float> first;
      const std::vector<emu::Options> orders = thread_orders();
      for (const emu::Options& order : orders) {
        emu::options() = order;
        const ShiftedArrays shifted(orders.size() > 1 ? order.order == emu::Order::reverse : served % 2);
        const uint64_t threads_before = emu::statistics().threads;
        const std::string what = std::string(device_name(rung.device)) + " " + rung.name + ", order " +
                                 std::to_string(static_cast<int>(order.order));
        try {
          const Tensors<float> got = run_on_device(d, rung, in, call);
          if (first.empty()) compare(rung, name, d, in, got, truth);
          for (size_t i = 0; i < first.size(); ++i) report(pass, what, name, other_bits(got[i], first[i]));
          if (is_yardstick(rung.name)) break;  // promises no bits
          if (first.empty()) first = got;
        } catch (const std::exception& error) {
          report(pass, what, name, error.what());
          break;
        }
        const uint64_t threads = emu::statistics().threads - threads_before;
        if (threads > most_threads * truth.size()) report(pass, what, name, std::to_string(threads) + " CUDA threads");
      }
    }
  }
  emu::options() = before;
  CHECK((served > 0 || file_under_test()));
}

/// compare: every result within `allowed`.
inline auto within(Pass pass, Tolerance allowed) {
  return [=](const auto& rung, const char* problem, const auto&, const Tensors<float>&, const Tensors<float>& got,
             const Tensors<double>& truth) {
    for (size_t i = 0; i < truth.size(); ++i) {
      const std::string what =
          std::string(device_name(rung.device)) + " " + rung.name + ", result " + std::to_string(i);
      report(pass, what, problem, differs(got[i], truth[i], allowed));
    }
  };
}

/// Half a unit in the last place of what a rung multiplies: f32; two TF32 parts, 22 bits; one, 11 bits; BF16, 8 bits.
inline double rounding_unit(const char* rung) {
  const std::string name = rung;
  if (name.ends_with("bf16")) return 0x1p-8;
  return name.ends_with("3xtf32") ? 0x1p-22 : name.ends_with("tf32") ? 0x1p-11 : 0x1p-24;
}

}  // namespace limbic::test
