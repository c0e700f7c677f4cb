// SPDX-License-Identifier: Apache-2.0
// `limbic weights inspect|convert|verify|diff`: what a file of weights holds, whatever its format.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <fmt/format.h>

#include "io/files.h"
#include "io/input.h"
#include "io/sha256.h"
#include "io/weights.h"
#include "nets/registry.h"
#include "nets/svg.h"
#include "tools/verb.h"

namespace limbic {
namespace {

constexpr const char* schema = "limbic.weights/1";

/// The net that the card names, or else that the tensors tell; empty where neither does.
std::string net_of(const WeightFile& file, const std::string& path) {
  if (!file.card.net.empty()) return file.card.net;
  std::vector<FileTensor> tensors;
  for (const StoredTensor& t : file.tensors) tensors.push_back({t.name, t.shape, t.values});
  try {
    return describe_net(tensors, path).name;
  } catch (const Error&) {
    return "";
  }
}

std::string not_finite(const WeightFile& file, const std::string& path) {
  try {
    check_finite(file, path);
    return "";
  } catch (const Error& error) {
    return error.what();
  }
}

/// The card as rows of a table, in the order a reader asks.
std::vector<std::pair<std::string, std::string>> card_rows(const ModelCard& card) {
  std::vector<std::pair<std::string, std::string>> rows{{"front_end", card.front_end},
                                                        {"labels", fmt::format("{}", fmt::join(card.labels, " "))},
                                                        {"layout", card.layout},
                                                        {"licence", card.licence},
                                                        {"training_data", card.training_data},
                                                        {"metrics", card.metrics}};
  rows.insert(rows.end(), card.attributes.begin(), card.attributes.end());
  std::erase_if(rows, [](const auto& row) { return row.second.empty(); });
  return rows;
}

int inspect(const Program& program, const std::string& path) {
  const WeightFile file = read_weights(path);
  const std::string net = net_of(file, path), warning = not_finite(file, path), sha256 = content_sha256(file);
  if (!warning.empty()) print_note(program, "warning: " + warning);
  if (program.json) {
    Json card = Json::object(), tensors = Json::array();
    for (const auto& [name, text] : card_rows(file.card)) card[name] = text;
    card["labels"] = file.card.labels;
    for (const StoredTensor& t : file.tensors) {
      tensors.push_back({{"name", t.name}, {"dtype", t.dtype}, {"shape", t.shape}, {"elements", t.size()}});
    }
    print_json({{"schema", schema},
                {"input", path},
                {"format", file.format},
                {"net", net.empty() ? Json(nullptr) : Json(net)},
                {"sha256", sha256},
                {"finite", warning.empty()},
                {"elements", file.parameters()},
                {"card", card},
                {"tensors", tensors}});
    return 0;
  }
  const auto row = [](const std::string& name, const std::string& text) {
    if (text.find('\n') == std::string::npos) return fmt::print("{:<14} {}\n", clean_text(name), clean_text(text));
    fmt::print("{}\n", clean_text(name));  // a recipe: its lines below, indented
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) fmt::print("{}{}\n", line.empty() ? "" : "  ", clean_text(line));
  };
  row("file", path);
  row("format", file.format);
  row("net", net.empty() ? "not one that limbic knows" : net);
  for (const auto& [name, text] : card_rows(file.card)) row(name, text);
  row("sha256", sha256 + (file.card.sha256.empty()     ? ""
                          : file.card.sha256 == sha256 ? " (as its card says)"
                                                       : " (NOT what its card says)"));
  size_t width = 4;
  for (const StoredTensor& t : file.tensors) width = std::max(width, clean_text(t.name).size());
  fmt::print("\n{:<{}}  {:<5} {:<18} {:>12}\n", "name", width, "type", "shape", "elements");
  for (const StoredTensor& t : file.tensors) {
    fmt::print("{:<{}}  {:<5} {:<18} {:>12}\n", clean_text(t.name), width, t.dtype, shape_text(t.shape),
               grouped_digits(t.size()));
  }
  fmt::print("{:<{}}  {:<5} {:<18} {:>12}\n", fmt::format("{} tensors", file.tensors.size()), width, "", "",
             grouped_digits(file.parameters()));
  return 0;
}

struct ConvertArguments {
  std::string input, output;
  std::vector<std::string> card;
  bool force = false;
};

/// "licence=MIT" into the card; labels are separated by commas.
void set_card(ModelCard& card, const std::string& setting) {
  const size_t equals = setting.find('=');
  if (equals == 0 || equals == std::string::npos) {
    throw Error(ExitCode::usage, fmt::format("--card {}: expected NAME=TEXT, e.g. front_end=panns-32k", setting));
  }
  const std::string name = setting.substr(0, equals), text = setting.substr(equals + 1);
  const std::pair<const char*, std::string*> fields[] = {
      {"net", &card.net},         {"front_end", &card.front_end},
      {"licence", &card.licence}, {"training_data", &card.training_data},
      {"metrics", &card.metrics}, {"layout", &card.layout}};
  for (const auto& [field, value] : fields) {
    if (name == field) {
      *value = text;
      return;
    }
  }
  if (name == "labels") {
    card.labels.clear();
    std::istringstream in(text);
    for (std::string label; std::getline(in, label, ',');) card.labels.push_back(label);
  } else {
    card.attributes[name] = text;
  }
}

int convert(const Program& program, const ConvertArguments& a) {
  refuse_overwrite(a.output, a.force);  // before the work
  WeightFile file = read_weights(a.input);
  if (const std::string warning = not_finite(file, a.input); !warning.empty())
    print_note(program, "warning: " + warning);
  file.card.net = net_of(file, a.input);
  for (const std::string& setting : a.card) set_card(file.card, setting);
  const std::string sha256 = write_weights_hdf5(a.output, file, a.force);
  if (program.json) {
    print_json({{"schema", schema},
                {"input", a.input},
                {"format", file.format},
                {"output", a.output},
                {"tensors", file.tensors.size()},
                {"elements", file.parameters()},
                {"sha256", sha256}});
  } else if (!program.quiet) {
    fmt::print("{} ({}) -> {}: {} tensors, {} elements, sha256 {}\n", a.input, file.format, a.output,
               file.tensors.size(), grouped_digits(file.parameters()), sha256);
  }
  return 0;
}

struct Difference {
  std::string name, what;
  double largest = 0;  // of the absolute differences, where shapes agree
};

std::vector<Difference> differences(const WeightFile& a, const WeightFile& b, double tolerance) {
  std::vector<Difference> found;
  for (const StoredTensor& left : a.tensors) {
    const StoredTensor* right = b.find(left.name);
    if (right == nullptr) {
      found.push_back({left.name, "only in the first"});
    } else if (left.shape != right->shape) {
      found.push_back({left.name, shape_text(left.shape) + " and " + shape_text(right->shape)});
    } else {
      double largest = 0;
      int64_t count = 0;
      for (size_t i = 0; i < left.values.size(); ++i) {
        const double x = left.values[i], y = right->values[i];
        if (x == y || (std::isnan(x) && std::isnan(y))) continue;
        const double difference = std::isnan(x - y) ? INFINITY : std::abs(x - y);
        largest = std::max(largest, difference);
        count += difference > tolerance;
      }
      // Integers and doubles can differ where their f32 values do not.
      if (count == 0 && tolerance == 0 && left.dtype == right->dtype && left.raw != right->raw) count = 1;
      if (count > 0)
        found.push_back({left.name,
                         fmt::format("{} of {} elements, by up to {:.3g}", grouped_digits(count),
                                     grouped_digits(left.size()), largest),
                         largest});
      else if (left.dtype != right->dtype)
        found.push_back({left.name, left.dtype + " and " + right->dtype});
    }
  }
  for (const StoredTensor& right : b.tensors) {
    if (a.find(right.name) == nullptr) found.push_back({right.name, "only in the second"});
  }
  return found;
}

int diff(const Program& program, const std::string& first, const std::string& second, double tolerance) {
  const WeightFile a = read_weights(first), b = read_weights(second);
  const auto found = differences(a, b, tolerance);
  if (program.json) {
    Json rows = Json::array();
    for (const Difference& d : found)
      rows.push_back({{"name", d.name}, {"difference", d.what}, {"largest", d.largest}});
    print_json(
        {{"schema", schema}, {"first", first}, {"second", second}, {"same", found.empty()}, {"differences", rows}});
  } else {
    size_t width = 0;
    for (const Difference& d : found) width = std::max(width, clean_text(d.name).size());
    for (const Difference& d : found) fmt::print("{:<{}}  {}\n", clean_text(d.name), width, d.what);
    if (found.empty() && !program.quiet)
      fmt::print("same: {} tensors, {} elements\n", a.tensors.size(), grouped_digits(a.parameters()));
  }
  return found.empty() ? 0 : static_cast<int>(ExitCode::check);
}

/// The SHA-256 that a manifest (lines as sha256sum writes them) has for this file name; empty: not listed.
std::string listed_sha256(const std::string& manifest, const std::string& name) {
  std::ifstream in(manifest);
  if (!in) throw Error(ExitCode::weights, fmt::format("{}: cannot read the manifest", manifest));
  for (std::string line; std::getline(in, line);) {
    if (line.size() > 66 && line.substr(66) == name) return line.substr(0, 64);
  }
  return "";
}

struct Verdict {
  std::string input, error, sha256;
  ExitCode code = ExitCode::weights;
};

Verdict verify_one(const std::string& path, std::string manifest) {
  Verdict verdict{.input = path, .error = {}, .sha256 = {}};
  try {
    const WeightFile file = read_weights(path);
    check_finite(file, path);
    verdict.sha256 = content_sha256(file);
    const std::filesystem::path beside = std::filesystem::path(path).replace_filename("manifest.sha256");
    if (manifest.empty() && std::filesystem::exists(beside)) manifest = beside.string();
    const std::string listed =
        manifest.empty() ? "" : listed_sha256(manifest, std::filesystem::path(path).filename().string());
    if (listed.empty() && file.card.sha256.empty()) {
      verdict.error = fmt::format("{}: has no SHA-256 to verify against, in a card or in a manifest", path);
    } else if (const std::string mismatch = card_mismatch(file); !mismatch.empty()) {
      verdict.error = fmt::format("{}: {}", path, mismatch);
    } else if (!listed.empty()) {
      const MappedFile whole(path);
      const std::string found = Sha256().update(whole.bytes().data(), whole.bytes().size()).hex();
      if (found != listed)
        verdict.error = fmt::format("{}: file has SHA-256 {}, {} says {}", path, found, manifest, clean_text(listed));
    }
  } catch (const Error& error) {
    verdict.error = error.what();
    verdict.code = error.code;
  }
  return verdict;
}

int verify(const Program& program, const std::vector<std::string>& paths, const std::string& manifest, bool jsonl) {
  Json rows = Json::array();
  int code = 0;
  for (const std::string& path : paths) {
    const Verdict v = verify_one(path, manifest);
    const bool ok = v.error.empty();
    if (!ok) {
      code = static_cast<int>(paths.size() == 1 ? v.code : ExitCode::partial);
      fmt::print(stderr, "limbic: {}\n", v.error);
    } else if (!program.json && !jsonl && !program.quiet) {
      fmt::print("ok  {}  {}\n", v.sha256, path);
    }
    Json row = {{"input", path},
                {"status", ok ? "ok" : "error"},
                {"error", ok ? Json(nullptr) : Json(v.error)},
                {"sha256", v.sha256.empty() ? Json(nullptr) : Json(v.sha256)}};
    if (jsonl) {
      print_json_line(row);
    } else {
      rows.push_back(std::move(row));
    }
  }
  if (program.json && !jsonl) print_json({{"schema", schema}, {"results", rows}});
  return code;
}

}  // namespace

void add_weights(Program& program) {
  CLI::App* verb =
      program.verb("weights", "look into files of weights, convert, verify and compare them",
                   "  limbic weights inspect model.pth\n"
                   "  limbic weights convert model.pth -o model.h5 --card front_end=panns-32k\n"
                   "  limbic weights verify model.h5\n"
                   "  limbic weights diff model.pth model.h5\n"
                   "Reads HDF5, Keras .h5, safetensors and PyTorch .pth; nothing in a file is ever executed.");
  verb->require_subcommand(1);
  const auto action = [&](const char* name, const char* what) {
    CLI::App* sub = verb->add_subcommand(name, what);
    sub->fallthrough();  // so that --json may stand at the end
    return sub;
  };

  auto paths = std::make_shared<std::vector<std::string>>(2);
  CLI::App* sub = action("inspect", "format, card and tensors of a file");
  sub->add_option("file", (*paths)[0], "a file of weights")->required();
  sub->callback([&program, paths] { program.run = [&program, paths] { return inspect(program, (*paths)[0]); }; });

  auto arguments = std::make_shared<ConvertArguments>();
  sub = action("convert", "write any of the formats as HDF5, the card included");
  sub->add_option("file", arguments->input, "a file of weights")->required();
  sub->add_option("--out,-o", arguments->output, "the HDF5 file to write")->required();
  sub->add_option("--card", arguments->card,
                  "NAME=TEXT into the card (net, front_end, labels=a,b,c, licence, ...); may be given again")
      ->allow_extra_args(false);
  sub->add_flag("--force", arguments->force, "replace the file if it exists");
  sub->callback(
      [&program, arguments] { program.run = [&program, arguments] { return convert(program, *arguments); }; });

  auto tolerance = std::make_shared<double>(0.0);
  sub = action("diff", "tensors that differ; exit code 7 if any does");
  sub->add_option("first", (*paths)[0], "a file of weights")->required();
  sub->add_option("second", (*paths)[1], "another one")->required();
  sub->add_option("--tolerance", *tolerance, "absolute difference that still counts as the same (default 0)")
      ->check(CLI::NonNegativeNumber);
  sub->callback([&program, paths, tolerance] {
    program.run = [&program, paths, tolerance] { return diff(program, (*paths)[0], (*paths)[1], *tolerance); };
  });

  auto files = std::make_shared<std::vector<std::string>>();
  auto manifest = std::make_shared<std::string>();
  auto jsonl = std::make_shared<bool>(false);
  sub = action("verify",
               "check the SHA-256 of the card, and of manifest.sha256 beside the file; exit code 4 if it differs");
  sub->add_option("files", *files, "files of weights")->required();
  sub->add_option("--manifest", *manifest, "lines as sha256sum writes them");
  sub->add_flag("--jsonl", *jsonl, "one JSON document a file, one a line, as each is ready");
  sub->callback([&program, files, manifest, jsonl] {
    program.run = [&program, files, manifest, jsonl] { return verify(program, *files, *manifest, *jsonl); };
  });
}

}  // namespace limbic
