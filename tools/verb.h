// SPDX-License-Identifier: Apache-2.0
// What every verb of the program shares: options, output, exit codes. A verb is one file with one function,
// `void add_<verb>(Program&)`, named in main.cpp.
#pragma once
#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "engine/error.h"

namespace limbic {

using Json = nlohmann::ordered_json;

struct Program {
  CLI::App app{"limbic: the emotion in a voice, and the engine that hears it"};

  bool json = false;   ///< --json: one document on stdout
  bool quiet = false;  ///< --quiet: no progress, no warnings
  std::string device = "cpu";
  std::string precision;  ///< --precision: how maps are stored; empty: f32, or what the recipe says
  std::function<int()> run;  ///< what the chosen verb does; returns the exit code

  /// Adds a verb with the options that all verbs have. `examples` are shown under its help, one command a line.
  CLI::App* verb(const std::string& name, const std::string& what, const std::string& examples);

 private:
  int threads_ = 0;
  std::vector<std::string> kernels_;
  bool trace_ = false;
  void apply_common_options();
};

/// Prints `document` on stdout, indented, keys in the order they were set.
void print_json(const Json& document);

/// Prints `document` on one line, at once: an answer of --jsonl.
void print_json_line(const Json& document);

/// Prints a file's content on stdout, to which nothing is added.
void print_document(const std::string& text);

/// Warnings, progress and logs go to stderr; nothing when --quiet.
void print_note(const Program& program, const std::string& line);

/// "peak memory 312.4 MiB": the most that tensors and scratch took at once.
std::string peak_memory_text();

/// True where stderr is a terminal, so that a progress line can be redrawn.
bool stderr_is_terminal();

/// True where stdout is a terminal and NO_COLOR is not set.
bool use_color();

// One line a verb; the order of `limbic --help` is main.cpp's.
void add_doctor(Program&);
void add_kernels(Program&);
void add_train(Program&);
void add_eval(Program&);
void add_cv(Program&);
#ifdef LIMBIC_IO
void add_predict(Program&);
void add_report(Program&);
void add_tag(Program&);
void add_embed(Program&);
void add_fuse(Program&);
void add_weights(Program&);
void add_compare(Program&);
void add_graph(Program&);
void add_data(Program&);
#endif
void add_bench(Program&);

}  // namespace limbic
