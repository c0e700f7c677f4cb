// SPDX-License-Identifier: Apache-2.0
// Labelled clips: RAVDESS from its file names, anything else from a manifest, frames of films from a table of frames,
// and splits that keep speakers apart.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace limbic {

struct DatasetClip {
  std::string path;  ///< the file
  std::string name;  ///< what reports call it: the path below the data set's folder
  std::string label;
  std::string group;   ///< the speaker; RAVDESS: the actor, "1" ... "24"
  std::string split;   ///< the manifest's fourth column: train, validation, test, or empty
  int64_t frame = -1;  ///< of the film at `path`, from 0; -1: the whole clip
  int64_t map = -1;    ///< where `path` is a log-mel file: which clip of it, from 0; else -1
};

struct Dataset {
  std::string source;  ///< the folder or manifest it was read from
  std::vector<std::string>
      labels;  ///< RAVDESS order where the names are RAVDESS's, else sorted (as numbers if they are)
  std::vector<DatasetClip> clips;  ///< sorted by name
  std::vector<std::string> warnings;
};

/// neutral calm happy sad angry fearful disgust surprised.
const std::vector<std::string>& ravdess_labels();

/// Reads `path`: a CSV file, a folder, or a log-mel file (log_mel_file.h). A folder's manifest.csv is used where it has
/// the columns path, label, group; else every wav, flac and mp4 below the folder must have a RAVDESS name (song and
/// silent video are left out, with a warning). A CSV file with the columns frame,label beside a film of its name
/// (FER2013) gives one clip a row: label by the column emotion where there is one, group by the column group or clip,
/// else each frame its own; the column split may say Training, PublicTest, PrivateTest for train, validation, test.
/// first_frame,frames stand for so many frames. Throws Error(ExitCode::media) naming the file and the first bad row;
/// nothing is skipped silently.
Dataset read_dataset(const std::string& path);

/// RFC 4180: rows of fields, quotes undone. `line` is where the row starts, counted from 1. Throws Error(media).
struct CsvRow {
  int line;
  std::vector<std::string> fields;
};
std::vector<CsvRow> parse_csv(const std::string& text, const std::string& name);

/// A list of groups: "1-16, 22, anna" means groups 1, 2, ... 16, 22 and anna. Throws Error(ExitCode::usage).
std::vector<std::string> parse_groups(const std::string& list);

/// Throws Error(ExitCode::usage), beginning with `where`, for a group that has no clip in the data.
void check_groups(const Dataset& data, const std::vector<std::string>& groups, const std::string& where);

/// One side of a split.
struct SplitSide {
  std::string name;                 ///< "train", "validation", "test"
  std::vector<std::string> clips;   ///< names
  std::vector<std::string> groups;  ///< of each clip
  std::vector<std::string> sounds;  ///< hash of each clip's samples, or empty
};

/// Throws Error(ExitCode::usage) where a speaker, or the very same sound, stands on two sides.
void check_split(const std::vector<SplitSide>& sides);

}  // namespace limbic
