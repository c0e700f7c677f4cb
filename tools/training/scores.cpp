// SPDX-License-Identifier: Apache-2.0
#include "tools/training/scores.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "engine/ops.h"

namespace limbic {

namespace {

double precision(const Confusion& confusion, int label) {
  int64_t predicted = 0;
  for (int truth = 0; truth < confusion.classes(); ++truth) predicted += confusion.at(truth, label);
  return predicted ? static_cast<double>(confusion.at(label, label)) / static_cast<double>(predicted) : 0;
}

}  // namespace

Scores evaluate(Classifier& model, const std::vector<Example>& examples) {
  Scores scores{model.labels(), Confusion(static_cast<int>(model.labels().size())), 0, 0};
  for (const Example& example : examples) {
    const Tensor values = log_softmax(model.answer(batch_of_one(example.map)));  // [1,C]
    scores.confusion.add(example.label, static_cast<int>(argmax(values)[0]));
    scores.loss -= values.data()[example.label];
    scores.top3 += top_k_accuracy(values, {example.label}, 3);
  }
  const double n = std::max<double>(1, static_cast<double>(examples.size()));
  scores.loss /= n;
  scores.top3 /= n;
  return scores;
}

Scores pooled(const std::vector<Scores>& folds) {
  Scores all{folds.at(0).labels, Confusion(folds[0].confusion.classes()), 0, 0};
  double clips = 0;
  for (const Scores& fold : folds) {
    const auto n = static_cast<double>(fold.confusion.total());
    clips += n;
    all.loss += n * fold.loss;
    all.top3 += n * fold.top3;
    for (int truth = 0; truth < all.confusion.classes(); ++truth) {
      for (int label = 0; label < all.confusion.classes(); ++label) {
        for (int64_t i = 0; i < fold.confusion.at(truth, label); ++i) all.confusion.add(truth, label);
      }
    }
  }
  all.loss /= std::max(1.0, clips);
  all.top3 /= std::max(1.0, clips);
  return all;
}

nlohmann::ordered_json scores_json(const Scores& s) {
  nlohmann::ordered_json per_class = nlohmann::ordered_json::array(), rows = nlohmann::ordered_json::array();
  for (int truth = 0; truth < s.confusion.classes(); ++truth) {
    nlohmann::ordered_json row = nlohmann::ordered_json::array();
    int64_t clips = 0;
    for (int label = 0; label < s.confusion.classes(); ++label) {
      row.push_back(s.confusion.at(truth, label));
      clips += s.confusion.at(truth, label);
    }
    const double recall = s.confusion.recall(truth);
    per_class.push_back({{"label", s.labels[truth]},
                         {"clips", clips},
                         {"recall", std::isnan(recall) ? nlohmann::ordered_json() : nlohmann::ordered_json(recall)},
                         {"precision", precision(s.confusion, truth)}});
    rows.push_back(row);
  }
  return {{"clips", s.confusion.total()},
          {"correct", s.confusion.correct()},
          {"accuracy", s.accuracy()},
          {"interval", interval_half_width(s.accuracy(), s.confusion.total())},
          {"top3", s.top3},
          {"uar", s.confusion.unweighted_recall()},
          {"loss", s.loss},
          {"labels", s.labels},
          {"per_class", per_class},
          {"confusion", rows}};
}

std::string scores_text(const Scores& s) {
  const auto percent = [](double share) { return fmt::format("{:.2f} %", 100 * share); };
  std::string text = fmt::format("accuracy {} ({}/{}), 95 % interval +-{}, top-3 {}, UAR {}, loss {:.4f}\n\n",
                                 percent(s.accuracy()), s.confusion.correct(), s.confusion.total(),
                                 percent(interval_half_width(s.accuracy(), s.confusion.total())), percent(s.top3),
                                 percent(s.confusion.unweighted_recall()), s.loss);
  size_t width = 5;
  for (const auto& label : s.labels) width = std::max(width, label.size());
  text += fmt::format("{:{}}  recall  precision  predicted as\n", "truth", width);
  for (int truth = 0; truth < s.confusion.classes(); ++truth) {
    const double recall = s.confusion.recall(truth);  // NaN where no clip has this label
    text += fmt::format("{:{}}  {:>6}     {:5.1f}%  ", s.labels[truth], width,
                        std::isnan(recall) ? "-" : fmt::format("{:.1f}%", 100 * recall),
                        100 * precision(s.confusion, truth));
    for (int label = 0; label < s.confusion.classes(); ++label)
      text += fmt::format("{:5}", s.confusion.at(truth, label));
    text += '\n';
  }
  return text;
}

}  // namespace limbic
