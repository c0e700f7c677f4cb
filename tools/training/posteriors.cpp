// SPDX-License-Identifier: Apache-2.0
#include "tools/training/posteriors.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/ops.h"

namespace limbic {

Matrix posteriors(Classifier& model, const std::vector<Example>& examples) {
  Matrix p(static_cast<int64_t>(examples.size()), static_cast<int64_t>(model.labels().size()));
  for (size_t i = 0; i < examples.size(); ++i) {
    const Tensor row = softmax(model.answer(batch_of_one(examples[i].map)));  // [1,C]
    std::copy(row.data(), row.data() + row.size(), p.row(static_cast<int64_t>(i)));
  }
  return p;
}

std::string posteriors_header(size_t classes) {
  std::string header = "name,label,actor,fold";
  for (size_t k = 0; k < classes; ++k) header += fmt::format(",p{}", k);
  return header + "\n";
}

std::string posteriors_csv(const std::vector<std::string>& labels, const std::vector<Example>& examples,
                           const Matrix& p, int64_t fold) {
  std::vector<int64_t> columns;
  for (const auto& label : sorted_labels(labels))
    columns.push_back(std::find(labels.begin(), labels.end(), label) - labels.begin());
  std::string csv;
  for (size_t i = 0; i < examples.size(); ++i) {
    csv += fmt::format("{},{},{},{}", csv_field(examples[i].clip),
                       csv_field(labels[static_cast<size_t>(examples[i].label)]), csv_field(examples[i].group), fold);
    for (const int64_t column : columns)
      csv += fmt::format(",{}", static_cast<float>(p.row(static_cast<int64_t>(i))[column]));
    csv += '\n';
  }
  return csv;
}

}  // namespace limbic
