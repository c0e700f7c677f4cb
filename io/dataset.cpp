// SPDX-License-Identifier: Apache-2.0
#include "io/dataset.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <map>
#include <set>
#include <sstream>

#include "engine/error.h"
#include "io/files.h"
#include "io/log_mel_file.h"

namespace limbic {
namespace fs = std::filesystem;

namespace {

bool is_number(const std::string& text) {
  return !text.empty() && text.size() < 10 && text.find_first_not_of("0123456789") == std::string::npos;
}

std::string lower_extension(const fs::path& path) {
  std::string extension = path.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  return extension;
}

// Labels in RAVDESS order where all are RAVDESS's names, else sorted.
std::vector<std::string> ordered_labels(const std::vector<DatasetClip>& clips) {
  std::set<std::string> found;
  for (const auto& clip : clips) found.insert(clip.label);
  const auto& known = ravdess_labels();
  const auto is_known = [&](const std::string& label) {
    return std::find(known.begin(), known.end(), label) != known.end();
  };
  std::vector<std::string> labels;
  if (std::all_of(found.begin(), found.end(), is_known)) {
    std::copy_if(known.begin(), known.end(), std::back_inserter(labels),
                 [&](const auto& label) { return found.count(label); });
    return labels;
  }
  labels.assign(found.begin(), found.end());
  if (std::all_of(labels.begin(), labels.end(), is_number)) {
    std::sort(labels.begin(), labels.end(), [](const auto& a, const auto& b) { return std::stoi(a) < std::stoi(b); });
  }
  return labels;
}

// "03-01-06-01-02-01-12": modality, channel, emotion, intensity, statement, repetition, actor.
bool parse_ravdess_name(const std::string& stem, std::vector<int>& fields) {
  fields.clear();
  if (stem.size() != 20) return false;
  for (size_t i = 0; i < stem.size(); i += 3) {
    if (!std::isdigit(static_cast<unsigned char>(stem[i])) || !std::isdigit(static_cast<unsigned char>(stem[i + 1])))
      return false;
    if (i + 2 < stem.size() && stem[i + 2] != '-') return false;
    fields.push_back(10 * (stem[i] - '0') + (stem[i + 1] - '0'));
  }
  return fields[0] >= 1 && fields[0] <= 3 && fields[1] >= 1 && fields[1] <= 2 && fields[2] >= 1 && fields[2] <= 8 &&
         fields[6] >= 1 && fields[6] <= 24;
}

Dataset read_ravdess(const fs::path& folder) {
  Dataset data;
  data.source = folder.string();
  int songs = 0, silent = 0;
  std::error_code error;
  for (fs::recursive_directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    const std::string extension = lower_extension(it->path());
    if (!it->is_regular_file() || (extension != ".wav" && extension != ".flac" && extension != ".mp4")) continue;
    std::vector<int> fields;
    if (!parse_ravdess_name(it->path().stem().string(), fields)) {
      throw Error(ExitCode::media,
                  fmt::format("{}: expected a RAVDESS name such as 03-01-06-01-02-01-12{}, or a manifest.csv "
                              "(path,label,group) in {}",
                              it->path().string(), extension, folder.string()));
    }
    if (fields[0] == 2) {
      ++silent;
      continue;
    }
    if (fields[1] == 2) {
      ++songs;
      continue;
    }
    data.clips.push_back({it->path().string(), fs::relative(it->path(), folder).string(),
                          ravdess_labels()[fields[2] - 1], std::to_string(fields[6]), "", -1});
  }
  if (error) throw Error(ExitCode::media, fmt::format("{}: {}", folder.string(), error.message()));
  if (songs) data.warnings.push_back(fmt::format("{}: {} sung clips left out", data.source, songs));
  if (silent) data.warnings.push_back(fmt::format("{}: {} clips without sound left out", data.source, silent));
  return data;
}

int column(const CsvRow& header, const char* name) {
  const auto found = std::find(header.fields.begin(), header.fields.end(), name);
  return found == header.fields.end() ? -1 : static_cast<int>(found - header.fields.begin());
}

bool is_manifest(const std::vector<CsvRow>& rows) {
  return !rows.empty() && column(rows[0], "path") >= 0 && column(rows[0], "label") >= 0 &&
         column(rows[0], "group") >= 0;
}

Dataset read_manifest(const fs::path& file, const std::vector<CsvRow>& rows) {
  if (!is_manifest(rows)) {
    throw Error(ExitCode::media,
                fmt::format("{}: expected the columns path,label,group[,split], found {}", file.string(),
                            rows.empty() ? "an empty file" : fmt::format("{}", fmt::join(rows[0].fields, ","))));
  }
  const int path = column(rows[0], "path"), label = column(rows[0], "label"), group = column(rows[0], "group");
  const int split = column(rows[0], "split");
  Dataset data;
  data.source = file.string();
  std::map<std::string, int> seen;
  for (size_t i = 1; i < rows.size(); ++i) {
    const auto& [line, fields] = rows[i];
    const auto bad = [&, at = line](const std::string& what) {
      throw Error(ExitCode::media, fmt::format("{}, line {}: {}", file.string(), at, what));
    };
    if (fields.size() != rows[0].fields.size())
      bad(fmt::format("{} fields, the header has {}", fields.size(), rows[0].fields.size()));
    if (fields[path].empty()) bad("empty path");
    if (fields[label].empty()) bad("empty label");
    if (fields[group].empty()) bad("empty group (the speaker)");
    const std::string side = split < 0 ? "" : fields[split];
    if (!side.empty() && side != "train" && side != "validation" && side != "test") {
      bad(fmt::format("split is \"{}\"; expected train, validation, test or nothing", side));
    }
    const fs::path clip = file.parent_path() / fields[path];
    if (!fs::is_regular_file(clip)) bad(fmt::format("{} is not a file", fields[path]));
    if (const auto [at, fresh] = seen.emplace(fields[path], line); !fresh)
      bad(fmt::format("{} stands in line {} already", fields[path], at->second));
    data.clips.push_back({clip.string(), fields[path], fields[label], fields[group], side, -1});
  }
  return data;
}

bool is_frame_table(const std::vector<CsvRow>& rows) {
  return !rows.empty() && (column(rows[0], "frame") >= 0 || column(rows[0], "first_frame") >= 0) &&
         column(rows[0], "label") >= 0;
}

fs::path film_beside(const fs::path& table) {
  for (const char* extension : {".mkv", ".mp4", ".mov", ".avi", ".webm"}) {
    fs::path film = table;
    if (fs::is_regular_file(film.replace_extension(extension))) return film;
  }
  throw Error(ExitCode::media,
              fmt::format("{}: expected the film of its frames beside it, {}.mkv or .mp4, .mov, .avi, .webm",
                          table.string(), table.stem().string()));
}

Dataset read_frame_table(const fs::path& file, const std::vector<CsvRow>& rows) {
  const CsvRow& header = rows[0];
  const int first = std::max(column(header, "frame"), column(header, "first_frame")), count = column(header, "frames"),
            split = column(header, "split");
  const int label = column(header, "emotion") >= 0 ? column(header, "emotion") : column(header, "label");
  const int group = column(header, "group") >= 0 ? column(header, "group") : column(header, "clip");
  const std::map<std::string, std::string> sides = {{"", ""},
                                                    {"train", "train"},
                                                    {"validation", "validation"},
                                                    {"test", "test"},
                                                    {"Training", "train"},
                                                    {"PublicTest", "validation"},
                                                    {"PrivateTest", "test"}};
  Dataset data;
  data.source = file.string();
  const fs::path film = film_beside(file);
  std::set<int64_t> seen;
  for (size_t i = 1; i < rows.size(); ++i) {
    const auto& [line, fields] = rows[i];
    const auto bad = [&, at = line](const std::string& what) {
      throw Error(ExitCode::media, fmt::format("{}, line {}: {}", file.string(), at, what));
    };
    if (fields.size() != header.fields.size())
      bad(fmt::format("{} fields, the header has {}", fields.size(), header.fields.size()));
    if (fields[label].empty()) bad("empty label");
    if (!is_number(fields[first])) bad(fmt::format("frame is \"{}\"; expected a number from 0", fields[first]));
    if (count >= 0 && (!is_number(fields[count]) || fields[count].size() > 6))
      bad(fmt::format("frames is \"{}\"; expected a number", fields[count]));
    const auto side = sides.find(split < 0 ? "" : fields[split]);
    if (side == sides.end())
      bad(fmt::format(
          "split is \"{}\"; expected train, validation, test (Training, PublicTest, PrivateTest) or nothing",
          fields[split]));
    const int64_t from = std::stoll(fields[first]), frames = count < 0 ? 1 : std::stoll(fields[count]);
    for (int64_t frame = from; frame < from + frames; ++frame) {
      if (!seen.insert(frame).second) bad(fmt::format("frame {} stands in an earlier line already", frame));
      const std::string name = fmt::format("{}#{:06}", film.filename().string(), frame);
      data.clips.push_back({film.string(), name, fields[label], group < 0 ? name : fields[group], side->second, frame});
    }
  }
  return data;
}

Dataset read_log_mel_clips(const std::string& path) {
  Dataset data;
  data.source = path;
  int64_t number = 0;
  for (const LogMelClip& clip : read_log_mels(path).clips)
    data.clips.push_back({path, clip.name, clip.label, clip.actor, "", -1, number++});
  return data;
}

}  // namespace

const std::vector<std::string>& ravdess_labels() {
  static const std::vector<std::string> labels = {"neutral", "calm",    "happy",   "sad",
                                                  "angry",   "fearful", "disgust", "surprised"};
  return labels;
}

std::vector<CsvRow> parse_csv(const std::string& text, const std::string& name) {
  if (text.find('\0') != std::string::npos)
    throw Error(ExitCode::media, fmt::format("{}: found a NUL byte, expected CSV", name));
  std::vector<CsvRow> rows;
  size_t at = text.compare(0, 3, "\xEF\xBB\xBF") == 0 ? 3 : 0;
  int line = 1;
  while (at < text.size()) {
    CsvRow row{line, {}};
    for (bool more = true; more;) {
      std::string field;
      if (at < text.size() && text[at] == '"') {
        for (++at;; ++at) {
          if (at >= text.size())
            throw Error(ExitCode::media, fmt::format("{}, line {}: a quote is not closed", name, row.line));
          if (text[at] == '"' && (at + 1 >= text.size() || text[at + 1] != '"')) break;
          if (text[at] == '"') ++at;
          if (text[at] == '\n') ++line;
          field += text[at];
        }
        ++at;
        if (at < text.size() && text[at] != ',' && text[at] != '\n' && text[at] != '\r') {
          throw Error(ExitCode::media, fmt::format("{}, line {}: text after a closing quote", name, row.line));
        }
      } else {
        while (at < text.size() && text[at] != ',' && text[at] != '\n' && text[at] != '\r') field += text[at++];
      }
      row.fields.push_back(std::move(field));
      more = at < text.size() && text[at] == ',';
      if (more) ++at;
    }
    if (at < text.size() && text[at] == '\r') ++at;
    if (at < text.size() && text[at] == '\n') ++at;
    ++line;
    if (row.fields.size() > 1 || !row.fields[0].empty()) rows.push_back(std::move(row));
  }
  return rows;
}

Dataset read_dataset(const std::string& path) {
  Dataset data;
  if (fs::is_regular_file(path) && is_log_mel_file(path)) {
    data = read_log_mel_clips(path);
  } else if (fs::is_regular_file(path)) {
    const auto rows = parse_csv(read_text(path, ExitCode::media), path);
    data = is_frame_table(rows) ? read_frame_table(path, rows) : read_manifest(path, rows);
  } else if (fs::is_directory(path)) {
    const fs::path manifest = fs::path(path) / "manifest.csv";
    std::vector<CsvRow> rows;
    if (fs::is_regular_file(manifest))
      rows = parse_csv(read_text(manifest.string(), ExitCode::media), manifest.string());
    data = is_manifest(rows) ? read_manifest(manifest, rows) : read_ravdess(path);
  } else {
    throw Error(ExitCode::media,
                fmt::format("{}: expected a folder of clips, a manifest (path,label,group) or a log-mel file", path));
  }
  if (data.clips.empty()) throw Error(ExitCode::media, fmt::format("{}: no clips in it", path));
  std::sort(data.clips.begin(), data.clips.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  data.labels = ordered_labels(data.clips);
  return data;
}

std::vector<std::string> parse_groups(const std::string& list) {
  std::vector<std::string> groups;
  std::stringstream parts(list);
  for (std::string part; std::getline(parts, part, ',');) {
    const size_t begin = part.find_first_not_of(" \t"), end = part.find_last_not_of(" \t");
    if (begin == std::string::npos) continue;
    part = part.substr(begin, end - begin + 1);
    const size_t dash = part.find('-');
    const std::string first = part.substr(0, dash), last = dash == std::string::npos ? "" : part.substr(dash + 1);
    if (!is_number(first) || !is_number(last)) {
      groups.push_back(part);
      continue;
    }
    if (std::stoi(last) < std::stoi(first) || std::stoi(last) - std::stoi(first) > 100000) {
      throw Error(ExitCode::usage, fmt::format("groups \"{}\": {} is not a range", list, part));
    }
    for (int group = std::stoi(first); group <= std::stoi(last); ++group) groups.push_back(std::to_string(group));
  }
  return groups;
}

void check_groups(const Dataset& data, const std::vector<std::string>& groups, const std::string& where) {
  std::set<std::string> present;
  for (const auto& clip : data.clips) present.insert(clip.group);
  for (const auto& group : groups) {
    if (!present.count(group)) {
      throw Error(ExitCode::usage, fmt::format("{}: {} names group {}, which has no clip", data.source, where, group));
    }
  }
}

void check_split(const std::vector<SplitSide>& sides) {
  struct Place {
    const SplitSide* side;
    std::string clip;
  };
  std::map<std::string, Place> groups, sounds;
  for (const auto& side : sides) {
    for (size_t i = 0; i < side.clips.size(); ++i) {
      const auto [group, fresh_group] = groups.emplace(side.groups[i], Place{&side, side.clips[i]});
      if (!fresh_group && group->second.side != &side) {
        throw Error(ExitCode::usage,
                    fmt::format("split: speaker {} is in {} ({}) and in {} ({})", side.groups[i],
                                group->second.side->name, group->second.clip, side.name, side.clips[i]));
      }
      if (side.sounds.empty()) continue;
      const auto [sound, fresh_sound] = sounds.emplace(side.sounds[i], Place{&side, side.clips[i]});
      if (!fresh_sound && sound->second.side != &side) {
        throw Error(ExitCode::usage,
                    fmt::format("split: the same recording is in {} ({}) and in {} ({})", sound->second.side->name,
                                sound->second.clip, side.name, side.clips[i]));
      }
    }
  }
}

}  // namespace limbic
