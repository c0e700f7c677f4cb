// SPDX-License-Identifier: Apache-2.0
#include "io/input.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace limbic {
namespace {

/// What a file that is not a regular one is called; empty for a regular one.
const char* kind_name(mode_t mode) {
  if (S_ISREG(mode)) return "";
  if (S_ISDIR(mode)) return "a directory";
  if (S_ISFIFO(mode)) return "a FIFO";
  if (S_ISSOCK(mode)) return "a socket";
  return "a device";
}

/// Bytes of the valid UTF-8 sequence `text` starts with; 0 where it is none.
size_t utf8_length(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  const size_t length = lead < 0x80                   ? 1
                        : lead >= 0xc2 && lead < 0xe0 ? 2
                        : (lead & 0xf0) == 0xe0       ? 3
                        : lead >= 0xf0 && lead < 0xf5 ? 4
                                                      : 0;
  if (length == 0 || length > text.size()) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  // Overlong forms, surrogates and what lies beyond U+10FFFF show in the second byte.
  if ((lead == 0xe0 && byte(1) < 0xa0) || (lead == 0xed && byte(1) > 0x9f)) return 0;
  if ((lead == 0xf0 && byte(1) < 0x90) || (lead == 0xf4 && byte(1) > 0x8f)) return 0;
  return length;
}

}  // namespace

InputFile::~InputFile() {
  if (fd >= 0) ::close(fd);
}

bool InputFile::read_at(int64_t offset, void* to, size_t count) const {
  char* out = static_cast<char*>(to);
  while (count > 0) {
    const ssize_t got = ::pread(fd, out, count, offset);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    out += got;
    offset += got;
    count -= static_cast<size_t>(got);
  }
  return true;
}

InputFile open_input(const std::string& path, std::string& found) {
  InputFile file;
  struct stat status;
  // Looked at before it is opened, because opening a device can already do something; and again after, because the
  // name may lead elsewhere by then.
  if (::stat(path.c_str(), &status) != 0) {
    found = errno == ENOENT || errno == ENOTDIR
                ? "no such file"
                : std::string("a file that cannot be opened (") + std::strerror(errno) + ")";
    return file;
  }
  found = kind_name(status.st_mode);
  if (!found.empty()) return file;
  const int fd = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
  if (fd < 0) {
    found = std::string("a file that cannot be opened (") + std::strerror(errno) + ")";
    return file;
  }
  InputFile opened;
  opened.fd = fd;
  if (::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
    found = "something that is not a regular file";
  } else if (status.st_size == 0) {
    found = "an empty file";
  } else {
    opened.size = status.st_size;
    file = std::move(opened);
  }
  return file;
}

std::string clean_text(std::string_view text, bool keep_newlines) {
  std::string clean;
  clean.reserve(text.size());
  while (!text.empty()) {
    const size_t length = utf8_length(text);
    const unsigned char lead = static_cast<unsigned char>(text[0]);
    const bool control =
        length == 1 && (lead < 0x20 || lead == 0x7f) && !(keep_newlines && (lead == '\n' || lead == '\t'));
    const bool c1_control = length == 2 && lead == 0xc2 && static_cast<unsigned char>(text[1]) < 0xa0;
    if (length == 0 || control || c1_control) {
      clean += '?';
    } else {
      clean += text.substr(0, length);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return clean;
}

}  // namespace limbic
