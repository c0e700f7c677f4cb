// SPDX-License-Identifier: Apache-2.0
// What torch.save wrote, both formats (torch/serialization.py: _legacy_save and _save).
#include <algorithm>
#include <functional>
#include <unordered_map>

#include <fmt/format.h>

#include "io/elements.h"
#include "io/pickle.h"
#include "io/weight_formats.h"
#include "io/zip.h"

namespace limbic {
namespace {

using Kind = PickleNode::Kind;

[[noreturn]] void refuse(const std::string& path, const std::string& why) {
  throw Error(ExitCode::weights, fmt::format("{}: {}", path, why));
}

/// The dict that holds the tensors: under "model" (PANNs), under "state_dict", or the whole file.
const PickleNode& state_dict(const Pickle& pickle, const std::string& path) {
  const PickleNode& root = pickle.root();
  for (const char* key : {"model", "state_dict"}) {
    if (const PickleNode* value = pickle.find(root, key); value != nullptr && value->kind == Kind::dict) return *value;
  }
  if (root.kind != Kind::dict) refuse(path, fmt::format("holds {}, expected a state dict", describe(root)));
  if (root.items.empty()) refuse(path, "holds an empty state dict");
  return root;
}

/// Numbers of a shape or of strides.
std::vector<int64_t> numbers(const Pickle& pickle, const PickleNode& tuple, const std::string& what) {
  std::vector<int64_t> values;
  for (PickleNode::Index item : tuple.items) {
    if (pickle[item].kind != Kind::integer || pickle[item].integer < 0)
      refuse(what, "a shape or stride that is no size");
    values.push_back(pickle[item].integer);
  }
  return values;
}

/// Where a tensor's elements are in its storage. Everything is checked here, once.
struct View {
  std::vector<int64_t> shape, strides;  // in elements
  int64_t offset = 0, size = 1;
  bool contiguous = true;
};

View check_view(const Pickle& pickle, const PickleNode& tensor, const std::string& what) {
  View view;
  view.shape = numbers(pickle, pickle[tensor.items[1]], what);
  view.strides = numbers(pickle, pickle[tensor.items[2]], what);
  view.offset = tensor.integer;
  const int64_t stored = pickle[tensor.items[0]].integer;
  if (view.shape.size() != view.strides.size() || view.shape.size() > 8) {
    refuse(what, fmt::format("{} dimensions with {} strides", view.shape.size(), view.strides.size()));
  }
  const bool empty = std::find(view.shape.begin(), view.shape.end(), 0) != view.shape.end();
  __int128 size = empty ? 0 : 1, last = view.offset;
  for (size_t d = view.shape.size(); d-- > 0 && !empty;) {
    if (view.shape[d] == 1) view.strides[d] = 0;  // never taken, and PyTorch writes what it likes there
    if (view.shape[d] > 1 && view.strides[d] != size) view.contiguous = false;
    size *= view.shape[d];
    last += static_cast<__int128>(view.shape[d] - 1) * view.strides[d];
    if (size > stored)
      refuse(what,
             fmt::format("shape [{}] wants more than the {} elements stored", fmt::join(view.shape, ","), stored));
    if (last >= stored) break;
  }
  if (view.offset < 0 || (!empty && last >= stored))
    refuse(what, fmt::format("reaches beyond its storage of {} elements", stored));
  view.size = static_cast<int64_t>(size);
  return view;
}

/// The elements of a view, row-major.
std::vector<std::byte> gather(Bytes storage, const View& view, size_t element) {
  std::vector<std::byte> out(static_cast<size_t>(view.size) * element);
  std::vector<int64_t> index(view.shape.size(), 0);
  int64_t from = view.offset;
  for (int64_t i = 0; i < view.size; ++i) {
    std::memcpy(out.data() + static_cast<size_t>(i) * element, storage.data() + static_cast<size_t>(from) * element,
                element);
    for (size_t d = index.size(); d-- > 0;) {  // count up, last axis first
      from += view.strides[d];
      if (++index[d] < view.shape[d]) break;
      from -= view.strides[d] * view.shape[d];
      index[d] = 0;
    }
  }
  return out;
}

StoredTensor make_tensor(const Pickle& pickle, const PickleNode& node, Bytes storage, std::string name,
                         const std::string& what) {
  const View view = check_view(pickle, node, what);
  StoredTensor tensor;
  tensor.name = std::move(name);
  tensor.dtype = storage_dtype(pickle[node.items[0]]);
  tensor.shape = view.shape;
  const auto element = static_cast<size_t>(bytes_per_element(tensor.dtype));
  std::vector<std::byte> gathered;
  Bytes elements;
  if (view.contiguous && view.size > 0) {
    elements = storage.subspan(static_cast<size_t>(view.offset) * element, static_cast<size_t>(view.size) * element);
  } else {
    gathered = gather(storage, view, element);
    elements = gathered;
  }
  tensor.values = to_floats(tensor.dtype, elements);
  if (tensor.dtype != "f32") tensor.raw.assign(elements.begin(), elements.end());
  return tensor;
}

using FindStorage = std::function<Bytes(const PickleNode& storage)>;

WeightFile collect(const Pickle& pickle, const FindStorage& find_storage, size_t file_bytes, const std::string& path) {
  const PickleNode& dict = state_dict(pickle, path);
  WeightFile file;
  file.card.layout = "pytorch";
  // As in Python: a repeated key keeps its first place and gets its last value.
  std::unordered_map<std::string_view, size_t> places;
  std::vector<std::pair<std::string_view, const PickleNode*>> chosen;
  for (size_t i = 0; i < dict.items.size(); i += 2) {
    const PickleNode& key = pickle[dict.items[i]];
    const PickleNode& value = pickle[dict.items[i + 1]];
    if (key.kind != Kind::text) refuse(path, fmt::format("a state dict with {} for a name", describe(key)));
    if (value.kind != Kind::tensor)
      refuse(path, fmt::format("{} is {}, expected a tensor", shown(key.text), describe(value)));
    const auto [place, added] = places.emplace(key.text, chosen.size());
    if (added) chosen.emplace_back(key.text, &value);
    chosen[place->second].second = &value;
  }
  if (chosen.size() > max_tensors)
    refuse(path, fmt::format("{} tensors, at most {} are read", chosen.size(), max_tensors));
  // Tensors may share a storage; even so, together they never claim more than the file holds.
  uint64_t claimed = 0;
  for (const auto& [name, node] : chosen) {
    const std::string what = fmt::format("{}: {}", path, shown(name));
    const auto bytes = static_cast<uint64_t>(bytes_per_element(storage_dtype(pickle[node->items[0]])));
    const auto size = static_cast<uint64_t>(check_view(pickle, *node, what).size);
    if (size <= file_bytes) claimed += size * bytes;
    if (size > file_bytes || claimed > file_bytes)
      refuse(path, fmt::format("the tensors claim more than the file's {} bytes", file_bytes));
  }
  for (const auto& [name, node] : chosen) {
    const std::string what = fmt::format("{}: {}", path, shown(name));
    file.tensors.push_back(make_tensor(pickle, *node, find_storage(pickle[node->items[0]]), std::string(name), what));
  }
  return file;
}

/// Bytes of a storage, refused when they cannot be in `left` bytes.
size_t storage_bytes(const PickleNode& storage, size_t left, const std::string& path) {
  const auto element = static_cast<size_t>(bytes_per_element(storage_dtype(storage)));
  const auto size = static_cast<uint64_t>(storage.integer);
  if (size > left / element)
    refuse(path, fmt::format("storage {} claims {} elements, the file has {} bytes", shown(storage.text), size, left));
  return size * element;
}

}  // namespace

WeightFile parse_pytorch_legacy(Bytes bytes, const std::string& path) {
  constexpr size_t magic_bytes = 15;  // told by the caller
  ByteCursor in(bytes, path, std::min(magic_bytes, bytes.size()));
  const Pickle version = read_pickle(in);
  if (version.root().kind != Kind::integer || version.root().integer != 1001)
    in.fail("legacy format: expected version 1001");
  const Pickle system = read_pickle(in);
  const PickleNode* little = system.find(system.root(), "little_endian");
  if (little == nullptr || little->kind != Kind::boolean || little->integer != 1)
    in.fail("expected a file written on a little-endian machine");
  const Pickle object = read_pickle(in);
  const Pickle keys = read_pickle(in);
  if (keys.root().kind != Kind::list) in.fail("legacy format: expected a list of storages");

  std::unordered_map<std::string_view, const PickleNode*> declared;
  for (PickleNode::Index i = 0; i < object.size(); ++i) {
    const PickleNode& node = object[i];
    if (node.kind != Kind::storage) continue;
    const auto [place, added] = declared.emplace(node.text, &node);
    if (!added && (place->second->integer != node.integer || place->second->global != node.global)) {
      refuse(path, fmt::format("storage {} is declared twice, differently", shown(node.text)));
    }
  }
  std::unordered_map<std::string_view, Bytes> storages;
  for (PickleNode::Index item : keys.root().items) {
    const PickleNode& key = keys[item];
    const auto storage = key.kind == Kind::text ? declared.find(key.text) : declared.end();
    if (storage == declared.end()) in.fail("a storage that no tensor uses");
    const auto size = in.number<int64_t>();
    if (size != storage->second->integer) {
      in.fail(fmt::format("storage {} has {} elements, {} declared", shown(key.text), size, storage->second->integer));
    }
    const Bytes content = in.take(storage_bytes(*storage->second, in.left(), path));
    if (!storages.emplace(key.text, content).second)
      in.fail(fmt::format("storage {} stands there twice", shown(key.text)));
  }
  if (storages.size() != declared.size())
    in.fail(fmt::format("{} storages, {} declared", storages.size(), declared.size()));
  if (in.left() > 0) in.fail(fmt::format("{} bytes behind the last storage", in.left()));

  WeightFile file = collect(
      object, [&](const PickleNode& storage) { return storages.at(storage.text); }, bytes.size(), path);
  file.format = "pytorch-legacy";
  return file;
}

WeightFile parse_pytorch_zip(Bytes bytes, const std::string& path) {
  const auto entries = read_zip(bytes, path);
  // All entries live in one folder, named after the file as it was first called.
  const std::string_view first = entries.empty() ? std::string_view{} : entries.begin()->first;
  const std::string root(first.substr(0, std::min(first.find('/'), first.size())));
  for (const auto& [name, entry] : entries) {
    if (!name.starts_with(root + "/"))
      refuse(path, fmt::format("entry {} stands outside {}/", shown(name), shown(root)));
    if (name.starts_with(root + "/code/") || name == root + "/constants.pkl") {
      refuse(path, "a TorchScript program, expected weights (save model.state_dict() instead)");
    }
  }
  for (const auto& [name, entry] : entries) {
    if (entry.compressed) refuse(path, fmt::format("entry {} is compressed; torch.save stores", shown(name)));
  }
  const auto find = [&](const std::string& name) -> const ZipEntry* {
    const auto entry = entries.find(root + "/" + name);
    if (entry == entries.end()) return nullptr;
    check_crc32(name, entry->second, path);
    return &entry->second;
  };
  if (const ZipEntry* order = find("byteorder"); order != nullptr && as_text(order->content) != "little") {
    refuse(path, "expected a file written on a little-endian machine");
  }
  const ZipEntry* data = find("data.pkl");
  if (data == nullptr) refuse(path, "a ZIP archive without data.pkl, expected one written by torch.save");
  ByteCursor in(data->content, path + ": data.pkl");
  const Pickle object = read_pickle(in);
  if (in.left() > 0) in.fail(fmt::format("{} bytes behind the pickle", in.left()));

  std::unordered_map<std::string_view, Bytes> checked;
  const auto storage_content = [&](const PickleNode& storage) {
    if (const auto known = checked.find(storage.text); known != checked.end()) {
      if (storage_bytes(storage, bytes.size(), path) != known->second.size()) {
        refuse(path, fmt::format("storage {} is declared twice, differently", shown(storage.text)));
      }
      return known->second;
    }
    const ZipEntry* entry = find("data/" + std::string(storage.text));
    if (entry == nullptr) refuse(path, fmt::format("storage {} is missing", shown(storage.text)));
    if (entry->content.size() != storage_bytes(storage, bytes.size(), path)) {
      refuse(path, fmt::format("storage {} has {} bytes, {} elements of {} declared", shown(storage.text),
                               entry->content.size(), storage.integer, storage_dtype(storage)));
    }
    checked.emplace(storage.text, entry->content);
    return entry->content;
  };
  WeightFile file = collect(object, storage_content, bytes.size(), path);
  file.format = "pytorch";
  return file;
}

}  // namespace limbic
