// SPDX-License-Identifier: Apache-2.0
// What predict, tag and embed have in common: clip after clip, an answer each.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "tools/verb.h"

namespace limbic {

struct ClipArguments {
  std::vector<std::string> clips;
  bool jsonl = false;
};

/// The positional `clips`, and --jsonl.
void add_clips(CLI::App* verb, ClipArguments& arguments);

struct Answering {
  std::string weights;                ///< the file that answers ...
  std::vector<std::string> warnings;  ///< ... and what is odd about it: told once, and in every answer
  Json unknown;                       ///< the fields of an answer where nothing is known: null, {} or []
  std::function<Json(const std::string& clip)> answer;  ///< those that are known
  std::function<void(const Json& result)> show;         ///< prints an answer as text
};

struct Answers {
  int code = 0;  ///< the clip's own where there is but one; ExitCode::partial where some of several failed
  Json results = Json::array();  ///< "input", "status", "error", then the fields of `unknown`; empty with --jsonl
};

/// Answers for all that `arguments.clips` stands for (expand_inputs). A clip that fails is a line on stderr and a
/// result of its own; Error(ExitCode::weights) and Error(ExitCode::usage) are not a clip's and pass through.
Answers answer_clips(const Program& program, const ClipArguments& arguments, const Answering& how);

}  // namespace limbic
