// SPDX-License-Identifier: Apache-2.0
// Labelled rows of numbers: embeddings, class scores, action units, one CSV file or several side by side.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace limbic {

/// Row-major numbers [rows, columns].
struct Matrix {
  int64_t rows = 0, columns = 0;
  std::vector<double> values;

  Matrix() = default;
  Matrix(int64_t r, int64_t c) : rows(r), columns(c), values(static_cast<size_t>(r * c)) {}
  double* row(int64_t i) { return values.data() + i * columns; }
  const double* row(int64_t i) const { return values.data() + i * columns; }
};

struct Table {
  /// One file's share of the columns.
  struct Part {
    std::string file;
    std::vector<std::string> features;         ///< names of its columns of `x`
    std::vector<int> class_order;              ///< its i-th sorted label is the class classes[class_order[i]]
    std::map<std::string, std::string> label;  ///< how it spells the first file's labels: its word -> the first's
  };
  std::vector<Part> parts;
  std::vector<std::string> names;
  std::vector<std::string> labels;                       ///< one a row, as spelt; empty: not known
  std::vector<std::string> classes;                      ///< the labels that occur, sorted (as numbers if all are)
  std::map<std::string, std::vector<std::string>> keys;  ///< "actor", "fold", "group", "split": those that are there
  Matrix x;                                              ///< [rows, features of all parts]
  std::vector<std::string> notes;                        ///< what was left out

  int64_t rows() const { return x.rows; }
  /// `keys[name]`. Throws Error(usage) where there is no such column.
  const std::vector<std::string>& key(const std::string& name) const;
  Table chosen(const std::vector<int64_t>& which) const;  ///< these rows; classes stay
};

/// Reads CSV files with the columns name, label and numbers, and joins them by name (RAVDESS names without their first
/// field, the modality) in the first one's order. name, label, actor, fold, group and split are never features; neither
/// is a column without any number. Every row must have a label. Throws Error(media): file, line, found, expected.
Table read_table(const std::vector<std::string>& paths);

/// The same for rows that `like` is to be applied to: its features in its order, its classes; labels may be empty.
Table read_table_like(const Table& like, const std::vector<std::string>& paths);

/// Sorted, as numbers if all of them are; without repetitions.
std::vector<std::string> sorted_labels(std::vector<std::string> labels);

/// A field of a CSV file, in quotes where it needs them.
std::string csv_field(const std::string& text);

}  // namespace limbic
