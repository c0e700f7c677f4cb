// SPDX-License-Identifier: Apache-2.0
#include "io/audio.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "io/input.h"
#include "io/reader/process.h"

namespace limbic {
namespace {

constexpr size_t most_warnings = 20;

/// What would have been right, by what was wrong.
const char* expected(MediaFault fault) {
  switch (fault) {
    case MediaFault::no_audio:
      return "a sound track";
    case MediaFault::damaged:
      return "a complete media file";
    case MediaFault::bad_samples:
      return "finite samples";
    case MediaFault::reader:
      return "a media file that limbic-reader can read";
    default:
      return "a media file with sound (mp4, mov, mkv, webm, avi, wav, flac, mp3, ogg, aac, ts, mpg, flv, wma)";
  }
}

[[noreturn]] void fail(const std::string& path, MediaFault fault, const std::string& found) {
  throw MediaError(fault, clean_text(path) + ": found " + clean_text(found) + ", expected " + expected(fault));
}

}  // namespace

struct AudioStream::State {
  State(std::string file_path, const DecodeOptions& decode_options)
      : path(std::move(file_path)), options(decode_options) {}
  std::string path;
  DecodeOptions options;
  std::shared_ptr<reader::Process> child;
  Audio info;
  int64_t total = 0;
  bool all_zero = true;
  bool ended = false;

  void open(const reader::Task& task, std::shared_ptr<reader::Process>& process);
  bool next(std::vector<float>& samples);

 private:
  reader::Message message();
  void take_sound(const reader::Message& message, int rate);
  void take_samples(const reader::Message& message, std::vector<float>& samples);
  void warn(std::string text) {
    if (info.warnings.size() < most_warnings) info.warnings.push_back(std::move(text));
  }
};

/// The next message that is neither a warning nor a fault.
reader::Message AudioStream::State::message() {
  try {
    for (;;) {
      reader::Message message = child->next();
      if (message.kind == reader::Kind::warning) {
        warn(clean_text(reader::Fields(message.payload).text()));
      } else if (message.kind == reader::Kind::fault) {
        reader::Fields fields(message.payload);
        const auto fault = std::min(fields.get<uint32_t>(), static_cast<uint32_t>(MediaFault::reader));
        fail(path, static_cast<MediaFault>(fault), std::string(fields.text()));
      } else {
        return message;
      }
    }
  } catch (const Error&) {
    throw;
  } catch (const std::runtime_error& error) {
    fail(path, MediaFault::reader, error.what());
  }
}

void AudioStream::State::take_sound(const reader::Message& message, int rate) {
  if (message.kind != reader::Kind::sound) throw reader::Failure("sound that limbic-reader does not describe");
  reader::Fields fields(message.payload);
  info.sample_rate = fields.get<int32_t>();
  info.source_rate = fields.get<int32_t>();
  info.source_channels = fields.get<int32_t>();
  info.start_s = fields.get<double>();
  info.format = clean_text(fields.text());
  fields.done();
  const bool plausible = info.sample_rate > 0 && info.source_rate > 0 && info.source_rate <= 768000 &&
                         (rate == 0 || info.sample_rate == rate) && info.source_channels > 0 &&
                         info.source_channels <= 64 && std::isfinite(info.start_s);
  if (!plausible) throw reader::Failure("sound that limbic-reader describes wrongly");
}

void AudioStream::State::open(const reader::Task& task, std::shared_ptr<reader::Process>& process) {
  const int rate = task.rate;
  if (rate != 0 && (rate < 1000 || rate > 768000)) {
    throw Error(ExitCode::usage, "decode_audio: rate " + std::to_string(rate) + ", expected 0 or 1000 to 768000 Hz");
  }
  std::string found;
  const InputFile file = open_input(path, found);
  if (file.fd < 0) fail(path, MediaFault::unreadable, found);
  try {
    child = process = std::make_shared<reader::Process>(file, task, options.stall_s);
    take_sound(message(), rate);
  } catch (const Error&) {
    throw;
  } catch (const std::runtime_error& error) {
    fail(path, MediaFault::reader, error.what());
  }
  if (info.source_rate < 0.9 * info.sample_rate) {
    warn("sound of " + std::to_string(info.source_rate) + " Hz brought up to " + std::to_string(info.sample_rate) +
         " Hz: nothing above " + std::to_string(info.source_rate / 2) + " Hz in it");
  }
  if (info.source_rate > 48000)
    warn("sound of " + std::to_string(info.source_rate) + " Hz brought down to " + std::to_string(info.sample_rate) +
         " Hz");
  if (info.source_channels > 2) warn(std::to_string(info.source_channels) + " channels mixed to one");
}

void AudioStream::State::take_samples(const reader::Message& message, std::vector<float>& samples) {
  const size_t count = message.payload.size() / sizeof(float);
  if (count == 0 || count > reader::max_samples || message.payload.size() % sizeof(float) != 0)
    fail(path, MediaFault::reader, "a garbled answer of limbic-reader");
  const size_t before = samples.size();
  samples.resize(before + count);
  std::memcpy(samples.data() + before, message.payload.data(), message.payload.size());
  for (size_t i = before; i < samples.size(); ++i) {
    if (!std::isfinite(samples[i])) fail(path, MediaFault::bad_samples, "a sample that is not finite");
    all_zero = all_zero && samples[i] == 0.0f;
  }
  total += static_cast<int64_t>(count);
  info.duration_s = static_cast<double>(total) / info.sample_rate;
  if (info.duration_s > options.max_seconds) {
    char limit[40];
    std::snprintf(limit, sizeof limit, "%g s", options.max_seconds);
    throw MediaError(MediaFault::too_long,
                     clean_text(path) + ": found more than " + limit + " of sound, expected at most " + limit);
  }
}

bool AudioStream::State::next(std::vector<float>& samples) {
  if (ended) return false;
  const reader::Message got = message();
  if (got.kind == reader::Kind::samples) {
    take_samples(got, samples);
    return true;
  }
  if (got.kind != reader::Kind::end) fail(path, MediaFault::reader, "a garbled answer of limbic-reader");
  ended = true;
  child.reset();
  if (total == 0) fail(path, MediaFault::damaged, "a sound track without samples");
  if (all_zero) warn("silence: every sample is zero");
  return false;
}

AudioStream::AudioStream(const std::string& path, const reader::Task& task, const DecodeOptions& options,
                         std::shared_ptr<reader::Process>& process)
    : state_(std::make_unique<State>(path, options)) {
  state_->open(task, process);
}
AudioStream::AudioStream(const std::string& path, int rate, const DecodeOptions& options)
    : state_(std::make_unique<State>(path, options)) {
  std::shared_ptr<reader::Process> process;
  state_->open({.job = "sound", .rate = rate}, process);
}
AudioStream::~AudioStream() = default;
AudioStream::AudioStream(AudioStream&&) noexcept = default;
AudioStream& AudioStream::operator=(AudioStream&&) noexcept = default;

bool AudioStream::next(std::vector<float>& samples) { return state_->next(samples); }
const Audio& AudioStream::info() const { return state_->info; }

Audio decode_audio(const std::string& path, int rate, const DecodeOptions& options) {
  AudioStream stream(path, rate, options);
  std::vector<float> samples;
  while (stream.next(samples)) {
  }
  Audio audio = stream.info();
  audio.samples = std::move(samples);
  return audio;
}

}  // namespace limbic
