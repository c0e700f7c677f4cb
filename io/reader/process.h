// SPDX-License-Identifier: Apache-2.0
// The parent's side of limbic-reader and its kin: starts one on one open file, reads its messages against a
// deadline, and ends it. Whatever the child says is untrusted: its callers check every number.
#pragma once
#include <stdexcept>
#include <string>
#include <vector>

#include "io/input.h"
#include "io/reader/protocol.h"

namespace limbic::reader {

/// The child crashed, hung, ran out of its limits, broke the protocol or is not installed; the text says which, as in
/// "a file on which limbic-reader crashed (SIGSEGV)".
class Failure : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct Message {
  Kind kind;
  std::string payload;
};

/// Something that a confined reader tried and must not be able to do.
struct Attempt {
  std::string what;  ///< "open a file"
  int error;         ///< errno; EPERM: the filter stopped it, 0: it worked
};

/// Where the reader is and how well this host confines it.
struct Status {
  std::string path;               ///< empty: not found
  bool works = false;             ///< it started and answered
  bool no_new_privs = false;      ///< it can gain no rights
  bool seccomp = false;           ///< its system calls are filtered
  std::string detail;             ///< why not, where something is missing
  std::vector<Attempt> attempts;  ///< what status() let it try
};

inline constexpr char media_reader[] = "limbic-reader";
inline constexpr char yunet_reader[] = "limbic-reader-yunet";  ///< the same with OpenCV's networks
inline constexpr char hdf5_reader[] = "limbic-reader-hdf5";  ///< without FFmpeg, whose libraries take long to load

/// What a reader is to do: one of its program's jobs, or several one after the other ("sound+faces").
struct Task {
  const char* program = media_reader;
  std::string job;
  int rate = 0, side = 0;
  std::string model = {};  ///< a file that the program needs besides, read before it is confined; empty: none
};

class Process {
 public:
  /// Starts the task's program on `file`; `stall_s` is how long it may take for one message. For all of them it has ten
  /// times that, and a minute for each megabyte. Throws Failure, and Error(ExitCode::weights) where there is no such model.
  Process(const InputFile& file, const Task& task, double stall_s);
  ~Process();  ///< kills the child if it still runs, and reaps it
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  /// The child's next message; throws Failure where none comes.
  Message next();

  const Status& confinement() const { return confinement_; }

 private:
  void read_exactly(void* to, size_t count, double deadline);
  [[noreturn]] void died();
  int stop(bool kill_it);

  std::string program_;
  int pid_ = -1;
  int channel_ = -1;
  double stall_s_;
  double patience_s_;  // how long it may still keep us waiting, all messages together
  int cpu_s_;
  Status confinement_;
};

/// Starts a reader and asks how well this host confines it, for `limbic doctor`.
Status status(const char* program);

/// Where a reader program is: in the folder that LIMBIC_READER names, or that of the file it names, else beside the
/// running program or where it was installed; empty: nowhere.
std::string find_reader(const char* program);

}  // namespace limbic::reader
