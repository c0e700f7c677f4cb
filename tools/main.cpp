// SPDX-License-Identifier: Apache-2.0
#include <malloc.h>
#include <sched.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>

#include <fmt/format.h>

#include "engine/tensor.h"
#include "kernels/isa.h"
#include "kernels/memory.h"
#include "kernels/parallel.h"
#include "kernels/registry.h"
#include "kernels/rung.h"
#include "kernels/vendor/vendor.h"
#include "tools/verb.h"

namespace limbic {

CLI::App* Program::verb(const std::string& name, const std::string& what, const std::string& examples) {
  CLI::App* sub = app.add_subcommand(name, what);
  sub->footer("Examples:\n" + examples);
  sub->add_flag("--json", json, "print one JSON document on stdout");
  sub->add_flag("--quiet,-q", quiet, "no progress and no warnings on stderr");
  sub->add_option("--threads", threads_, "threads to use (default: LIMBIC_THREADS, else all cores)")
      ->check(CLI::Range(1, 256));
  sub->add_option("--device", device, "cpu (default), emu or cuda")->check(CLI::IsMember({"cpu", "emu", "cuda"}));
  sub->add_option("--precision", precision,
                  "f32 (default) or bf16: how nets store maps and, in training (cuda and emu), their gradients; sums and weights stay f32")
      ->check(CLI::IsMember({"f32", "bf16"}));
  sub->add_option("--kernel,--kernels", kernels_,
                  "force a kernel, e.g. conv2d=v0_reference; may be given again. vendor: cuDNN's and cuBLAS's wherever they serve, but for lstm (name it: lstm=cudnn)")
      ->allow_extra_args(false);
  sub->add_flag("--trace", trace_, "print every kernel launch (op, pass, rung, sizes, time) and the peak of memory on stderr");
  sub->parse_complete_callback([this] { apply_common_options(); });
  return sub;
}

void Program::apply_common_options() {
  if (const char* isa = std::getenv("LIMBIC_ISA")) {
    if (const char* why = select_isa(isa)) {
      throw Error(ExitCode::usage, fmt::format("LIMBIC_ISA={}: {}", isa, why));
    }
  }
  if (const char* count = std::getenv("LIMBIC_THREADS")) {
    if (std::string text = count; !CLI::Range(1, 256)(text).empty()) {
      throw Error(ExitCode::usage, fmt::format("LIMBIC_THREADS={}: expected 1 to 256", text));
    }
  }
  if (threads_ > 0) set_threads(threads_);
  for (const Device known : {Device::cpu, Device::emu, Device::cuda}) {
    if (device == device_name(known)) set_compute_device(known);
  }
  if (!precision.empty()) set_map_storage(precision == "bf16" ? DType::bf16 : DType::f32);
  for (const std::string& setting : kernels_) {
    const size_t equals = setting.find('=');
    const bool for_all = setting == "vendor";
    if (!for_all && equals == std::string::npos) {
      throw Error(ExitCode::usage, fmt::format("--kernel {}: expected OP=RUNG, e.g. conv2d=v0_reference", setting));
    }
    if (const char* const missing = for_all || is_yardstick(setting.c_str() + equals + 1) ? vendor_missing() : nullptr) {
      throw Error(ExitCode::device, fmt::format("--kernel {}: missing: {}", setting, missing));
    }
    if (for_all) {
      prefer_yardsticks(true);
      continue;
    }
    if (!force_kernel(setting.substr(0, equals).c_str(), setting.substr(equals + 1).c_str())) {
      throw Error(ExitCode::usage, fmt::format("--kernel {}: no such op or rung; `limbic kernels list` names them", setting));
    }
  }
  if (trace_) {
    set_trace([](const TraceLine& line) {
      std::fprintf(stderr, "%-14s %-4s %-16s %-44s %9.3f ms\n", line.pass.op, line.pass.pass, line.rung, line.dims, line.ms);
    });
  }
}

namespace {

bool stdout_is_a_document = false;  // to which nothing is added

// Reduced precision is named in every answer.
Json with_precision(Json document) {
  stdout_is_a_document = true;
  if (anything_stored_in_bf16()) document["precision"] = "bf16";
  return document;
}
void name_precision() {
  if (anything_stored_in_bf16() && !stdout_is_a_document) fmt::print("precision: bf16\n");
}

}  // namespace

void print_json(const Json& document) {
  fmt::print("{}\n", with_precision(document).dump(1, ' ', false, Json::error_handler_t::replace));
}

void print_json_line(const Json& document) {
  fmt::print("{}\n", with_precision(document).dump(-1, ' ', false, Json::error_handler_t::replace));
  std::fflush(stdout);
}

void print_document(const std::string& text) {
  stdout_is_a_document = true;
  fmt::print("{}", text);
}

void print_note(const Program& program, const std::string& line) {
  if (!program.quiet) fmt::print(stderr, "{}\n", line);
}

std::string peak_memory_text() {
  return fmt::format("peak memory {:.1f} MiB", static_cast<double>(memory_use().peak) / (1 << 20));
}

bool stderr_is_terminal() { return isatty(STDERR_FILENO); }
bool use_color() { return isatty(STDOUT_FILENO) && !std::getenv("NO_COLOR"); }

namespace {

int fail(const Program& program, ExitCode code, const std::string& what) {
  std::fflush(stdout);
  fmt::print(stderr, "limbic: {}\n", what);
  if (program.json) {
    print_json({{"schema", "limbic.error/1"}, {"status", "error"}, {"error", what}, {"exit_code", static_cast<int>(code)}});
  }
  return static_cast<int>(code);
}

int run(int argc, char** argv) {
  Program program;
  program.app.name("limbic");  // in usage lines, whatever path it was called by
  program.app.require_subcommand(1);
  program.app.set_version_flag("--version", "limbic " LIMBIC_VERSION);
  program.app.footer(
      "Exit codes: 0 ok, 1 failure, 2 usage or config, 3 media, 4 weights, 5 resource limit, 6 device,\n"
      "7 a check did not hold, 8 some items of a batch failed, 130/143 stopped by a signal.\n"
      "Start with: limbic predict CLIP.mp4");
#ifdef LIMBIC_IO
  add_predict(program);
  add_report(program);
  add_tag(program);
  add_embed(program);
#endif
  add_train(program);
  add_eval(program);
  add_cv(program);
#ifdef LIMBIC_IO
  add_fuse(program);
  add_weights(program);
  add_compare(program);
  add_graph(program);
  add_data(program);
#endif
  add_kernels(program);
  add_bench(program);
  add_doctor(program);

  try {
    program.app.parse(argc, argv);
    const int code = program.run ? program.run() : 0;
    name_precision();
    if (tracing()) fmt::print(stderr, "{}\n", peak_memory_text());
    return code;
  } catch (const CLI::CallForHelp& help) {
    return program.app.exit(help);
  } catch (const CLI::CallForVersion& version) {
    return program.app.exit(version);
  } catch (const CLI::ParseError& error) {
    return fail(program, ExitCode::usage, std::string(error.what()) + " (see limbic --help)");
  } catch (const Error& error) {
    return fail(program, error.code, error.what());
  } catch (const std::bad_alloc&) {
    return fail(program, ExitCode::resource, "out of memory");
  } catch (const std::exception& error) {
    return fail(program, ExitCode::failure, error.what());
  }
}

/// The heap grows in large steps and is kept: a short run would spend as long on asking for memory as on a net.
void widen_heap() {
  mallopt(M_TOP_PAD, 64 << 20);
  mallopt(M_MMAP_THRESHOLD, 16 << 20);
  mallopt(M_TRIM_THRESHOLD, 128 << 20);
}

/// Long work, not conversation: a reader is not interrupted for every picture that it hands over.
void prefer_throughput() {
  const sched_param no_priority{};
  if (sched_getscheduler(0) == SCHED_OTHER) sched_setscheduler(0, SCHED_BATCH, &no_priority);
}

}  // namespace
}  // namespace limbic

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  limbic::widen_heap();
  limbic::prefer_throughput();
  const int code = limbic::run(argc, argv);
  // Output that could not be written (a full disk, a closed pipe) is a failure, not a success.
  if ((std::fflush(stdout) != 0 || std::ferror(stdout)) && code == 0) {
    fmt::print(stderr, "limbic: the output cannot be written: {}\n", std::strerror(errno));
    return 1;
  }
  return code;
}
