// SPDX-License-Identifier: Apache-2.0
// What can be wrong with a clip.
#pragma once
#include <string>

#include "engine/error.h"

namespace limbic {

/// Why a file gave no sound or no pictures; callers that can go on without (a face, no voice) look for `no_audio`.
enum class MediaFault {
  unreadable,   ///< missing, no permission, empty, a directory, a FIFO, a device
  not_media,    ///< a still image, a playlist, text, an unknown or refused format
  no_audio,     ///< a media file without a sound track
  no_video,     ///< a media file without moving pictures
  damaged,      ///< truncated or corrupt beyond use
  bad_samples,  ///< NaN or infinite samples
  too_long,     ///< more than DecodeOptions::max_seconds
  too_large,    ///< pictures of more pixels than are decoded
  reader,       ///< the confined reader crashed, hung, ran away or is not installed
};

class MediaError : public Error {
 public:
  MediaError(MediaFault f, const std::string& line) : Error(ExitCode::media, line), fault(f) {}
  MediaFault fault;
};

}  // namespace limbic
