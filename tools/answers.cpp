// SPDX-License-Identifier: Apache-2.0
#include "tools/answers.h"

#include <fmt/format.h>

#include "io/input.h"
#include "tools/inputs.h"

namespace limbic {

void add_clips(CLI::App* verb, ClipArguments& arguments) {
  verb->add_option("clips", arguments.clips, "clips (any container FFmpeg reads), folders, or quoted patterns")
      ->required();
  verb->add_flag("--jsonl", arguments.jsonl, "one JSON document a clip, one a line, as each is ready");
}

Answers answer_clips(const Program& program, const ClipArguments& arguments, const Answering& how) {
  for (const auto& warning : how.warnings) print_note(program, fmt::format("warning: {}: {}", how.weights, warning));
  const auto clips = expand_inputs(arguments.clips);
  Answers answers;
  for (const std::string& clip : clips) {
    Json result = {{"input", clip}, {"status", "ok"}, {"error", nullptr}};
    result.update(how.unknown);
    try {
      result.update(how.answer(clip));
      for (const auto& warning : result["warnings"])
        print_note(program, fmt::format("warning: {}: {}", clean_text(clip), warning.get<std::string>()));
      for (const auto& warning : how.warnings) result["warnings"].push_back("weights: " + warning);
    } catch (const Error& error) {
      if (error.code == ExitCode::weights || error.code == ExitCode::usage) throw;
      result["status"] = "error";
      result["error"] = error.what();
      answers.code = static_cast<int>(clips.size() == 1 ? error.code : ExitCode::partial);
      fmt::print(stderr, "limbic: {}\n", error.what());
    }
    if (arguments.jsonl) {
      print_json_line(result);
    } else if (program.json) {
      answers.results.push_back(std::move(result));
    } else if (result["error"].is_null()) {
      how.show(result);
    }
    std::fflush(stdout);
  }
  return answers;
}

}  // namespace limbic
