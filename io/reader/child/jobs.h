// SPDX-License-Identifier: Apache-2.0
// What each of the reader programs can do; media/jobs.cpp and hdf5/jobs.cpp implement it.
#pragma once
#include <string>

namespace limbic::reader {

/// Opens what the job needs of this machine, before the child is confined.
void prepare_job(const std::string& job);

/// Reads the open file from its beginning; throws Refusal. `rate` and `side` as the job wants them.
void run_job(const std::string& job, int rate, int side);

}  // namespace limbic::reader
