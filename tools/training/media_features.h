// SPDX-License-Identifier: Apache-2.0
// Sound and pictures as nets see them, from clips that FFmpeg decodes: the part of features.h that needs LIMBIC_IO.
#pragma once
#include <string>
#include <vector>

#include "io/cache.h"
#include "tools/training/features.h"

namespace limbic {

/// Log-mel maps [T,M] of a clip's sound: the original, then one of each of `copies`; computed once, then from the
/// cache. `note` is the hash of the decoded samples. Throws as decode_audio, clip_window and log_mel, naming the file.
std::vector<CachedArray> sound_maps(const std::string& path, const ClipInput& input,
                                    const std::vector<std::string>& copies);

/// load_examples for clips that are files, or frames of films.
std::vector<Example> load_media_examples(const std::vector<DatasetClip>& clips, const Classifier& model,
                                         const std::vector<std::string>& copies, const Progress& progress);

}  // namespace limbic
