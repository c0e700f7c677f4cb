// SPDX-License-Identifier: Apache-2.0
// Training checkpoints: one HDF5 file, complete or not there, with the SHA-256 of everything in it.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace limbic {

/// What a run needs to go on with the same bits: parameters, buffers and moments as tensors; step, epoch, random state,
/// early stopping, schedules as text under names of the writer's choice.
struct Checkpoint {
  struct Tensor {
    std::vector<int64_t> shape;
    std::vector<float> values;
    bool operator==(const Tensor&) const = default;
  };
  std::map<std::string, Tensor> tensors;
  std::map<std::string, std::string> fields;
  bool operator==(const Checkpoint&) const = default;

  /// Numbers as text that reads back as the same bits.
  void set(const std::string& name, double value);
  void set(const std::string& name, int64_t value);
  double number(const std::string& name) const;    ///< throws Error(failure) where it is missing or no number
  int64_t integer(const std::string& name) const;  ///< likewise
};

/// Writes atomically. The checkpoint that was at `path` stays beside it as `path`.previous until the next call.
/// Throws Error(failure), or Error(resource) where the disk is full; the old checkpoint is then untouched.
void write_checkpoint(const std::string& path, const Checkpoint& checkpoint);

/// Throws Error(failure), naming the file and what is wrong with it, unless every bit is as it was written.
Checkpoint read_checkpoint(const std::string& path);

/// The newest valid one of `path` and `path`.previous; nothing where neither is there. Appends a line to `notes` for
/// each damaged file that was passed over; throws Error(failure) where only damaged ones are there.
std::optional<Checkpoint> newest_checkpoint(const std::string& path, std::vector<std::string>& notes);

}  // namespace limbic
