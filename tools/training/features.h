// SPDX-License-Identifier: Apache-2.0
// Clips as log-mel maps, kept in memory for training and in the cache between runs; pictures as nets see them.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "io/dataset.h"
#include "tools/training/classifier.h"

namespace limbic {

struct Example {
  std::string clip;  ///< its name in the data set
  std::string group;
  std::string sound;  ///< hash of the decoded samples, or pixels
  int label = 0;
  Tensor map;  ///< [T,M]; of a picture [S,S,C]; of a sequence [T,E]
};

/// How many numbers the embedding of a net for pictures has. Throws as Classifier::load_for_pictures.
int embedding_size(const std::string& embedder);

/// A map as a batch of one: [1,T,M] or [1,S,S,C].
Tensor batch_of_one(const Tensor& map);

using Progress = std::function<void(const std::string& what, int64_t done, int64_t total)>;

/// The clips whose labels `model` knows (their order numbers the classes), decoded, windowed and transformed as its
/// input says; where that is for pictures, they are frames of films, and where it is for sequences an example is all
/// frames of a film that share a group. Clips of a log-mel file are taken from it as they are. Throws
/// Error(ExitCode::media), also for a clip that ends before the window begins, or is shorter than the net can take.
/// `copies` adds changed versions of each clip
/// ("noise", "pitch", "stretch", "shift"), whose random numbers come from the clip's content: the same at every run.
std::vector<Example> load_examples(const std::vector<DatasetClip>& clips, const Classifier& model,
                                   const std::vector<std::string>& copies, const Progress& progress);

}  // namespace limbic
