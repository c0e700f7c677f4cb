// SPDX-License-Identifier: Apache-2.0
#include "io/clip_stream.h"

#include "io/reader/process.h"

namespace limbic {

AudioStream ClipStream::sound() {
  const reader::Task task{.job = "sound+" + PictureStream::job(options_), .rate = rate_, .side = options_.side};
  return {path_, task, {.max_seconds = 86400, .stall_s = options_.stall_s}, process_};
}

}  // namespace limbic
