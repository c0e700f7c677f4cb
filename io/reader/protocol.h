// SPDX-License-Identifier: Apache-2.0
// What a reader and its parent say to each other: one pipe, child to parent, of framed messages. The request is
// the child's command line: PROGRAM JOB[+JOB...] CPU_SECONDS DATA_MEGABYTES RATE SIDE. Each job's messages end with `end` or
// `fault`.
#pragma once
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>

namespace limbic::reader {

inline constexpr int file_fd = 3;     ///< the foreign file, opened by the parent, read only
inline constexpr int channel_fd = 4;  ///< where the child writes its messages
inline constexpr int model_fd = 5;    ///< limbic-reader-yunet: the face detector, read before the child is confined
inline constexpr int64_t max_model = 64 << 20;

inline constexpr uint32_t magic = 0x35524d4c;  // "LMR5": another version is another magic
inline constexpr uint64_t max_payload = (16u << 20) + 65536;
inline constexpr uint64_t max_samples = 65536;      ///< of one `samples` message
inline constexpr int max_side = 512;                ///< pixels of a crop's edge
inline constexpr uint64_t max_elements = 4u << 20;  ///< bytes of one `elements` message
inline constexpr uint64_t max_text = 16u << 20;     ///< an attribute
inline constexpr uint64_t elsewhere = UINT64_MAX;   ///< a dataset's offset where its data follow as `elements`

enum class Kind : uint32_t {
  hello = 1,  // u8 no_new_privs, u8 seccomp, text why not
  sound,      // i32 rate, i32 source_rate, i32 source_channels, f64 start_s, text format
  samples,    // f32[]
  video,      // i32 width, i32 height, text format: of the first frame, after rotation
  picture,    // i64 frame, f64 pts_s, i32 x, y, width, height of what was cut out (all 0: no face), then u8[side, side]
              // or u8[side, side, 3]
  dataset,    // text name, text dtype, u32 rank, i64[rank], u64 offset in the file or `elsewhere`
  elements,   // bytes of the dataset before
  attribute,  // text group, text name, text value
  warning,    // text
  fault,      // u32 MediaFault (audio) or 0, text "found ..."
  attempt,    // text what, i32 errno (0: it worked); of the job "status"
  end,        // nothing follows
};

struct Header {
  uint32_t magic;
  Kind kind;
  uint64_t bytes;  ///< of the payload
};

/// A payload being written.
class Payload {
 public:
  template <class T>
  Payload& put(T value) {
    static_assert(std::is_trivially_copyable_v<T>);
    bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
    return *this;
  }
  Payload& text(std::string_view value) {
    put(static_cast<uint64_t>(value.size()));
    bytes.append(value);
    return *this;
  }
  std::string bytes;
};

/// A payload being read: every field is checked against what is there.
class Fields {
 public:
  explicit Fields(std::string_view payload) : rest_(payload) {}
  template <class T>
  T get() {
    T value;
    std::memcpy(&value, take(sizeof value).data(), sizeof value);
    return value;
  }
  std::string_view text() { return take(get<uint64_t>()); }
  std::string_view rest() const { return rest_; }
  void done() const {
    if (!rest_.empty()) throw std::runtime_error("a message that is too long");
  }

 private:
  std::string_view take(uint64_t count) {
    if (count > rest_.size()) throw std::runtime_error("a message that is too short");
    std::string_view taken = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return taken;
  }
  std::string_view rest_;
};

}  // namespace limbic::reader
