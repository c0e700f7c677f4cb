// SPDX-License-Identifier: Apache-2.0
// limbic-reader and limbic-reader-yunet: sound, and pictures or the faces in them.
#include "io/reader/child/jobs.h"

#include "io/reader/child/channel.h"
#include "io/reader/child/media/face_finder.h"

namespace limbic::reader {
namespace {

std::unique_ptr<FaceFinder> finder;

bool has(const std::string& job, const char* word) { return job.find(word) != std::string::npos; }

}  // namespace

void prepare_job(const std::string& job) {
  if (has(job, "faces") || job == "detector") finder = make_finder(has(job, "-every"), has(job, "-all"));
}

void run_job(const std::string& job, int rate, int side) {
  if (job == "sound") return read_sound(rate);
  cv::setNumThreads(0);  // none but this one: a confined process has no others
  if (job == "detector") return finder->begin();
  if (job == "frames") return read_pictures(0, false, nullptr);
  const bool faces = has(job, "faces");
  if (!faces && !has(job, "pictures")) throw Refusal("a job that limbic-reader does not know");
  read_pictures(side, has(job, "-colour"), faces ? finder.get() : nullptr);
}

}  // namespace limbic::reader
