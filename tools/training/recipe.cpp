// SPDX-License-Identifier: Apache-2.0
#include "tools/training/recipe.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <cmath>
#include <sstream>

#include "engine/error.h"
#include "io/files.h"
#include "nets/picture_input.h"
#include "tools/training/classifier.h"

namespace limbic {

namespace {

// The one list of keys: reading, --set, the grid, the suggestion and the resolved text all go through it. Beside a
// number stand the least and the most that it may be.
template <class Recipe_, class Visit>
void each_key(Recipe_& r, const Visit& visit) {
  visit("title", r.title);
  visit("seed", r.seed, 0, 9223372036854775807.0);
  visit("net.name", r.net.name);
  visit("net.kernel", r.net.kernel, 1, 31);
  visit("net.widths", r.net.widths, 1, 1 << 20);
  visit("net.dropout", r.net.dropout, 0, 0.99);
  visit("net.block_dropout", r.net.block_dropout, 0, 0.99);
  visit("input.front_end", r.input.front_end);
  visit("input.offset_s", r.input.offset_s, 0, ClipInput::longest_s);
  visit("input.length_s", r.input.length_s, 0, ClipInput::longest_s);
  visit("input.crop_s", r.input.crop_s, 0, ClipInput::longest_s);
  visit("input.embedder", r.input.embedder);
  visit("input.scaler", r.input.scaler);
  visit("data.labels", r.data.labels);
  visit("data.merge", r.data.merge);
  visit("data.copies", r.data.copies);
  visit("split.train", r.split.train);
  visit("split.validation", r.split.validation);
  visit("split.test", r.split.test);
  visit("train.epochs", r.train.epochs, 1, 100000);
  visit("train.batch", r.train.batch, 1, 65536);
  visit("train.micro_batch", r.train.micro_batch, 0, 65536);
  visit("train.optimizer", r.train.optimizer);
  visit("train.precision", r.train.precision);
  visit("train.lr", r.train.lr, 0, 1000);
  visit("train.weight_decay", r.train.weight_decay, 0, 1000);
  visit("train.momentum", r.train.momentum, 0, 1);
  visit("train.schedule", r.train.schedule);
  visit("train.warmup_epochs", r.train.warmup_epochs, 0, 100000);
  visit("train.lr_floor", r.train.lr_floor, 0, 1000);
  visit("train.step_epochs", r.train.step_epochs, 0.1, 100000);
  visit("train.step_factor", r.train.step_factor, 0, 1);
  visit("train.clip_norm", r.train.clip_norm, 0, 1e9);
  visit("train.label_smoothing", r.train.label_smoothing, 0, 0.99);
  visit("train.class_weights", r.train.class_weights);
  visit("train.keep", r.train.keep);
  visit("train.watch_test", r.train.watch_test);
  visit("train.patience", r.train.patience, 0, 100000);
  visit("train.from", r.train.from);
  visit("train.freeze", r.train.freeze);
  visit("l2.kernel", r.l2.kernel, 0, 1000);
  visit("l2.bias", r.l2.bias, 0, 1000);
  visit("l2.layers", r.l2.layers);
  visit("augment.time_stripes", r.augment.time_stripes, 0, 1000);
  visit("augment.time_width", r.augment.time_width, 1, 100000);
  visit("augment.mel_stripes", r.augment.mel_stripes, 0, 1000);
  visit("augment.mel_width", r.augment.mel_width, 1, 1000);
  visit("augment.gain_db", r.augment.gain_db, 0, 100);
  visit("augment.mel_shift", r.augment.mel_shift, 0, 1000);
  visit("augment.stretch", r.augment.stretch, 0, 0.5);
  visit("augment.flip", r.augment.flip, 0, 1);
  visit("augment.move", r.augment.jitter.move, 0, 0.5);
  visit("augment.turn", r.augment.jitter.turn, 0, 45);
  visit("augment.zoom", r.augment.jitter.zoom, 0, 0.5);
  visit("augment.cutout", r.augment.cutout, 0, 1);
  visit("augment.mixup", r.augment.mixup, 0, 1000);
  visit("augment.mixup_share", r.augment.mixup_share, 0, 1);
  visit("cv.folds", r.cv.folds);
  visit("cv.drawn", r.cv.drawn, 0, 1000);
  visit("cv.validation", r.cv.validation, 0, 0.9);
  visit("card.data", r.card.data);
  visit("card.licence", r.card.licence);
}

[[noreturn]] void refuse(const std::string& text) { throw Error(ExitCode::usage, text); }

// Where a value stands: "recipe.toml, line 7".
std::string place(const std::string& name, const toml::node& node) {
  const auto line = node.source().begin.line;
  return line ? fmt::format("{}, line {}", name, line) : name;
}

[[noreturn]] void wrong_type(const std::string& where, const std::string& key, const char* expected) {
  refuse(fmt::format("{}: {} wants {}", where, key, expected));
}

void assign(const std::string& where, const std::string& key, const toml::node& node, std::string& to) {
  if (!node.is_string()) wrong_type(where, key, "a string");
  to = node.as_string()->get();
}
void assign(const std::string& where, const std::string& key, const toml::node& node, bool& to) {
  if (!node.is_boolean()) wrong_type(where, key, "true or false");
  to = node.as_boolean()->get();
}
void assign(const std::string& where, const std::string& key, const toml::node& node, int64_t& to) {
  if (!node.is_integer()) wrong_type(where, key, "a whole number");
  to = node.as_integer()->get();
}
void assign(const std::string& where, const std::string& key, const toml::node& node, double& to) {
  const auto value = node.is_number() ? node.value<double>() : std::nullopt;
  if (!value || !std::isfinite(*value)) wrong_type(where, key, "a number");
  to = *value;
}
void assign(const std::string& where, const std::string& key, const toml::node& node, std::optional<double>& to) {
  double value = 0;
  assign(where, key, node, value);
  to = value < 0 ? std::nullopt : std::optional(value);
}
template <class T>
void assign(const std::string& where, const std::string& key, const toml::node& node, std::vector<T>& to) {
  if (!node.is_array()) wrong_type(where, key, "a list");
  to.clear();
  for (const toml::node& item : *node.as_array()) assign(where, key, item, to.emplace_back());
}

// Words have no range; a number without one does not compile.
void check_range(const std::string&, const std::string&, const std::string&) {}
void check_range(const std::string&, const std::string&, bool) {}
template <class Number>
requires std::is_arithmetic_v<Number>
void check_range(const std::string& where, const std::string& key, Number value, double least, double most) {
  if (!(static_cast<double>(value) >= least && static_cast<double>(value) <= most)) {
    refuse(fmt::format("{}: {} is {}; expected {} to {}", where, key, value, least, most));
  }
}
template <class Number, class... Range>
void check_range(const std::string& where, const std::string& key, const std::optional<Number>& value, Range... range) {
  if (value) check_range(where, key, *value, range...);
}
template <class T, class... Range>
void check_range(const std::string& where, const std::string& key, const std::vector<T>& values, Range... range) {
  for (const T& value : values) check_range(where, key, value, range...);
}

std::string toml_string(const std::string& text) {
  std::ostringstream out;
  out << toml::value<std::string>(text);
  return out.str();
}
std::string toml_value(const std::string& v) { return toml_string(v); }
std::string toml_value(bool v) { return v ? "true" : "false"; }
std::string toml_value(int64_t v) { return std::to_string(v); }
std::string toml_value(double v) {
  std::string text = fmt::format("{}", v);
  return text.find_first_of(".en") == std::string::npos ? text + ".0" : text;
}
std::string toml_value(const std::optional<double>& v) { return v ? toml_value(*v) : ""; }  // unset
template <class T>
std::string toml_value(const std::vector<T>& list) {
  std::string text;
  for (const T& item : list) text += (text.empty() ? "" : ", ") + toml_value(item);
  return "[" + text + "]";
}

size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1])});
      diagonal = above;
    }
  }
  return row[b.size()];
}

// "train.learning_rate": the known key that is nearest; a key in the wrong table counts as near.
std::string nearest_key(const std::string& key) {
  std::string best;
  size_t best_distance = ~size_t{0};
  const std::string own = key.substr(key.rfind('.') + 1);
  const Recipe any;
  each_key(any, [&](const std::string& known, const auto&, auto...) {
    const size_t last = edit_distance(own, known.substr(known.rfind('.') + 1)) +
                        (known.compare(0, key.find('.'), key, 0, key.find('.')) ? 1 : 0);
    const size_t distance = std::min(edit_distance(key, known), last);
    if (distance < best_distance) best = known, best_distance = distance;
  });
  return best;
}

void set_node(Recipe& recipe, const std::string& where, const std::string& key, const toml::node& node) {
  bool known = false;
  each_key(recipe, [&](const std::string& name, auto& field, auto... range) {
    if (name != key) return;
    known = true;
    assign(where, key, node, field);
    check_range(where, key, field, range...);
  });
  if (!known) refuse(fmt::format("{}: no key {}; did you mean {}?", where, key, nearest_key(key)));
}

std::string node_text(const toml::node& node) {
  std::ostringstream out;
  node.visit([&](const auto& value) { out << value; });
  return out.str();
}

void check(const Recipe& r);

void read_grid(Recipe& recipe, const std::string& name, const std::string& prefix, const toml::table& table) {
  for (const auto& [key, node] : table) {
    const std::string full = prefix + std::string(key.str());
    if (const auto* inner = node.as_table()) {
      read_grid(recipe, name, full + ".", *inner);
      continue;
    }
    const auto* values = node.as_array();
    if (!values || values->empty()) wrong_type(place(name, node), "grid." + full, "a list of values to try");
    std::vector<std::string> texts;
    for (const toml::node& value : *values) {
      Recipe trial = recipe;
      set_node(trial, place(name, node), full, value);
      check(trial);
      texts.push_back(node_text(value));
    }
    recipe.grid.emplace_back(full, std::move(texts));
  }
}

void read_table(Recipe& recipe, const std::string& name, const std::string& prefix, const toml::table& table) {
  for (const auto& [key, node] : table) {
    const std::string full = prefix + std::string(key.str());
    if (full == "grid") continue;
    if (const auto* inner = node.as_table()) {
      read_table(recipe, name, full + ".", *inner);
    } else {
      set_node(recipe, place(name, node), full, node);
    }
  }
}

void want_one_of(const char* key, const std::string& value, const std::vector<std::string>& known) {
  if (std::find(known.begin(), known.end(), value) != known.end()) return;
  refuse(fmt::format("recipe: {} is \"{}\"; expected one of {}; did you mean {}?", key, value, fmt::join(known, ", "),
                     nearest_name(value, known)));
}

// What only sound or only pictures can have.
void check_input(const Recipe& r) {
  const auto& a = r.augment;
  const bool pictures = find_picture_input(r.input.front_end) != nullptr;
  const bool sequences = r.input.front_end == embeddings_front_end;
  if (!pictures && !sequences && !find_front_end(r.input.front_end)) {
    refuse(fmt::format("recipe: input.front_end is \"{}\"; expected one of {}, {}, {}", r.input.front_end,
                       fmt::join(front_end_names(), ", "), fmt::join(picture_input_names(), ", "),
                       embeddings_front_end));
  }
  if (sequences == r.input.embedder.empty()) {
    refuse(
        fmt::format("recipe: input.front_end is \"{}\" and input.embedder \"{}\"; expected \"{}\" with the weights of "
                    "a face net, or neither",
                    r.input.front_end, r.input.embedder, embeddings_front_end));
  }
  if (sequences != (r.net.name == "bilstm-attention")) {
    refuse(fmt::format(
        "recipe: input.front_end is \"{}\", but net.name is \"{}\"; expected \"{}\" and bilstm-attention together",
        r.input.front_end, r.net.name, embeddings_front_end));
  }
  const std::pair<const char*, bool> sound_only[] = {
      {"input.offset_s", r.input.offset_s > 0},   {"input.length_s", r.input.length_s > 0},
      {"input.crop_s", r.input.crop_s > 0},       {"input.scaler", r.input.scaler != "none"},
      {"data.copies", !r.data.copies.empty()},    {"augment.time_stripes", a.time_stripes > 0},
      {"augment.mel_stripes", a.mel_stripes > 0}, {"augment.gain_db", a.gain_db > 0},
      {"augment.mel_shift", a.mel_shift > 0},     {"augment.stretch", a.stretch > 0}};
  const std::pair<const char*, bool> pictures_only[] = {{"augment.flip", a.flip > 0},
                                                        {"augment.move", a.jitter.move > 0},
                                                        {"augment.turn", a.jitter.turn > 0},
                                                        {"augment.zoom", a.jitter.zoom > 0},
                                                        {"augment.cutout", a.cutout > 0}};
  for (const auto& [key, set] : sound_only) {
    if (set && (pictures || sequences))
      refuse(fmt::format("recipe: {} is for sound, but input.front_end is \"{}\"", key, r.input.front_end));
  }
  for (const auto& [key, set] : pictures_only) {
    if (set && !pictures)
      refuse(fmt::format("recipe: {} is for pictures, but input.front_end is \"{}\"", key, r.input.front_end));
  }
}

void check(const Recipe& r) {
  want_one_of("net.name", r.net.name, net_names());
  want_one_of("input.scaler", r.input.scaler, {"none", "columns"});
  want_one_of("train.optimizer", r.train.optimizer, {"adam", "amsgrad", "adamw", "sgd"});
  want_one_of("train.precision", r.train.precision, {"f32", "bf16"});
  want_one_of("train.schedule", r.train.schedule, {"constant", "cosine", "step"});
  want_one_of("train.class_weights", r.train.class_weights, {"none", "balanced"});
  want_one_of("train.keep", r.train.keep, {"last", "best-loss", "best-accuracy"});
  for (const auto& copy : r.data.copies) want_one_of("data.copies", copy, {"noise", "pitch", "stretch", "shift"});
  if (r.cv.drawn == 1) refuse("recipe: cv.drawn is 1; expected 0, or two folds or more");
  if (r.train.watch_test && !r.grid.empty())
    refuse("recipe: train.watch_test scores the test clips, which a [grid] leaves alone; expected one of them");
  if (r.cv.drawn > 0 && !r.cv.folds.empty()) refuse("recipe: cv.drawn and cv.folds are both set; expected one of them");
  if (r.cv.validation > 0 && r.cv.drawn == 0) refuse("recipe: cv.validation is for drawn folds; expected cv.drawn too");
  if (!r.net.kernel.empty() && r.net.kernel.size() != 2) {
    refuse(fmt::format("recipe: net.kernel is [{}]; expected two sizes, e.g. [3,5]", fmt::join(r.net.kernel, ",")));
  }
  if (r.input.scaler == "columns" && r.input.length_s == 0) {
    refuse("recipe: input.scaler is \"columns\", but input.length_s is 0; expected a length, the same for every clip");
  }
  check_input(r);
}

}  // namespace

Recipe parse_recipe(const std::string& text, const std::string& name, const std::vector<std::string>& sets) {
  toml::table table;
  try {
    table = toml::parse(text, name);
  } catch (const toml::parse_error& error) {
    refuse(fmt::format("{}, line {}: {}", name, error.source().begin.line, error.description()));
  }
  Recipe recipe;
  read_table(recipe, name, "", table);
  for (const std::string& set : sets) {
    const size_t equals = set.find('=');
    if (equals == std::string::npos) refuse(fmt::format("--set {}: expected KEY=VALUE, e.g. train.lr=0.0005", set));
    set_recipe_key(recipe, set.substr(0, equals), set.substr(equals + 1));
  }
  if (const toml::node* grid = table.get("grid")) {
    if (!grid->is_table()) wrong_type(place(name, *grid), "grid", "a table of keys with values to try");
    read_grid(recipe, name, "", *grid->as_table());
  }
  check(recipe);
  return recipe;
}

Recipe read_recipe(const std::string& path, const std::vector<std::string>& sets) {
  return parse_recipe(read_text(path, ExitCode::usage), path, sets);
}

void set_recipe_key(Recipe& recipe, const std::string& key, const std::string& value) {
  const std::string where = fmt::format("--set {}={}", key, value);
  toml::table table;
  try {
    table = toml::parse("value = " + value);
  } catch (const toml::parse_error&) {
    table.insert_or_assign("value", value);
  }
  bool is_text = false;  // "17-20" and "1" are groups where a string is wanted
  each_key(recipe, [&](const std::string& name, auto& field, auto...) {
    if (name == key) is_text = std::is_same_v<std::decay_t<decltype(field)>, std::string>;
  });
  if (is_text && !table["value"].is_string()) table.insert_or_assign("value", value);
  set_node(recipe, where, key, *table.get("value"));
}

std::string nearest_name(const std::string& word, const std::vector<std::string>& known) {
  return *std::min_element(known.begin(), known.end(), [&](const auto& a, const auto& b) {
    return edit_distance(word, a) < edit_distance(word, b);
  });
}

std::string recipe_text(const Recipe& recipe) {
  std::string text, open;
  each_key(recipe, [&](const std::string& name, const auto& value, auto...) {
    const size_t dot = name.find('.');
    const std::string table = dot == std::string::npos ? "" : name.substr(0, dot);
    if (table != open) text += fmt::format("\n[{}]\n", open = table);
    if (toml_value(value).empty()) return;
    text += fmt::format("{} = {}\n", dot == std::string::npos ? name : name.substr(dot + 1), toml_value(value));
  });
  if (!recipe.grid.empty()) text += "\n[grid]\n";
  for (const auto& [key, values] : recipe.grid) text += fmt::format("{} = [{}]\n", key, fmt::join(values, ", "));
  return text;
}

}  // namespace limbic
