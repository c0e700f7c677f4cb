// SPDX-License-Identifier: Apache-2.0
#include "tools/training/split.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "engine/error.h"
#include "engine/random.h"

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

Dataset merge_labels(const Recipe& recipe, const Dataset& data) {
  std::map<std::string, std::string> merged;
  for (const std::string& entry : recipe.data.merge) {
    const auto refuse = [&](const std::string& why) {
      throw Error(ExitCode::usage, fmt::format("recipe: data.merge \"{}\": {}", entry, why));
    };
    const size_t equals = entry.find('=');
    if (equals == std::string::npos) refuse("expected \"name = label, label\"");
    const auto name = parse_groups(entry.substr(0, equals));
    if (name.size() != 1) refuse("expected one name before the =");
    const auto labels = parse_groups(entry.substr(equals + 1));
    if (labels.empty()) refuse("expected labels after the =");
    for (const std::string& label : labels) {
      if (std::find(data.labels.begin(), data.labels.end(), label) == data.labels.end()) {
        refuse(fmt::format("no clip is labelled {}; found {}", label, fmt::join(data.labels, ", ")));
      }
      if (!merged.emplace(label, name[0]).second) refuse(fmt::format("{} is merged already", label));
    }
  }
  if (merged.empty()) return data;
  Dataset result = data;
  result.labels.clear();
  const auto now = [&](const std::string& label) { return merged.contains(label) ? merged[label] : label; };
  for (const std::string& label : data.labels) {
    if (std::find(result.labels.begin(), result.labels.end(), now(label)) == result.labels.end())
      result.labels.push_back(now(label));
  }
  for (DatasetClip& clip : result.clips) clip.label = now(clip.label);
  return result;
}

Dataset draw_fold(const Recipe& recipe, const Dataset& data, int64_t fold) {
  const Dataset merged = merge_labels(recipe, data);
  Dataset result = data;
  const int64_t folds = recipe.cv.drawn;
  for (size_t l = 0; l < merged.labels.size(); ++l) {
    std::vector<std::vector<size_t>> groups;  // a group's clips stay together
    std::map<std::string, size_t> place;
    for (size_t i = 0; i < merged.clips.size(); ++i) {
      if (merged.clips[i].label != merged.labels[l]) continue;
      const auto [found, is_new] = place.emplace(merged.clips[i].group, groups.size());
      if (is_new) groups.emplace_back();
      groups[found->second].push_back(i);
    }
    Random(static_cast<uint64_t>(recipe.seed), l).shuffle(groups);  // the same for every fold
    const auto count = static_cast<int64_t>(groups.size());
    const int64_t first = fold * count / folds, end = (fold + 1) * count / folds;
    const int64_t held_out = std::llround(recipe.cv.validation * static_cast<double>(count - (end - first)));
    for (int64_t i = 0, others = 0; i < count; ++i) {
      const bool test = i >= first && i < end;
      const char* side = test ? "test" : others++ < held_out ? "validation" : "train";
      for (const size_t clip : groups[i]) result.clips[clip].split = side;
    }
  }
  return result;
}

Split split_dataset(const Recipe& recipe, const Dataset& unmerged) {
  const Dataset data = merge_labels(recipe, unmerged);
  Split split{recipe.data.labels.empty() ? data.labels : recipe.data.labels, {}, {}, {}};
  for (const auto& label : split.labels) {
    if (std::find(data.labels.begin(), data.labels.end(), label) == data.labels.end()) {
      throw Error(ExitCode::usage, fmt::format("{}: no clip is labelled {}; found {}", data.source, label,
                                               fmt::join(data.labels, ", ")));
    }
  }
  const bool by_column = recipe.split.train.empty() && recipe.split.validation.empty() && recipe.split.test.empty();

  const auto choose = [&](const std::string& groups, const char* name) {
    const auto wanted = parse_groups(groups);
    check_groups(data, wanted, fmt::format("split.{}", name));
    std::vector<DatasetClip> clips;
    for (const auto& clip : data.clips) {
      const bool known = std::find(split.labels.begin(), split.labels.end(), clip.label) != split.labels.end();
      const bool here =
          by_column ? clip.split == name : std::find(wanted.begin(), wanted.end(), clip.group) != wanted.end();
      if (known && here) clips.push_back(clip);
    }
    return clips;
  };
  split.train = choose(recipe.split.train, "train");
  split.validation = choose(recipe.split.validation, "validation");
  split.test = choose(recipe.split.test, "test");
  if (split.train.empty()) {
    throw Error(
        ExitCode::usage,
        fmt::format("{}: nothing to train on: the recipe needs split.train (groups), or the manifest a split column",
                    data.source));
  }
  if (split.validation.empty() && (recipe.train.keep != "last" || !recipe.grid.empty())) {
    const std::string choice = recipe.grid.empty()
                                   ? fmt::format("train.keep = \"{}\" chooses an epoch", recipe.train.keep)
                                   : "[grid] is ranked";
    throw Error(ExitCode::usage,
                fmt::format("{}: {} on validation clips, but there are none; expected split.validation (groups), or "
                            "\"validation\" in the manifest's split column",
                            data.source, choice));
  }
  check_split({side("train", split.train), side("validation", split.validation), side("test", split.test)});
  return split;
}

std::string describe_side(const Recipe& recipe, const std::string& groups, size_t clips) {
  if (recipe.cv.drawn > 0) return fmt::format("{} clips of a fold drawn with seed {}", clips, recipe.seed);
  return groups.empty() ? fmt::format("{} clips of the manifest's split column", clips)
                        : fmt::format("groups {} ({} clips)", groups, clips);
}

}  // namespace limbic
