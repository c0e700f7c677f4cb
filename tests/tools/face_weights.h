// SPDX-License-Identifier: Apache-2.0
// Untrained nets with the cards of trained ones.
#pragma once
#include <sstream>
#include <string>

#include "engine/random.h"
#include "io/weights.h"
#include "nets/registry.h"

namespace limbic_test {

inline const std::string fer_labels = "angry,disgust,fear,happy,sad,surprise,neutral";

/// `net` with its initial numbers; `labels` with commas.
inline void write_untrained(const std::string& path, const std::string& net, const std::string& front_end,
                            const std::string& labels = fer_labels) {
  limbic::set_random_step(5, 0);
  limbic::WeightFile file;
  file.card.net = net;
  file.card.front_end = front_end;
  file.card.licence = "made by a test";
  for (std::stringstream parts(labels); parts.good();) std::getline(parts, file.card.labels.emplace_back(), ',');
  limbic::NetOptions options;
  options.classes = static_cast<int>(file.card.labels.size());
  for (limbic::SavedTensor& t : limbic::save_state(limbic::make_net(net, options)->state())) {
    file.tensors.push_back({t.name, t.dtype, t.shape, t.values, {}});
  }
  limbic::write_weights_hdf5(path, file, true);
}

}  // namespace limbic_test
