// SPDX-License-Identifier: Apache-2.0
// A clip's sound, and then its pictures, by one reader.
#pragma once
#include <memory>
#include <string>

#include "io/audio.h"
#include "io/pictures.h"

namespace limbic {

/// One reader's start is most of what the sound of a short clip costs.
class ClipStream {
 public:
  ClipStream(std::string path, int rate, const PictureOptions& options)
      : path_(std::move(path)), rate_(rate), options_(options) {}

  /// First, and once. Throws as AudioStream; after MediaFault::no_audio the pictures can still be had.
  AudioStream sound();

  /// Once, after the sound has come to its end. Throws as PictureStream.
  PictureStream pictures() { return {path_, options_, std::move(process_)}; }

 private:
  std::string path_;
  int rate_;
  PictureOptions options_;
  std::shared_ptr<reader::Process> process_;
};

}  // namespace limbic
