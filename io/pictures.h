// SPDX-License-Identifier: Apache-2.0
// Pictures: any film FFmpeg reads, to small squares, whole or cut out around the faces. Decoding, detection and scaling
// run in the confined reader (io/reader/).
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "io/media.h"

namespace limbic {

namespace reader {
class Process;
struct Task;
}

/// What is cut out of each frame.
enum class Cut {
  nothing,     ///< no pixels: every frame is decoded, and told as one without a face
  whole,       ///< everything, squeezed to a square: films of faces
  face,        ///< the largest face; the last box narrows the next search
  face_every,  ///< the largest face, every frame searched whole as system 2 searched
};

struct PictureOptions {
  int side = 48;  ///< pixels of the squares' edges, 1 to 512; 112 scales a face as system 2 did
  Cut cut = Cut::face;
  bool all = false;     ///< every face of a frame instead of its largest
  bool colour = false;  ///< three channels, red green blue, instead of one
  std::string detector = {};  ///< YuNet in ONNX, which then finds the faces; empty: OpenCV's packaged cascade
  double stall_s = 20;  ///< seconds without a word from the reader before it is killed
};

struct Picture {
  int64_t frame = 0;            ///< of the film, from 0: every frame comes, and with `all` once for each of its faces
  double pts_s = 0;             ///< when it is shown on the file's own timeline (that of its sound)
  std::array<int, 4> box{};     ///< x, y, width, height in the frame as a player shows it; width 0: no face found
  std::vector<uint8_t> pixels;  ///< [side, side] or [side, side, 3], 0 black to 255; empty where no face was found
  bool found() const { return box[2] > 0; }
};

/// Has the confined reader try a PictureOptions::detector. Throws Error(ExitCode::weights), one line, where it is no YuNet
/// that OpenCV can run.
void check_face_detector(const std::string& path);

/// A film's frames one by one, in bounded memory; the faces of one frame from the largest to the smallest.
class PictureStream {
 public:
  /// Opens the file and decodes its first frame. Throws MediaError, one line: `file: found X, expected Y`; no_video
  /// where there are no moving pictures, too_large for frames of more than 4096x2304 pixels. Throws Error(weights) where
  /// there is no file at the detector's path.
  PictureStream(const std::string& path, const PictureOptions& options);
  ~PictureStream();
  PictureStream(PictureStream&&) noexcept;
  PictureStream& operator=(PictureStream&&) noexcept;

  /// The next frame; false at the end. Throws as the constructor.
  bool next(Picture& picture);

  int width() const;  ///< of the frames as a player shows them
  int height() const;
  const std::string& format() const;                 ///< container and codec: "mov/h264"
  const std::vector<std::string>& warnings() const;  ///< complete at the end

 private:
  friend class ClipStream;
  /// As the public one, from a process whose next job is that of `task(options)`; none: it is started.
  PictureStream(const std::string& path, const PictureOptions& options, std::shared_ptr<reader::Process> process);
  static reader::Task task(const PictureOptions& options);

  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace limbic
