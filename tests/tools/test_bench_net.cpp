// SPDX-License-Identifier: Apache-2.0
// `limbic bench net` beside a stand-in for PyTorch that answers by the same line protocol, and gpu_check.sh's table of
// it.
#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>

#include "tests/tools/program.h"

using limbic_test::Run;
using limbic_test::Scratch;
using Json = nlohmann::json;

namespace {

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// A "Python" that has two settings: one takes 2000 ms, the other 500.
void write_peer(const Scratch& scratch) {
  std::ofstream(scratch.folder() / "python")
      << "#!/bin/bash\necho \"$3 $4\" >asked\necho 'a warning' >&2\necho \"$3 slow quick\"\necho ready 9.9\n"
         "while read -r name setting; do [ $setting = slow ] && echo 2000 || echo 500; done\n";
  REQUIRE(scratch.run("chmod +x python").code == 0);
}

}  // namespace

TEST_CASE("bench net races every setting of its peer on the same device, and the table of gpu_check.sh shows them") {
  const Scratch scratch;
  write_peer(scratch);
  const Run run = scratch.run("limbic bench net --only logmel --repeats 3 --python ./python --json --quiet");
  INFO(run.err);
  REQUIRE(run.code == 0);
  CHECK(scratch.read("asked") == "logmel cpu\n");
  const Json document = Json::parse(run.out);
  CHECK((document["device"] == "cpu" && document["torch"] == "9.9"));
  const Json row = document["rows"][0];
  CHECK((row["peer"] == "quick" && row["peer_ms"] == 500.0));
  CHECK(row["settings"] == Json::parse(R"([{"setting":"slow","ms":2000.0},{"setting":"quick","ms":500.0}])"));
  CHECK(row["ratio"].get<double>() == Approx(500 / row["limbic_ms"].get<double>()));
  CHECK(row["limit_ms"].get<double>() > 0);

  std::ofstream(scratch.folder() / "nets.json") << run.out;
  const Run table = scratch.run("awk -f '" LIMBIC_SOURCE_DIR "/tools/gpu_nets.awk' nets.json");
  INFO(table.out);
  CHECK(has(table.out, "| net | ms | PyTorch | its ms | ratio |\n| --- |"));
  CHECK(has(table.out, "| slow | 2000.000 | "));
  CHECK(has(table.out, "| log-mel of 10 s at 32 kHz | "));
  CHECK(has(table.out, "| quick | 500.000 | "));
  CHECK(std::count(table.out.begin(), table.out.end(), '\n') == 4);
}

TEST_CASE("without a peer the table has our own times, and off the CPU no limit is claimed") {
  const Scratch scratch;
  const Run run = scratch.run("limbic bench net --only logmel --repeats 1 --alone --json --quiet --device emu", 300);
  INFO(run.err);
  REQUIRE(run.code == 0);
  const Json document = Json::parse(run.out);
  CHECK(document["device"] == "emu");
  CHECK((!document["rows"][0].contains("limit_ms") && !document.contains("peak_gflops")));
  std::ofstream(scratch.folder() / "nets.json") << run.out;
  const Run table = scratch.run("awk -f '" LIMBIC_SOURCE_DIR "/tools/gpu_nets.awk' nets.json");
  INFO(table.out);
  CHECK(has(table.out, " | | | |\n"));
  CHECK(std::count(table.out.begin(), table.out.end(), '\n') == 3);
}

namespace {

// Says what Nsight Compute says, with numbers of its own, or that it may not.
constexpr const char* counting_stand_in = R"sh(#!/bin/bash
loads=l1tex__t_%s_pipe_lsu_mem_global_op_ld stores=l1tex__t_%s_pipe_lsu_mem_global_op_st
copies=sm__sass_l1tex_t_%s_pipe_lsu_mem_global_op_ldgsts_cache_bypass
shared=l1tex__data_bank_conflicts_pipe_lsu_mem_shared
if [ "$1" = --query-metrics ]; then
  for what in requests sectors; do
    printf "$loads  Counter\n$stores  Counter\n$copies  Counter\n" $what $what $what
  done
  echo "$shared  Counter"
  exit
fi
if [ "$(cat "$HERE/counters")" != allowed ]; then
  echo '==ERROR== ERR_NVGPUCTRPERM: no permission'
  exit 1
fi
printf '==PROF== Connected\n"ID","Kernel Name","Metric Name","Metric Unit","Metric Value"\n'
printf '"0","void k<(int)1, 2>(int, int)","%s.sum","","%s"\n' "$(printf "$loads" requests)" 1,000 \
  "$(printf "$loads" sectors)" 8,500 "$(printf "$stores" requests)" 10 "$(printf "$stores" sectors)" 40 \
  "$(printf "$copies" requests)" 1,000 "$(printf "$copies" sectors)" 3,500 $shared 17
)sh";

}  // namespace

TEST_CASE("gpu_check.sh puts PyTorch's times into its JSON and its tables, or says why there are none") {
  const Scratch scratch;
  write_peer(scratch);
  // Stand-ins for what needs a GPU or an hour: the build, the tests, and the program on a device.
  const Run made = scratch.run(
      "limbic bench net --only logmel --repeats 1 --python ./python --json --quiet >raced.json\n"
      "limbic bench net --only logmel --repeats 1 --alone --json --quiet >alone.json\n"
      "mkdir -p bin gpu/tests\n"
      "printf '#!/bin/bash\\nexit 0\\n' | tee bin/cmake bin/ncu bin/compute-sanitizer gpu/tests/test_{gpu,engine} "
      ">/dev/null\n"
      "cat >gpu/limbic <<'LIMBIC'\n#!/bin/bash\ncase \"$*\" in\n"
      "  doctor) echo '  cuda  ok  compute capability 9.0' ;;\n"
      "  'bench kernels --storage '*--seconds\\ [1-9]*) sed \"s/STORAGE/$4/\" \"$HERE/kernels.json\" ;;\n"
      "  'bench net'*--alone) cat \"$HERE/alone.json\" ;;\n"
      "  'bench net'*--python*) echo 'a warning of torch'; cat \"$HERE/raced.json\" ;;\nesac\nLIMBIC\n"
      "printf '#!/bin/bash\\necho \"ModuleNotFoundError: No module named \\\\\"torch\\\\\"\"; exit 1\\n' >no_torch\n"
      "printf '#!/bin/bash\\nexit 0\\n' >torch\nchmod +x bin/* gpu/limbic gpu/tests/test_{gpu,engine} torch no_torch");
  INFO(made.err);
  REQUIRE(made.code == 0);
  std::ofstream(scratch.folder() / "bin/ncu") << counting_stand_in;
  std::ofstream(scratch.folder() / "bin/cmake")
      << "#!/bin/bash\n[[ $* != *help ]] || { echo ... limbic_vendor; seq 100000; }\n";
  const Json rows = {{{"op", "conv2d"}, {"rung", "of_STORAGE"}, {"ms", 2}, {"limit_ms", 1}},
                     {{"op", "lstm"}, {"rung", "several_ops"}, {"ms", 3}},
                     {{"op", "conv2d"}, {"rung", "cudnn"}, {"failed", "returns \"8\""}}};
  std::ofstream(scratch.folder() / "kernels.json") << Json{{"rows", rows}}.dump(1) << "\n";
  for (const std::string python : {"torch", "no_torch"}) {
    std::ofstream(scratch.folder() / "counters") << (python == "torch" ? "allowed" : "refused");
    const Run run = scratch.run("HERE=$PWD PATH=\"$PWD/bin:$PATH\" LIMBIC_GPU_BUILD=$PWD/gpu LIMBIC_PYTHON=$PWD/" +
                                python + " '" LIMBIC_SOURCE_DIR "/tools/gpu_check.sh' $PWD/" + python + "_out");
    INFO(run.err);
    REQUIRE(run.code == 0);
    const Json document = Json::parse(scratch.read(python + "_out/gpu_check.json"));
    CHECK(has(document["stages"].dump(), "\"yardsticks\""));
    const std::string page = scratch.read(python + "_out/gpu_check.md");
    INFO(page);
    for (const auto& [race, rung] : {std::pair("bench", "of_f32"), std::pair("bench_bf16", "of_bf16")}) {
      CHECK(document[race]["rows"].size() == 3);
      CHECK(document[race]["rows"][0]["rung"] == rung);
      CHECK(has(page, std::string(" | ") + rung + " | 2.0000 |  |  |  | 50 % |"));
    }
    CHECK(has(page, " | several_ops | 3.0000 |  |  |  |  |"));
    CHECK(has(page, " | cudnn | failed: returns 8 |  |  |  |  |"));
    const Json row = document["nets"]["rows"][0];
    CHECK(row["name"] == "logmel");
    CHECK(row.contains("settings") == (python == "torch"));
    CHECK(has(page, "| quick | 500.000 | ") == (python == "torch"));
    CHECK(has(page, "| pytorch | left out, no PyTorch with CUDA: ModuleNotFoundError: No module named torch | 0 |") ==
          (python == "no_torch"));
    CHECK(has(page, "| alone | ok | ") == (python == "no_torch"));
    // Ten kernels' counters, where ncu may read them; refused, the day goes on.
    CHECK(document["counters"].size() == (python == "torch" ? 10 : 0));
    CHECK(has(page,
              "| counters | refused: conv2d fwd v4_tensor_core_3xtf32, conv2d_v4: ==ERROR== ERR_NVGPUCTRPERM: no "
              "permission | ") == (python == "no_torch"));
    CHECK(has(page, "| sectors a read |") == (python == "torch"));
    CHECK(has(run.err, "ERR_NVGPUCTRPERM: no permission; the day goes on") == (python == "no_torch"));
    if (python != "torch") continue;
    const Json copy = document["counters"][8];
    CHECK(copy["op"] == "copy");
    CHECK((copy["load_requests"] == 1000 && copy["load_sectors"] == 8500));
    CHECK((copy["cp_async_requests"] == 1000 && copy["cp_async_sectors"] == 3500));
    CHECK(copy["sectors_a_read"] == 6.0);
    CHECK(copy["emulated_sectors_a_read"] == Approx(31.983));
    CHECK(copy["bank_conflicts"] == 17);
    CHECK(document["counters"][9]["emulated_bank_conflicts"] > 1000);  // of stft
    CHECK(has(page, "| copy | fwd | v1_naive | copy_fwd_v1 | 6.000 | 31.983 | 4.000 | 3.998 | 17 | 0 |"));
  }
}

TEST_CASE("gpu_check.sh says in one line that there is no GPU to build for") {
  const Scratch scratch;
  const Run run = scratch.run(
      "mkdir bin; printf '#!/bin/bash\necho \"CUDA_ARCHITECTURES is set to native, but no GPU was detected.\"; exit 1\n' "
      ">bin/cmake; chmod +x bin/cmake\n"
      "PATH=\"$PWD/bin:$PATH\" LIMBIC_GPU_BUILD=$PWD/gpu '" LIMBIC_SOURCE_DIR "/tools/gpu_check.sh' $PWD/out");
  CHECK(run.code == 6);
  CHECK(has(run.err, "gpu_check: no NVIDIA GPU here; LIMBIC_GPU_ARCHITECTURE=90 builds"));
  CHECK(!has(run.err, "CUDA_ARCHITECTURES"));
}

TEST_CASE("the seconds that gpu_check.sh gives its stages are as many as it has") {
  std::ifstream file(LIMBIC_SOURCE_DIR "/tools/gpu_check.sh");
  const std::string script(std::istreambuf_iterator<char>(file), {});
  const std::regex given(R"((stage|race_nets|race_kernels|timeout) ("?\$?\w+"? )?(\d+) )");
  int seconds = 0, stages = 0;
  for (std::sregex_iterator match(script.begin(), script.end(), given), end; match != end; ++match, ++stages) {
    INFO(match->str());
    const int tools = (*match)[2] == "\"$tool\" " ? 4 : 1;  // of compute-sanitizer
    seconds += tools * std::stoi((*match)[3]);
  }
  CHECK(stages == 13);
  std::smatch limit;
  REQUIRE(std::regex_search(script, limit, std::regex(R"( limit=(\d+))")));
  CHECK(seconds <= std::stoi(limit[1]));
}
