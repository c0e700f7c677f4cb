// SPDX-License-Identifier: Apache-2.0
#include "tools/training/split.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/error.h"

namespace limbic {

namespace {

SplitSide side(const std::string& name, const std::vector<DatasetClip>& clips) {
  SplitSide side{name, {}, {}, {}};
  for (const auto& clip : clips) {
    side.clips.push_back(clip.name);
    side.groups.push_back(clip.group);
  }
  return side;
}

}  // namespace

Split split_dataset(const Recipe& recipe, const Dataset& data) {
  Split split{recipe.data.labels.empty() ? data.labels : recipe.data.labels, {}, {}, {}};
  for (const auto& label : split.labels) {
    if (std::find(data.labels.begin(), data.labels.end(), label) == data.labels.end()) {
      throw Error(ExitCode::usage, fmt::format("{}: no clip is labelled {}; found {}", data.source, label, fmt::join(data.labels, ", ")));
    }
  }
  const bool by_column = recipe.split.train.empty() && recipe.split.validation.empty() && recipe.split.test.empty();

  const auto choose = [&](const std::string& groups, const char* name) {
    const auto wanted = parse_groups(groups);
    check_groups(data, wanted, fmt::format("split.{}", name));
    std::vector<DatasetClip> clips;
    for (const auto& clip : data.clips) {
      const bool known = std::find(split.labels.begin(), split.labels.end(), clip.label) != split.labels.end();
      const bool here = by_column ? clip.split == name : std::find(wanted.begin(), wanted.end(), clip.group) != wanted.end();
      if (known && here) clips.push_back(clip);
    }
    return clips;
  };
  split.train = choose(recipe.split.train, "train");
  split.validation = choose(recipe.split.validation, "validation");
  split.test = choose(recipe.split.test, "test");
  if (split.train.empty()) {
    throw Error(ExitCode::usage, fmt::format("{}: nothing to train on: the recipe needs split.train (groups), or the manifest a split column", data.source));
  }
  if (split.validation.empty() && (recipe.train.keep != "last" || !recipe.grid.empty())) {
    const std::string choice = recipe.grid.empty() ? fmt::format("train.keep = \"{}\" chooses an epoch", recipe.train.keep) : "[grid] is ranked";
    throw Error(ExitCode::usage, fmt::format("{}: {} on validation clips, but there are none; expected split.validation (groups), or \"validation\" in the manifest's split column", data.source, choice));
  }
  check_split({side("train", split.train), side("validation", split.validation), side("test", split.test)});
  return split;
}

std::string describe_side(const std::string& groups, size_t clips) {
  return groups.empty() ? fmt::format("{} clips of the manifest's split column", clips) : fmt::format("groups {} ({} clips)", groups, clips);
}

}  // namespace limbic
