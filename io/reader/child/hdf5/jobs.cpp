// SPDX-License-Identifier: Apache-2.0
// limbic-reader-hdf5: a program of its own, because loading FFmpeg takes longer than reading weights.
#include "io/reader/child/jobs.h"

#include "io/reader/child/channel.h"

namespace limbic::reader {

void prepare_job(const std::string&) {}

void run_job(const std::string& job, int, int) {
  if (job != "datasets") throw Refusal("a job that limbic-reader-hdf5 does not know");
  read_datasets();
}

}  // namespace limbic::reader
