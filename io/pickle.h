// SPDX-License-Identifier: Apache-2.0
// The part of Python's pickle language that PyTorch weights are written in. A pickle is a program; this machine runs
// the subset that builds plain data. Classes and functions are entries of a closed list, calls to them become nodes,
// and no code exists that could call anything else: an opcode or a global that is not on the list is an error that
// names it.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "io/bytes.h"

namespace limbic {

struct PickleNode {
  enum class Kind : uint8_t {
    none,
    boolean,
    integer,
    real,
    text,
    tuple,
    list,
    set,
    dict,
    global,
    storage,
    tensor,
    opaque
  };
  using Index = uint32_t;

  Kind kind = Kind::none;
  uint8_t global = 0;   ///< place in the list of globals; storages: that of their class
  uint16_t depth = 1;   ///< nesting below, at the time of the last change
  int64_t integer = 0;  ///< boolean, integer; storage: elements; tensor: offset in elements
  double real = 0;
  std::string_view text{};     ///< text; storage: its key; integers beyond 64 bits: their bytes
  std::vector<Index> items{};  ///< elements; dict: key, value, key, ...; tensor: storage, shape, strides
};

/// All objects of one pickle; shared references stay shared, so no input grows by being read.
class Pickle {
 public:
  using Index = PickleNode::Index;
  const PickleNode& operator[](Index index) const { return nodes_[index]; }
  const PickleNode& root() const { return nodes_[root_]; }
  Index size() const { return static_cast<Index>(nodes_.size()); }
  /// The value under a text key, the last one where there are several; nullptr: none, or `dict` is no dict.
  const PickleNode* find(const PickleNode& dict, std::string_view key) const;

 private:
  friend class PickleMachine;
  std::vector<PickleNode> nodes_;
  Index root_ = 0;
};

/// Runs the pickle at the cursor and leaves the cursor behind its STOP. Texts are views of the cursor's bytes.
Pickle read_pickle(ByteCursor& cursor);

/// Element type ("f32") of a storage, and what a node is, for messages: "a list", "numpy.dtype".
std::string_view storage_dtype(const PickleNode& storage);
std::string describe(const PickleNode& node);

}  // namespace limbic
