// SPDX-License-Identifier: Apache-2.0
// `limbic tag` and `limbic embed` as their users meet them: which front end they hear with, and what they refuse.
#include <algorithm>
#include <catch2/catch.hpp>

#include "io/hdf5.h"
#include "io/weights.h"
#include "nets/registry.h"
#include "tests/tools/program.h"

using limbic_test::Run;
using limbic_test::Scratch;

namespace {

const std::string demo = LIMBIC_SOURCE_DIR "/tests/clips/demo.mp4";
const std::string fixture = LIMBIC_SOURCE_DIR "/tests/fixtures/cnn14_w32/weights.h5";  // no card, no front-end tensors

void check_refused(const Run& run, int code, const std::string& part) {
  INFO(run.out << run.err);
  CHECK(run.code == code);
  CHECK(run.err.find(part) != std::string::npos);
  CHECK(std::count(run.err.begin(), run.err.end(), '\n') == 1);
  CHECK(run.out.empty());
}

// A narrow net as a PANNs checkpoint holds it.
limbic::WeightFile panns(const std::string& net) {
  limbic::WeightFile file;
  const limbic::NetOptions narrow{.classes = 4, .widths = {2, 2, 2, 2, 2, 2}, .embedding = 3};
  for (limbic::SavedTensor& t : limbic::save_state(limbic::make_net(net, narrow)->state())) {
    file.tensors.push_back({t.name, t.dtype, t.shape, t.values, {}});
  }
  return file;
}

}  // namespace

TEST_CASE("the front end is the card's, else that of the file's stored STFT, else it is asked for") {
  const Scratch scratch;
  const auto heard_with = [&](const std::string& options) {
    const Run run = scratch.run("limbic embed --force -o e.h5 '" + demo + "' --weights " + options);
    INFO(run.err);
    REQUIRE(run.code == 0);
    return limbic::read_hdf5(scratch.folder() / "e.h5").attributes.at("front_end");
  };
  for (const auto& [net, front_end] : {std::pair{"cnn14", "panns-32k"}, {"cnn14-16k", "panns-16k"}, {"cnn14-8k", "panns-8k"}}) {
    limbic::WeightFile file = panns(net);
    limbic::write_weights_hdf5(scratch.folder() / "w.h5", file, true);
    CHECK(heard_with("w.h5") == front_end);
    file.card.front_end = "panns-16k";
    limbic::write_weights_hdf5(scratch.folder() / "w.h5", file, true);
    CHECK(heard_with("w.h5") == "panns-16k");
  }
  for (const char* verb : {"tag", "embed -o none.h5"}) {
    check_refused(scratch.run(std::string("limbic ") + verb + " '" + demo + "' --weights '" + fixture + "'"), 4, "expected --front-end panns-32k");
  }
  CHECK(heard_with("'" + fixture + "' --front-end panns-16k") == "panns-16k");
  check_refused(scratch.run("limbic tag '" + demo + "' --front-end panns-64k --weights '" + fixture + "'"), 2, "panns-64k");
}

TEST_CASE("tag and embed refuse weights that answer with no numbers, and a front end of other mel bins") {
  const Scratch scratch;
  limbic::WeightFile file = panns("cnn14");
  for (limbic::StoredTensor& t : file.tensors) {
    if (t.name == "conv_block2.bn1.running_var") std::fill(t.values.begin(), t.values.end(), -1.0f);
  }
  limbic::write_weights_hdf5(scratch.folder() / "nan.h5", file);
  check_refused(scratch.run("limbic tag '" + demo + "' --weights nan.h5"), 4, "nan.h5");
  check_refused(scratch.run("limbic embed -o e.h5 '" + demo + "' --weights nan.h5"), 4, "nan.h5");

  file = panns("cnn14");
  file.card.front_end = "librosa-48k";
  limbic::write_weights_hdf5(scratch.folder() / "mels.h5", file);
  check_refused(scratch.run("limbic tag '" + demo + "' --weights mels.h5"), 4, "mels.h5: the front end librosa-48k");
  check_refused(scratch.run("limbic tag '" + demo + "' --weights '" + fixture + "' --front-end librosa-48k"), 2, "librosa-48k");
}

TEST_CASE("tag hears through the mel matrix that is stored beside the weights") {
  const Scratch scratch;
  const auto tags_of = [&](const limbic::WeightFile& file) {
    limbic::write_weights_hdf5(scratch.folder() / "w.h5", file, true);
    const Run run = scratch.run("limbic tag --json '" + demo + "' --weights w.h5");
    INFO(run.err);
    REQUIRE(run.code == 0);
    return run.out;
  };
  limbic::WeightFile file = panns("cnn14");
  const std::string own = tags_of(file);
  limbic::WeightFile without = file;
  std::erase_if(without.tensors, [](const auto& t) { return t.name == "logmel_extractor.melW"; });
  CHECK(tags_of(without) == own);
  for (limbic::StoredTensor& t : file.tensors) {  // the low half of the spectrum 4.8 dB louder
    if (t.name != "logmel_extractor.melW") continue;
    for (size_t i = 0; i < t.values.size() / 2; ++i) t.values[i] *= 3;
  }
  CHECK(tags_of(file) != own);
}
