// SPDX-License-Identifier: Apache-2.0
#include "io/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <optional>
#include <set>

#include "engine/error.h"
#include "io/dataset.h"
#include "io/input.h"

namespace limbic {
namespace {

const std::set<std::string> key_columns = {"actor", "fold", "group", "split"};

std::optional<double> number(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  if (!text.empty() && text.front() == '+') text.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

// One file as it lies on disk: every row has the header's number of fields.
struct File {
  std::string path;
  std::vector<std::string> header;
  std::vector<CsvRow> rows;

  [[noreturn]] void refuse(int line, const std::string& what) const {
    throw Error(ExitCode::media, fmt::format("{}, line {}: {}", path, line, what));
  }
  int column(const std::string& name) const {
    const auto at = std::find(header.begin(), header.end(), name);
    return at == header.end() ? -1 : static_cast<int>(at - header.begin());
  }
};

// A field as it fits an error line.
std::string shown(const std::string& field) { return clean_text(field.substr(0, 60)); }

File read_file(const std::string& path) {
  std::string found;
  const InputFile input = open_input(path, found);
  if (input.fd < 0) throw Error(ExitCode::media, fmt::format("{}: found {}, expected a CSV file", path, found));
  std::string text(static_cast<size_t>(input.size), '\0');
  if (!input.read_at(0, text.data(), text.size()))
    throw Error(ExitCode::media, fmt::format("{}: cannot be read", path));
  File file{path, {}, parse_csv(text, path)};
  if (file.rows.empty())
    throw Error(ExitCode::media,
                fmt::format("{}, line 1: found no header, expected name,label and columns of numbers", path));
  file.header = file.rows[0].fields;
  for (auto it = file.header.begin(); it != file.header.end(); ++it) {
    if (std::find(file.header.begin(), it, *it) != it)
      file.refuse(1, fmt::format("found the column {} twice, expected it once", shown(*it)));
  }
  if (file.column("name") < 0)
    file.refuse(1, fmt::format("found no column \"name\" among {} columns, expected name,label and columns of numbers",
                               file.header.size()));
  file.rows.erase(file.rows.begin());
  if (file.rows.empty()) file.refuse(2, "found no row below the header, expected at least one");
  for (const CsvRow& row : file.rows) {
    if (row.fields.size() != file.header.size())
      file.refuse(row.line,
                  fmt::format("found {} fields, expected {} as in the header", row.fields.size(), file.header.size()));
  }
  return file;
}

// The columns that a model may look at: not reserved, with a number in at least one row.
std::vector<std::string> feature_columns(const File& file, std::vector<std::string>& notes) {
  std::vector<std::string> features;
  for (size_t c = 0; c < file.header.size(); ++c) {
    const std::string& name = file.header[c];
    if (name == "name" || name == "label" || key_columns.count(name)) continue;
    if (std::any_of(file.rows.begin(), file.rows.end(),
                    [&](const CsvRow& row) { return number(row.fields[c]).has_value(); }))
      features.push_back(name);
    else
      notes.push_back(fmt::format("{}: column {} holds no number and is left out", file.path, shown(name)));
  }
  if (features.empty())
    file.refuse(1, fmt::format("found no column of numbers among {} columns, expected features beside name,label",
                               file.header.size()));
  return features;
}

bool is_ravdess(const std::string& stem) {
  if (stem.size() != 20) return false;
  for (size_t i = 0; i < stem.size(); ++i) {
    if (i % 3 == 2 ? stem[i] != '-' : stem[i] < '0' || stem[i] > '9') return false;
  }
  return true;
}

// What two files call the same clip: the video 01-01-... and the sound Actor_07/03-01-....flac are one.
std::string join_key(const std::string& name) {
  const std::string stem = std::filesystem::path(name).stem().string();
  return is_ravdess(stem) ? stem.substr(3) : name;
}

std::map<std::string, const CsvRow*> rows_by_key(const File& file) {
  const auto name = static_cast<size_t>(file.column("name"));
  std::map<std::string, const CsvRow*> rows;
  for (const CsvRow& row : file.rows) {
    const auto [at, fresh] = rows.emplace(join_key(row.fields[name]), &row);
    if (!fresh)
      file.refuse(row.line, fmt::format("found {} again, expected each name once (it stands in line {})",
                                        shown(row.fields[name]), at->second->line));
  }
  return rows;
}

std::string label_of(const File& file, const CsvRow& row) {
  const int column = file.column("label");
  return column < 0 ? "" : row.fields[static_cast<size_t>(column)];
}

// Files may spell the same classes differently (happy, 2), but one word must mean one class.
void learn_spelling(Table::Part& part, const File& file, const CsvRow& row, const std::string& label) {
  const std::string own = label_of(file, row);
  if (own.empty()) file.refuse(row.line, "found an empty label, expected one in every row");
  const auto [at, fresh] = part.label.emplace(own, label);
  if (!fresh && at->second != label) {
    file.refuse(row.line, fmt::format("found label {} where the first file says {}, expected {} as before", shown(own),
                                      shown(label), shown(at->second)));
  }
}

void order_classes(Table::Part& part, const File& file, const std::vector<std::string>& classes) {
  std::vector<std::string> own, meant;
  for (const auto& [word, label] : part.label) own.push_back(word), meant.push_back(label);
  if (sorted_labels(meant).size() != own.size())
    file.refuse(1, fmt::format("found {} labels for {} of the first file, expected one for one", own.size(),
                               sorted_labels(meant).size()));
  for (const std::string& word : sorted_labels(own)) {
    part.class_order.push_back(
        static_cast<int>(std::find(classes.begin(), classes.end(), part.label.at(word)) - classes.begin()));
  }
}

void check_label(const File& file, const CsvRow& row, const Table& like) {
  const std::string label = label_of(file, row);
  if (label.empty() || std::find(like.classes.begin(), like.classes.end(), label) != like.classes.end()) return;
  file.refuse(row.line, fmt::format("found label {}, expected one of {}", shown(label), fmt::join(like.classes, ", ")));
}

Table read(const std::vector<std::string>& paths, const Table* like) {
  std::vector<File> files;
  for (const auto& path : paths) files.push_back(read_file(path));
  if (like && files.size() != like->parts.size()) {
    throw Error(ExitCode::usage, fmt::format("{}: found {} files, expected {} as for {}", paths[0], files.size(),
                                             like->parts.size(), like->parts[0].file));
  }
  Table table;
  const File& first = files[0];
  const auto name = static_cast<size_t>(first.column("name"));
  if (!like && first.column("label") < 0)
    first.refuse(1, "found no column \"label\", expected name,label and columns of numbers");
  for (const CsvRow& row : first.rows) {
    table.names.push_back(row.fields[name]);
    table.labels.push_back(label_of(first, row));
    if (like)
      check_label(first, row, *like);
    else if (table.labels.back().empty())
      first.refuse(row.line, "found an empty label, expected one in every row");
  }
  table.classes = like ? like->classes : sorted_labels(table.labels);
  for (size_t c = 0; c < first.header.size(); ++c) {
    if (!key_columns.count(first.header[c])) continue;
    for (const CsvRow& row : first.rows) table.keys[first.header[c]].push_back(row.fields[c]);
  }
  int64_t columns = 0;
  for (size_t f = 0; f < files.size(); ++f) {
    table.parts.push_back(
        {files[f].path, like ? like->parts[f].features : feature_columns(files[f], table.notes), {}, {}});
    columns += static_cast<int64_t>(table.parts[f].features.size());
  }
  table.x = Matrix(static_cast<int64_t>(first.rows.size()), columns);
  std::vector<const CsvRow*> rows;
  for (const CsvRow& row : first.rows) rows.push_back(&row);
  if (files.size() > 1) rows_by_key(first);  // no name twice

  int64_t begin = 0;
  for (size_t f = 0; f < files.size(); ++f) {
    const File& file = files[f];
    Table::Part& part = table.parts[f];
    if (f > 0) {
      const auto by_key = rows_by_key(file);
      for (size_t i = 0; i < rows.size(); ++i) {
        const auto at = by_key.find(join_key(table.names[i]));
        if (at == by_key.end())
          file.refuse(1, fmt::format("found no row for {}, expected one for each of the {} names in {}",
                                     shown(table.names[i]), rows.size(), first.path));
        rows[i] = at->second;
      }
      if (by_key.size() > rows.size())
        table.notes.push_back(fmt::format("{}: {} rows that {} does not name are left out", file.path,
                                          by_key.size() - rows.size(), first.path));
    }
    for (size_t c = 0; c < part.features.size(); ++c) {
      const int at = file.column(part.features[c]);
      if (at < 0)
        file.refuse(1, fmt::format("found no column {}, expected the {} features of {}", shown(part.features[c]),
                                   part.features.size(), like->parts[f].file));
      for (size_t i = 0; i < rows.size(); ++i) {
        const auto value = number(rows[i]->fields[static_cast<size_t>(at)]);
        if (!value)
          file.refuse(rows[i]->line,
                      fmt::format("found \"{}\" in column {}, expected a finite number",
                                  shown(rows[i]->fields[static_cast<size_t>(at)]), shown(part.features[c])));
        table.x.row(static_cast<int64_t>(i))[begin + static_cast<int64_t>(c)] = *value;
      }
    }
    begin += static_cast<int64_t>(part.features.size());
    if (like) {
      part.label = like->parts[f].label;
      part.class_order = like->parts[f].class_order;
    } else {
      for (size_t i = 0; i < rows.size(); ++i) learn_spelling(part, file, *rows[i], table.labels[i]);
      order_classes(part, file, table.classes);
    }
    for (size_t i = 0; like && f > 0 && i < rows.size(); ++i) {
      const std::string own = label_of(file, *rows[i]);
      const auto meant = part.label.find(own);
      if (own.empty() || table.labels[i].empty() || (meant != part.label.end() && meant->second == table.labels[i]))
        continue;
      file.refuse(rows[i]->line,
                  fmt::format("found label {} where {} says {}", shown(own), first.path, shown(table.labels[i])));
    }
  }
  return table;
}

}  // namespace

const std::vector<std::string>& Table::key(const std::string& name) const {
  const auto at = keys.find(name);
  if (at == keys.end()) throw Error(ExitCode::usage, fmt::format("{}: found no column {}", parts.at(0).file, name));
  return at->second;
}

Table Table::chosen(const std::vector<int64_t>& which) const {
  Table table = *this;
  table.names.clear();
  table.labels.clear();
  for (auto& [name, values] : table.keys) values.clear();
  table.x = Matrix(static_cast<int64_t>(which.size()), x.columns);
  for (size_t i = 0; i < which.size(); ++i) {
    const auto from = static_cast<size_t>(which[i]);
    table.names.push_back(names[from]);
    table.labels.push_back(labels[from]);
    for (auto& [name, values] : table.keys) values.push_back(keys.at(name)[from]);
    std::copy(x.row(which[i]), x.row(which[i]) + x.columns, table.x.row(static_cast<int64_t>(i)));
  }
  return table;
}

Table read_table(const std::vector<std::string>& paths) { return read(paths, nullptr); }
Table read_table_like(const Table& like, const std::vector<std::string>& paths) { return read(paths, &like); }

std::vector<std::string> sorted_labels(std::vector<std::string> labels) {
  const bool numbers =
      std::all_of(labels.begin(), labels.end(), [](const auto& label) { return number(label).has_value(); });
  std::sort(labels.begin(), labels.end(), [&](const auto& a, const auto& b) {
    if (numbers && *number(a) != *number(b)) return *number(a) < *number(b);
    return a < b;
  });
  labels.erase(std::unique(labels.begin(), labels.end()), labels.end());
  return labels;
}

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

}  // namespace limbic
