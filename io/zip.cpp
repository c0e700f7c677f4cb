// SPDX-License-Identifier: Apache-2.0
#include "io/zip.h"

#include <zlib.h>

#include <algorithm>

#include <fmt/format.h>

namespace limbic {
namespace {

// Section numbers are those of PKWARE's APPNOTE.TXT 6.3.10.
constexpr uint32_t local_header = 0x04034b50, central_header = 0x02014b50, end_record = 0x06054b50;
constexpr uint32_t end_record_64 = 0x06064b50, end_locator_64 = 0x07064b50;
constexpr uint16_t encrypted = 1, sizes_follow = 8;  // general purpose flags
constexpr size_t end_record_bytes = 22, locator_bytes = 20;

struct Directory {
  uint64_t entries, bytes, offset;
};

/// 4.3.16, and 4.3.14 and 4.3.15 where a 64-bit record stands before it.
Directory find_directory(Bytes file, const std::string& path) {
  ByteCursor none(file, path);
  // A comment of at most 64 kB may follow the record.
  const size_t last = file.size() < end_record_bytes ? 0 : file.size() - end_record_bytes;
  if (file.size() < end_record_bytes) none.fail("a ZIP archive without its end");
  for (size_t back = 0; back <= std::min<size_t>(last, 0xffff); ++back) {
    ByteCursor in(file, path, last - back);
    if (in.number<uint32_t>() != end_record) continue;
    const auto disk = in.number<uint16_t>(), directory_disk = in.number<uint16_t>();
    const auto here = in.number<uint16_t>(), entries = in.number<uint16_t>();
    const auto bytes = in.number<uint32_t>(), offset = in.number<uint32_t>();
    if (in.number<uint16_t>() != back) continue;
    const bool wide = entries == 0xffff || bytes == 0xffffffff || offset == 0xffffffff;
    if (!wide) {
      if (disk != 0 || directory_disk != 0 || here != entries) in.fail("a ZIP archive in several parts");
      return {entries, bytes, offset};
    }
    if (last - back < locator_bytes) in.fail("a ZIP archive without its 64-bit end");
    ByteCursor locator(file, path, last - back - locator_bytes);
    if (locator.number<uint32_t>() != end_locator_64) locator.fail("a ZIP archive without its 64-bit end");
    locator.take(4);
    const auto at = locator.number<uint64_t>();
    if (at > file.size()) locator.fail("the ZIP archive's end lies beyond the file");
    ByteCursor record(file, path, at);
    if (record.number<uint32_t>() != end_record_64) record.fail("a ZIP archive without its 64-bit end");
    record.take(8 + 2 + 2 + 4 + 4 + 8);  // size of the record, versions, disks, entries on this disk
    Directory directory{};
    directory.entries = record.number<uint64_t>();
    directory.bytes = record.number<uint64_t>();
    directory.offset = record.number<uint64_t>();
    return directory;
  }
  none.fail("a ZIP archive without its end: truncated, or not ZIP");
}

/// Sizes and offset of one entry; 4.5.3 puts those that do not fit 32 bits into an extra field.
struct Extent {
  uint64_t unpacked, packed, offset;
};

void widen(Extent& extent, Bytes extra, const std::string& path) {
  ByteCursor in(extra, path);
  while (in.left() >= 4) {
    const auto id = in.number<uint16_t>(), bytes = in.number<uint16_t>();
    ByteCursor field(in.take(bytes), path);
    if (id != 1) continue;
    for (uint64_t* size : {&extent.unpacked, &extent.packed, &extent.offset}) {
      if (*size == 0xffffffff) *size = field.number<uint64_t>();
    }
  }
}

/// 4.3.7. Writers may leave CRC and sizes zero here and put them behind the content; stated ones must agree.
Bytes find_content(Bytes file, const std::string& path, std::string_view name, const Extent& extent, uint32_t crc) {
  if (extent.offset > file.size())
    ByteCursor(file, path).fail(fmt::format("entry {} lies beyond the file", shown(name)));
  ByteCursor in(file, path, extent.offset);
  if (in.number<uint32_t>() != local_header) in.fail(fmt::format("entry {} has no local header", shown(name)));
  in.take(2);
  const auto flags = in.number<uint16_t>(), method = in.number<uint16_t>();
  in.take(4);
  const auto local_crc = in.number<uint32_t>(), packed = in.number<uint32_t>(), unpacked = in.number<uint32_t>();
  const auto name_bytes = in.number<uint16_t>(), extra_bytes = in.number<uint16_t>();
  const bool same_name = as_text(in.take(name_bytes)) == name;
  Extent local{unpacked, packed, 0};
  widen(local, in.take(extra_bytes), path);
  const bool stated = (flags & sizes_follow) == 0 || local.packed != 0 || local_crc != 0;
  const bool same_sizes = local.packed == extent.packed && local.unpacked == extent.unpacked && local_crc == crc;
  if (!same_name || method != 0 || (flags & encrypted) != 0 || (stated && !same_sizes)) {
    in.fail(fmt::format("entry {}: its local header contradicts the archive's directory", shown(name)));
  }
  return in.take(extent.packed);
}

}  // namespace

std::map<std::string_view, ZipEntry> read_zip(Bytes file, const std::string& path) {
  const Directory directory = find_directory(file, path);
  if (directory.offset > file.size() || directory.bytes > file.size() - directory.offset) {
    ByteCursor(file, path).fail("the ZIP archive's directory lies beyond the file");
  }
  ByteCursor in(file.subspan(directory.offset, directory.bytes), path);
  std::map<std::string_view, ZipEntry> entries;
  uint64_t claimed = 0;
  while (in.left() > 0) {  // 4.3.12
    if (in.number<uint32_t>() != central_header) in.fail("the ZIP archive's directory is damaged");
    in.take(4);
    const auto flags = in.number<uint16_t>(), method = in.number<uint16_t>();
    in.take(4);
    const auto crc = in.number<uint32_t>(), packed = in.number<uint32_t>(), unpacked = in.number<uint32_t>();
    const auto name_bytes = in.number<uint16_t>(), extra_bytes = in.number<uint16_t>(),
               comment_bytes = in.number<uint16_t>();
    const auto disk = in.number<uint16_t>();
    in.take(2 + 4);
    Extent extent{unpacked, packed, in.number<uint32_t>()};
    const std::string_view name = as_text(in.take(name_bytes));
    widen(extent, in.take(extra_bytes), path);
    in.take(comment_bytes);
    if ((flags & encrypted) != 0) in.fail(fmt::format("entry {} is encrypted", shown(name)));
    const bool compressed = method != 0;
    if (disk != 0 || (!compressed && extent.packed != extent.unpacked))
      in.fail(fmt::format("entry {} is damaged", shown(name)));
    const Bytes content = compressed ? Bytes{} : find_content(file, path, name, extent, crc);
    claimed += content.size();
    if (claimed > file.size()) in.fail("the ZIP archive's entries overlap");
    if (!entries.emplace(name, ZipEntry{content, crc, compressed}).second)
      in.fail(fmt::format("entry {} stands there twice", shown(name)));
  }
  if (entries.size() != directory.entries)
    in.fail(fmt::format("{} entries, {} expected", entries.size(), directory.entries));
  return entries;
}

void check_crc32(std::string_view name, const ZipEntry& entry, const std::string& path) {
  const uLong sum = ::crc32_z(0, reinterpret_cast<const Bytef*>(entry.content.data()), entry.content.size());
  if (sum != entry.crc32) {
    throw Error(ExitCode::weights,
                fmt::format("{}: {} is damaged: CRC-32 {:08x}, expected {:08x}", path, shown(name), sum, entry.crc32));
  }
}

}  // namespace limbic
