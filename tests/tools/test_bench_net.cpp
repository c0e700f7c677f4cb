// SPDX-License-Identifier: Apache-2.0
// `limbic bench net` beside a stand-in for PyTorch that answers by the same line protocol, and gpu_check.sh's table of
// it.
#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>
#include <nlohmann/json.hpp>

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
shared=l1tex__data_bank_conflicts_pipe_lsu_mem_shared
if [ "$1" = --query-metrics ]; then
  printf "$loads  Counter\n$stores  Counter\n" requests requests sectors sectors
  echo "$shared  Counter"
  exit
fi
if [ "$(cat "$HERE/counters")" != allowed ]; then
  echo '==ERROR== ERR_NVGPUCTRPERM: no permission'
  exit 1
fi
printf '==PROF== Connected\n"ID","Kernel Name","Metric Name","Metric Unit","Metric Value"\n'
printf '"0","void k<(int)1, 2>(int, int)","%s.sum","","%s"\n' "$(printf "$loads" requests)" 1,000 \
  "$(printf "$loads" sectors)" 8,500 "$(printf "$stores" requests)" 10 "$(printf "$stores" sectors)" 40 $shared 17
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
      "  'bench kernels --storage '*) printf '{\\n \"rows\": [\\n  {\\n   \"op\": \"conv2d\",\\n   \"rung\": "
      "\"of_%s\",\\n"
      "   \"ms\": 2,\\n   \"limit_ms\": 1\\n  }\\n ]\\n}\\n' \"$4\" ;;\n"
      "  'bench net'*--alone) cat \"$HERE/alone.json\" ;;\n"
      "  'bench net'*--python*) echo 'a warning of torch'; cat \"$HERE/raced.json\" ;;\nesac\nLIMBIC\n"
      "printf '#!/bin/bash\\necho \"ModuleNotFoundError: No module named \\\\\"torch\\\\\"\"; exit 1\\n' >no_torch\n"
      "printf '#!/bin/bash\\nexit 0\\n' >torch\nchmod +x bin/* gpu/limbic gpu/tests/test_{gpu,engine} torch no_torch");
  INFO(made.err);
  REQUIRE(made.code == 0);
  std::ofstream(scratch.folder() / "bin/ncu") << counting_stand_in;
  for (const std::string python : {"torch", "no_torch"}) {
    std::ofstream(scratch.folder() / "counters") << (python == "torch" ? "allowed" : "refused");
    const Run run = scratch.run("HERE=$PWD PATH=\"$PWD/bin:$PATH\" LIMBIC_GPU_BUILD=$PWD/gpu LIMBIC_PYTHON=$PWD/" +
                                python + " '" LIMBIC_SOURCE_DIR "/tools/gpu_check.sh' $PWD/" + python + "_out");
    INFO(run.err);
    REQUIRE(run.code == 0);
    const Json document = Json::parse(scratch.read(python + "_out/gpu_check.json"));
    const std::string page = scratch.read(python + "_out/gpu_check.md");
    INFO(page);
    for (const auto& [race, rung] : {std::pair("bench", "of_f32"), std::pair("bench_bf16", "of_bf16")}) {
      CHECK(document[race]["rows"].size() == 1);
      CHECK(document[race]["rows"][0]["rung"] == rung);
      CHECK(has(page, std::string(" | ") + rung + " | 2.0000 | "));
    }
    const Json row = document["nets"]["rows"][0];
    CHECK(row["name"] == "logmel");
    CHECK(row.contains("settings") == (python == "torch"));
    CHECK(has(page, "| quick | 500.000 | ") == (python == "torch"));
    CHECK(has(page, "| pytorch | left out, no PyTorch with CUDA: ModuleNotFoundError: No module named torch | 0 |") ==
          (python == "no_torch"));
    CHECK(has(page, "| alone | ok | ") == (python == "no_torch"));
    // Ten kernels' counters, where ncu may read them; refused, the day goes on.
    CHECK(document["counters"].size() == (python == "torch" ? 10 : 0));
    CHECK(has(page, "| counters | failed: exit 3 | ") == (python == "no_torch"));
    CHECK(has(run.err, "ERR_NVGPUCTRPERM: no permission; the day goes on") == (python == "no_torch"));
    if (python != "torch") continue;
    const Json copy = document["counters"][8];
    CHECK(copy["op"] == "copy");
    CHECK(copy["sectors_a_read"] == 8.5);
    CHECK(copy["emulated_sectors_a_read"] == Approx(31.983));
    CHECK(copy["bank_conflicts"] == 17);
    CHECK(document["counters"][9]["emulated_bank_conflicts"] > 1000);  // of stft
    CHECK(has(page, "| copy | fwd | v1_naive | copy_fwd_v1 | 8.500 | 31.983 | 4.000 | 3.998 | 17 | 0 |"));
  }
}
