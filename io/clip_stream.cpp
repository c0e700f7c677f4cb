// SPDX-License-Identifier: Apache-2.0
#include "io/clip_stream.h"

#include "io/reader/process.h"

namespace limbic {

AudioStream ClipStream::sound() {
  reader::Task task = PictureStream::task(options_);
  task.job = "sound+" + task.job;
  task.rate = rate_;
  return {path_, task, {.max_seconds = 86400, .stall_s = options_.stall_s}, process_};
}

}  // namespace limbic
