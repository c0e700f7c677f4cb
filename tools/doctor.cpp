// SPDX-License-Identifier: Apache-2.0
// `limbic doctor`: what this machine and this build can do.
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include <fmt/format.h>

#include "kernels/gpu_runtime.h"
#include "kernels/isa.h"
#include "kernels/parallel.h"
#ifdef LIMBIC_IO
#include "io/reader/process.h"
#endif
#include "tools/inputs.h"
#include "tools/verb.h"

namespace limbic {
namespace {

std::string cpu_model() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (line.rfind("model name", 0) == 0) return line.substr(line.find(':') + 2);
  }
  return "unknown";
}

struct Finding {
  std::string name, status, detail;  // status: ok, warning, missing
};

#ifdef LIMBIC_IO
Finding confinement(const std::string& name, const reader::Status& reader) {
  if (!reader.seccomp || !reader.no_new_privs) return {name, "warning", reader.detail};
  for (const reader::Attempt& attempt : reader.attempts) {
    if (attempt.error != EPERM) return {name, "warning", "the system-call filter lets the reader " + attempt.what};
  }
  return {name, "ok", fmt::format("strangers' files are parsed under a system-call filter: {} ways out tried, none open", reader.attempts.size())};
}
#endif

std::vector<Finding> findings() {
  std::vector<Finding> all;
  all.push_back({"cpu", "ok", fmt::format("{}, {} threads in use", cpu_model(), threads())});
  for (Isa isa : {Isa::avx512, Isa::avx2}) {
    const bool has = isa_supported(isa);
    all.push_back({isa_name(isa), has ? "ok" : "missing",
                   has ? (active_isa() == isa ? "in use" : "available") : "this CPU does not have it"});
  }
  if (active_isa() == Isa::reference) {
    all.push_back({"speed", "warning", "only the reference kernels can run: right, but slow"});
  }
  const int64_t memory = int64_t{sysconf(_SC_PHYS_PAGES)} * sysconf(_SC_PAGE_SIZE);
  all.push_back({"memory", "ok", fmt::format("{:.1f} GiB", static_cast<double>(memory) / (1 << 30))});
  all.push_back({"emu", "ok", "CUDA kernels run on the CPU, thread by thread"});
  if (const GpuRuntime* const cuda = gpu_runtime(Device::cuda)) {
    const int capability = cuda->compute_capability();
    const char* const missing = cuda->what_is_missing();
    all.push_back({"cuda", missing ? "missing" : "ok",
                   missing ? fmt::format("this build has CUDA kernels; missing: {}", missing)
                           : fmt::format("compute capability {}.{}", capability / 10, capability % 10)});
  } else {
    all.push_back({"cuda", "missing", "this build's CUDA kernels run on the emulator only (-DLIMBIC_CUDA=on)"});
  }
#ifdef LIMBIC_IO
  const std::pair<std::string, const char*> readers[] = {{reader::media_reader, "no media"},
                                                         {reader::hdf5_reader, "no HDF5 weights"},
                                                         {reader::yunet_reader, "no --face-detector"}};
  for (const auto& [program, lost] : readers) {
    const std::string kind = program.substr(std::strlen(reader::media_reader));
    const reader::Status reader = reader::status(program.c_str());
    all.push_back({"reader" + kind, reader.works ? "ok" : "missing",
                   reader.works ? reader.path : fmt::format("{}: {} ({})", program, lost, reader.detail)});
    if (reader.works) all.push_back(confinement("confined" + kind, reader));
  }
  const std::string voice = find_data_file("weights/voice.h5"), face = find_data_file("weights/face.h5");
  all.push_back({"voice", voice.empty() ? "missing" : "ok", voice.empty() ? "no weights/voice.h5: predict needs --weights" : voice});
  all.push_back({"face", face.empty() ? "missing" : "ok", face.empty() ? "no weights/face.h5: predict hears the voice alone" : face});
#else
  all.push_back({"io", "missing", "built with LIMBIC_IO=OFF: no media, no HDF5; train, cv and eval take log-mel files and safetensors"});
#endif
  return all;
}

int run(const Program& program) {
  const auto all = findings();
  if (program.json) {
    Json checks = Json::array();
    for (const auto& f : all) checks.push_back({{"name", f.name}, {"status", f.status}, {"detail", f.detail}});
    print_json({{"schema", "limbic.doctor/1"}, {"version", LIMBIC_VERSION}, {"isa", isa_name(active_isa())},
                {"threads", threads()}, {"checks", checks}});
    return 0;
  }
  fmt::print("limbic {}\n", LIMBIC_VERSION);
  for (const auto& f : all) fmt::print("  {:<13} {:<8} {}\n", f.name, f.status, f.detail);
  return 0;
}

}  // namespace

void add_doctor(Program& program) {
  program.verb("doctor", "what this machine and this build can do", "  limbic doctor\n  limbic doctor --json")
      ->callback([&program] { program.run = [&program] { return run(program); }; });
}

}  // namespace limbic
