// SPDX-License-Identifier: Apache-2.0
// `limbic tag`: what sounds are in a recording? `limbic embed`: 2048 numbers for each clip, for other programs to use.
#include <algorithm>
#include <memory>
#include <numeric>

#include <fmt/format.h>

#include "engine/ops.h"
#include "io/files.h"
#include "io/hdf5.h"
#include "io/input.h"
#include "tools/answers.h"
#include "tools/panns.h"
#include "tools/verb.h"
#include "tools/weight_tensors.h"

namespace limbic {
namespace {

struct Options {
  ClipArguments clips;
  std::string weights, front_end, output, aggregate = "mean";
  int top = 10;
  bool force = false;
  WindowOptions windows{.whole_s = 20, .window_s = 10, .hop_s = 10};
};

int tag(const Program& program, const Options& options) {
  PannsModel model = load_panns(options.weights, options.front_end);
  const auto answer = [&](const std::string& clip) -> Json {
    WindowMean over;
    const Analysed analysed = for_each_window(clip, *model.front_end, options.windows, [&](const Tensor& map) {
      NoGrad no_grad;
      const Tensor p = probabilities(*model.net, (*model.net)(map));
      check_answer(p, options.weights);
      over.add(p.data(), p.size());
    });
    const auto p = options.aggregate == "max" ? over.max() : over.mean();
    std::vector<int> order(p.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return p[a] > p[b]; });
    order.resize(std::min<size_t>(order.size(), options.top));
    Json tags = Json::array();
    for (int i : order) tags.push_back({{"label", model.labels[i]}, {"index", i}, {"probability", p[i]}});
    return {{"duration_s", analysed.duration_s},
            {"windows", over.windows()},
            {"tags", tags},
            {"warnings", analysed.warnings}};
  };
  const auto show = [](const Json& result) {
    const auto windows = result["windows"].get<int64_t>();
    fmt::print("{}  {:.2f} s, {} window{}\n", clean_text(result["input"].get<std::string>()),
               result["duration_s"].get<double>(), windows, windows == 1 ? "" : "s");
    for (const Json& t : result["tags"])
      fmt::print("  {:.3f}  {}\n", t["probability"].get<double>(), t["label"].get<std::string>());
  };
  const Json unknown = {
      {"duration_s", nullptr}, {"windows", nullptr}, {"tags", Json::array()}, {"warnings", Json::array()}};
  const Answers answers =
      answer_clips(program, options.clips, {options.weights, model.warnings, unknown, answer, show});
  if (program.json && !options.clips.jsonl) print_json({{"schema", "limbic.tag/1"}, {"results", answers.results}});
  return answers.code;
}

int embed(const Program& program, const Options& options) {
  refuse_overwrite(options.output, options.force);  // before the work
  PannsModel model = load_panns(options.weights, options.front_end);
  std::vector<float> rows;
  std::string names;
  int64_t count = 0;
  const auto answer = [&](const std::string& clip) -> Json {
    WindowMean over;
    const Analysed analysed = for_each_window(clip, *model.front_end, options.windows, [&](const Tensor& map) {
      NoGrad no_grad;
      const Tensor e = model.net->embed(map);
      check_answer(e, options.weights);
      over.add(e.data(), e.size());
    });
    const auto e = options.aggregate == "max" ? over.max() : over.mean();
    rows.insert(rows.end(), e.begin(), e.end());
    names += (count++ ? "\n" : "") + clip;
    print_note(program, fmt::format("{}  {:.2f} s", clean_text(clip), analysed.duration_s));
    return {{"row", count - 1},
            {"duration_s", analysed.duration_s},
            {"windows", over.windows()},
            {"warnings", analysed.warnings}};
  };
  const Json unknown = {{"row", nullptr}, {"duration_s", nullptr}, {"windows", nullptr}, {"warnings", Json::array()}};
  const Answers answers =
      answer_clips(program, options.clips, {options.weights, model.warnings, unknown, answer, [](const Json&) {}});
  const int64_t width = count ? static_cast<int64_t>(rows.size()) / count : 0;
  if (count) {
    std::map<std::string, std::string> attributes = {
        {"name", names}, {"net", model.net->name}, {"front_end", model.front_end->name}};
    if (anything_stored_in_bf16()) attributes["precision"] = "bf16";
    write_hdf5(options.output, {{"embedding", "f32", {count, width}, rows.data()}}, attributes, options.force);
  }
  if (options.clips.jsonl) return answers.code;
  if (program.json) {
    print_json({{"schema", "limbic.embed/1"},
                {"output", options.output},
                {"shape", {count, width}},
                {"results", answers.results}});
  } else if (count) {
    fmt::print("{}: embedding [{},{}]\n", options.output, count, width);
  }
  return answers.code;
}

void add_common(CLI::App* sub, Options& options) {
  add_clips(sub, options.clips);
  sub->add_option("--weights", options.weights, "PANNs weights: .h5, .pth or safetensors")->required();
  sub->add_option("--front-end", options.front_end, "panns-32k, panns-16k or panns-8k, where the file does not tell");
  sub->add_option("--window", options.windows.window_s, "seconds of a window in recordings over 20 s (default 10)")
      ->check(CLI::Range(1.0, 60.0));
  sub->add_option("--hop", options.windows.hop_s, "seconds between windows (default 10)")->check(CLI::Range(0.1, 60.0));
  sub->add_option("--aggregate", options.aggregate, "mean (default) or max over the windows")
      ->check(CLI::IsMember({"mean", "max"}));
}

}  // namespace

void add_tag(Program& program) {
  auto options = std::make_shared<Options>();
  CLI::App* sub =
      program.verb("tag", "name the sounds in recordings (AudioSet's 527 classes)",
                   "  limbic tag street.wav --weights cnn14.h5\n  limbic tag --top 3 --json clips/ --weights cnn14.h5");
  add_common(sub, *options);
  sub->add_option("--top", options->top, "how many classes (default 10)")->check(CLI::Range(1, 10000));
  sub->callback([&program, options] { program.run = [&program, options] { return tag(program, *options); }; });
}

void add_embed(Program& program) {
  auto options = std::make_shared<Options>();
  CLI::App* sub = program.verb("embed", "an embedding for each clip, into one HDF5 file",
                               "  limbic embed clips/ --weights cnn14.h5 -o embeddings.h5");
  add_common(sub, *options);
  sub->add_option("-o,--output", options->output,
                  "the HDF5 file: embedding [clips, width], attribute name: one clip a line")
      ->required();
  sub->add_flag("--force", options->force, "replace an output that exists");
  sub->callback([&program, options] { program.run = [&program, options] { return embed(program, *options); }; });
}

}  // namespace limbic
