// SPDX-License-Identifier: Apache-2.0
// What a classifier says about clips, as `limbic fuse` reads it.
#pragma once
#include <string>
#include <vector>

#include "io/table.h"
#include "tools/training/features.h"

namespace limbic {

/// Class probabilities [clips, classes], clip by clip, at the classifier's temperature. Throws as `evaluate`.
Matrix posteriors(Classifier& model, const std::vector<Example>& examples);

/// Lines of name,label,actor,fold,p0,...; p0 ... follow the sorted labels, whatever their order in the net.
std::string posteriors_csv(const std::vector<std::string>& labels, const std::vector<Example>& examples,
                           const Matrix& p, int64_t fold);
std::string posteriors_header(size_t classes);

/// What the classifier's last layer sees [clips, E], clip by clip, and lines of name,label,actor,fold,e0,... Throws as
/// Classifier::embedding.
Matrix embeddings(Classifier& model, const std::vector<Example>& examples);
std::string embeddings_csv(const std::vector<std::string>& labels, const std::vector<Example>& examples,
                           const Matrix& e, int64_t fold);
std::string embeddings_header(int64_t size);

}  // namespace limbic
