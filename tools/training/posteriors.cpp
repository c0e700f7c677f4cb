// SPDX-License-Identifier: Apache-2.0
#include "tools/training/posteriors.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "engine/ops.h"

namespace limbic {

namespace {

std::string header(char letter, int64_t columns) {
  std::string text = "name,label,actor,fold";
  for (int64_t k = 0; k < columns; ++k) text += fmt::format(",{}{}", letter, k);
  return text + "\n";
}

std::string lines(const std::vector<std::string>& labels, const std::vector<Example>& examples, const Matrix& numbers,
                  const std::vector<int64_t>& columns, int64_t fold) {
  std::string csv;
  for (size_t i = 0; i < examples.size(); ++i) {
    csv += fmt::format("{},{},{},{}", csv_field(examples[i].clip),
                       csv_field(labels[static_cast<size_t>(examples[i].label)]), csv_field(examples[i].group), fold);
    for (const int64_t column : columns)
      csv += fmt::format(",{}", static_cast<float>(numbers.row(static_cast<int64_t>(i))[column]));
    csv += '\n';
  }
  return csv;
}

}  // namespace

Matrix posteriors(Classifier& model, const std::vector<Example>& examples) {
  Matrix p(static_cast<int64_t>(examples.size()), static_cast<int64_t>(model.labels().size()));
  for (size_t i = 0; i < examples.size(); ++i) {
    const Tensor row = softmax(model.answer(batch_of_one(examples[i].map)));  // [1,C]
    std::copy(row.data(), row.data() + row.size(), p.row(static_cast<int64_t>(i)));
  }
  return p;
}

std::string posteriors_header(size_t classes) { return header('p', static_cast<int64_t>(classes)); }

std::string posteriors_csv(const std::vector<std::string>& labels, const std::vector<Example>& examples,
                           const Matrix& p, int64_t fold) {
  std::vector<int64_t> columns;
  for (const auto& label : sorted_labels(labels))
    columns.push_back(std::find(labels.begin(), labels.end(), label) - labels.begin());
  return lines(labels, examples, p, columns, fold);
}

Matrix embeddings(Classifier& model, const std::vector<Example>& examples) {
  Matrix e;
  for (const Example& example : examples) {
    const Tensor row = model.embedding(batch_of_one(example.map));  // [1,E]
    const float* const values = row.data();
    e.values.insert(e.values.end(), values, values + row.size());
    ++e.rows, e.columns = row.size();
  }
  return e;
}

std::string embeddings_header(int64_t size) { return header('e', size); }

std::string embeddings_csv(const std::vector<std::string>& labels, const std::vector<Example>& examples,
                           const Matrix& e, int64_t fold) {
  std::vector<int64_t> columns(static_cast<size_t>(e.columns));
  std::iota(columns.begin(), columns.end(), 0);
  return lines(labels, examples, e, columns, fold);
}

}  // namespace limbic
