// SPDX-License-Identifier: Apache-2.0
#include "io/pictures.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "io/input.h"
#include "io/reader/process.h"

namespace limbic {
namespace {

constexpr size_t most_warnings = 20;

/// What would have been right, by what was wrong.
const char* expected(MediaFault fault) {
  switch (fault) {
    case MediaFault::no_video:
      return "moving pictures";
    case MediaFault::damaged:
      return "a complete media file";
    case MediaFault::too_large:
      return "at most 4096x2304 pixels";
    case MediaFault::reader:
      return "a media file that limbic-reader can read";
    default:
      return "a media file with pictures (mp4, mov, mkv, webm, avi, ts, mpg, flv, wmv)";
  }
}

[[noreturn]] void fail(const std::string& path, MediaFault fault, const std::string& found) {
  throw MediaError(fault, clean_text(path) + ": found " + clean_text(found) + ", expected " + expected(fault));
}

}  // namespace

struct PictureStream::State {
  std::string path;
  PictureOptions options;
  std::shared_ptr<reader::Process> child;
  int width = 0, height = 0;
  int64_t frame = -1;  // the last that came
  bool faced = false;  // and whether a face was in it
  std::string format;
  std::vector<std::string> warnings;

  /// The next message that is neither a warning nor a fault.
  reader::Message message() {
    for (;;) {
      reader::Message message = child->next();
      if (message.kind == reader::Kind::warning) {
        if (warnings.size() < most_warnings) warnings.push_back(clean_text(reader::Fields(message.payload).text()));
      } else if (message.kind == reader::Kind::fault) {
        reader::Fields fields(message.payload);
        const auto fault = std::min(fields.get<uint32_t>(), static_cast<uint32_t>(MediaFault::reader));
        fail(path, static_cast<MediaFault>(fault), std::string(fields.text()));
      } else {
        return message;
      }
    }
  }

  void open() {
    if (!child) {
      std::string found;
      const InputFile file = open_input(path, found);
      if (file.fd < 0) fail(path, MediaFault::unreadable, found);
      child = std::make_shared<reader::Process>(file, task(options), options.stall_s);
    }
    const reader::Message video = message();
    if (video.kind != reader::Kind::video) throw reader::Failure("pictures that limbic-reader does not describe");
    reader::Fields fields(video.payload);
    width = fields.get<int32_t>();
    height = fields.get<int32_t>();
    format = clean_text(fields.text());
    fields.done();
    if (width < 1 || height < 1) throw reader::Failure("pictures that limbic-reader describes wrongly");
  }

  bool next(Picture& picture) {
    if (!child) return false;
    const reader::Message got = message();
    if (got.kind == reader::Kind::end) {
      child.reset();
      return false;
    }
    if (got.kind != reader::Kind::picture) throw reader::Failure("a garbled answer of limbic-reader");
    reader::Fields fields(got.payload);
    picture.frame = fields.get<int64_t>();
    picture.pts_s = fields.get<double>();
    for (int& edge : picture.box) edge = fields.get<int32_t>();
    const std::string_view pixels = fields.rest();
    const size_t area =
        static_cast<size_t>(options.side) * static_cast<size_t>(options.side) * (options.colour ? 3 : 1);
    const bool empty = picture.box == std::array<int, 4>{};
    // A frame may be of another size than the first one: only what no box can be is refused.
    const bool plausible = empty || std::all_of(picture.box.begin(), picture.box.end(),
                                                [](int edge) { return edge >= 0 && edge <= 1 << 24; });
    const bool another = options.all && faced && !empty && picture.frame == frame;  // face of the same frame
    if (!std::isfinite(picture.pts_s) || !plausible || (!another && picture.frame != frame + 1) ||
        (picture.box[2] < 1 || picture.box[3] < 1) != empty || pixels.size() != (empty ? 0 : area)) {
      throw reader::Failure("a garbled answer of limbic-reader");
    }
    picture.pixels.assign(pixels.begin(), pixels.end());
    frame = picture.frame;
    faced = !empty;
    return true;
  }

  /// Runs `action`, with what the reader did wrong as this file's fault.
  template <class Action>
  auto guarded(const Action& action) {
    try {
      return action();
    } catch (const Error&) {
      throw;
    } catch (const std::runtime_error& error) {
      fail(path, MediaFault::reader, error.what());
    }
  }
};

void check_face_detector(const std::string& path) {
  const auto refuse = [&](const std::string& found) {
    throw Error(ExitCode::weights, clean_text(path) + ": found " + clean_text(found) +
                                       ", expected YuNet in ONNX, as face_detection_yunet_2023mar.onnx");
  };
  std::string found;
  const InputFile file = open_input(path, found);
  if (file.fd < 0) refuse(found);
  if (file.size > reader::max_model) refuse(std::to_string(file.size) + " bytes");
  try {
    reader::Process child(file, {.program = reader::yunet_reader, .job = "detector", .model = path}, 20);
    const reader::Message message = child.next();
    if (message.kind == reader::Kind::end) return;
    if (message.kind != reader::Kind::fault) throw reader::Failure("a garbled answer of limbic-reader-yunet");
    reader::Fields fields(message.payload);
    fields.get<uint32_t>();
    found = fields.text();
  } catch (const Error&) {
    throw;
  } catch (const std::runtime_error& error) {
    found = error.what();
  }
  refuse(found);
}

reader::Task PictureStream::task(const PictureOptions& options) {
  reader::Task task{.job = options.cut == Cut::whole ? "pictures" : "faces", .side = options.side};
  if (options.cut == Cut::nothing) return {.job = "frames", .side = options.side};
  if (options.cut == Cut::face_every) task.job += "-every";
  if (options.all) task.job += "-all";
  if (options.colour) task.job += "-colour";
  if (options.cut != Cut::whole && !options.detector.empty()) {
    task.program = reader::yunet_reader;
    task.model = options.detector;
  }
  return task;
}

PictureStream::PictureStream(const std::string& path, const PictureOptions& options)
    : PictureStream(path, options, nullptr) {}
PictureStream::PictureStream(const std::string& path, const PictureOptions& options,
                             std::shared_ptr<reader::Process> process)
    : state_(std::make_unique<State>()) {
  if (options.side < 1 || options.side > reader::max_side) {
    throw Error(ExitCode::usage, "pictures: side " + std::to_string(options.side) + ", expected 1 to " +
                                     std::to_string(reader::max_side) + " pixels");
  }
  state_->path = path;
  state_->options = options;
  state_->child = std::move(process);
  state_->guarded([&] { state_->open(); });
}
PictureStream::~PictureStream() = default;
PictureStream::PictureStream(PictureStream&&) noexcept = default;
PictureStream& PictureStream::operator=(PictureStream&&) noexcept = default;

bool PictureStream::next(Picture& picture) {
  return state_->guarded([&] { return state_->next(picture); });
}
int PictureStream::width() const { return state_->width; }
int PictureStream::height() const { return state_->height; }
const std::string& PictureStream::format() const { return state_->format; }
const std::vector<std::string>& PictureStream::warnings() const { return state_->warnings; }

}  // namespace limbic
