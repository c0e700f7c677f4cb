// SPDX-License-Identifier: Apache-2.0
#include "tools/fusion/svc.h"

#include <fmt/format.h>
#include <libsvm/svm.h>

#include <cmath>
#include <memory>

#include "engine/error.h"
#include "tools/fusion/logistic.h"

namespace limbic {
namespace {

// libsvm's rows: (index from 1, value) pairs, closed by index -1.
struct SparseRows {
  std::vector<svm_node> nodes;
  std::vector<svm_node*> rows;

  explicit SparseRows(const Matrix& x) {
    nodes.reserve(static_cast<size_t>(x.rows * (x.columns + 1)));
    for (int64_t i = 0; i < x.rows; ++i) {
      for (int64_t c = 0; c < x.columns; ++c) nodes.push_back({static_cast<int>(c) + 1, x.row(i)[c]});
      nodes.push_back({-1, 0});
    }
    for (int64_t i = 0; i < x.rows; ++i) rows.push_back(nodes.data() + i * (x.columns + 1));
  }
};

double scale_gamma(const Matrix& x) {
  double mean = 0, variance = 0;
  const auto n = static_cast<double>(x.values.size());
  for (const double v : x.values) mean += v / n;
  for (const double v : x.values) variance += (v - mean) * (v - mean) / n;
  return variance > 0 ? 1 / (static_cast<double>(x.columns) * variance) : 1;
}

}  // namespace

Matrix svc_probabilities(const Matrix& x, const std::vector<int>& labels, int classes, double C, const Matrix& test) {
  SparseRows rows(x);
  std::vector<double> y(labels.begin(), labels.end());
  const svm_problem problem{static_cast<int>(x.rows), y.data(), rows.rows.data()};
  svm_parameter parameter{};
  parameter.svm_type = C_SVC;
  parameter.kernel_type = RBF;
  parameter.gamma = scale_gamma(x);
  parameter.cache_size = 200;
  parameter.eps = 1e-3;
  parameter.C = C;
  parameter.shrinking = 1;
  svm_set_print_string_function([](const char*) {});
  if (const char* why = svm_check_parameter(&problem, &parameter))
    throw Error(ExitCode::usage, fmt::format("svc: {}", why));
  const auto drop = [](svm_model* model) { svm_free_and_destroy_model(&model); };
  const std::unique_ptr<svm_model, decltype(drop)> model(svm_train(&problem, &parameter), drop);

  const int known = svm_get_nr_class(model.get());  // the classes that occur in `labels`
  std::vector<int> class_of(static_cast<size_t>(known));
  svm_get_labels(model.get(), class_of.data());
  std::vector<double> decisions(static_cast<size_t>(known * (known - 1) / 2));
  SparseRows asked(test);
  Matrix p(test.rows, classes);
  for (int64_t i = 0; i < test.rows; ++i) {
    svm_predict_values(model.get(), asked.rows[static_cast<size_t>(i)], decisions.data());
    std::vector<double> votes(static_cast<size_t>(known), 0.0), sums(votes);
    for (int a = 0, pair = 0; a < known; ++a) {
      for (int b = a + 1; b < known; ++b, ++pair) {
        const double d = decisions[static_cast<size_t>(pair)];
        votes[static_cast<size_t>(d > 0 ? a : b)] += 1;
        sums[static_cast<size_t>(a)] += d;
        sums[static_cast<size_t>(b)] -= d;
      }
    }
    for (int64_t k = 0; k < classes; ++k) p.row(i)[k] = -1;  // never seen in training: less than no vote
    for (size_t k = 0; k < votes.size(); ++k)
      p.row(i)[class_of[k]] = votes[k] + sums[k] / (3 * (std::abs(sums[k]) + 1));
    softmax_row(p.row(i), classes);
  }
  return p;
}

}  // namespace limbic
