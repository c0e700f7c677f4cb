// SPDX-License-Identifier: Apache-2.0
// The child's side of the pipe, and the jobs it can be given.
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <stdexcept>
#include <string>

#include "io/reader/protocol.h"

namespace limbic::reader {

/// Why the file cannot be read, as in "a playlist (hls)"; `fault` is a MediaFault for sound.
class Refusal : public std::runtime_error {
 public:
  explicit Refusal(const std::string& found, uint32_t fault_code = 0) : std::runtime_error(found), fault(fault_code) {}
  uint32_t fault;
};

/// Writes one message to the parent; ends the process where nobody listens.
void send(Kind kind, const void* payload, uint64_t bytes);
inline void send(Kind kind, const Payload& payload) { send(kind, payload.bytes.data(), payload.bytes.size()); }

int64_t file_size();  ///< of file_fd, as it was when the child started

void read_sound(int rate);  ///< sends sound, samples...; throws Refusal

class FaceFinder;

/// Sends video, picture...; throws Refusal. Squares of `side` pixels are cut out around the faces that `finder` finds;
/// without one, the whole picture is scaled to `side`, or nothing is cut out where that is 0.
void read_pictures(int side, bool colour, FaceFinder* finder);

void read_datasets();  ///< sends dataset, elements, attribute...; throws Refusal

/// Sends an attempt for each thing that a confined child must not be able to do.
void report_attempts(pid_t parent);

}  // namespace limbic::reader
