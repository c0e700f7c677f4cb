// SPDX-License-Identifier: Apache-2.0
#include "io/pickle.h"

#include <algorithm>
#include <array>
#include <bit>

#include <fmt/format.h>

namespace limbic {
namespace {

using Kind = PickleNode::Kind;
using Index = PickleNode::Index;

// Limits: a real state dict has 1,000 objects and the sampler of a PANNs file texts of some megabytes.
constexpr size_t max_pickle = 64 << 20, max_text = 16 << 20, max_line = 256;
constexpr size_t max_memo = 1'000'000, max_objects = 5'000'000, max_stack = 5'000'000, max_depth = 100;

enum class Call : uint8_t { ordered_dict, rebuild_tensor, rebuild_parameter, size, storage, opaque };

struct Global {
  std::string_view module, name;
  Call call;
  std::string_view dtype;  // of a storage class
};

// Everything a pickle may name. Opaque ones (a training sampler's numpy arrays) are parsed and never looked into.
constexpr std::array<Global, 18> globals{{
    {"collections", "OrderedDict", Call::ordered_dict, ""},
    {"torch._utils", "_rebuild_tensor_v2", Call::rebuild_tensor, ""},
    {"torch._utils", "_rebuild_parameter", Call::rebuild_parameter, ""},
    {"torch", "Size", Call::size, ""},
    {"torch", "FloatStorage", Call::storage, "f32"},
    {"torch", "DoubleStorage", Call::storage, "f64"},
    {"torch", "HalfStorage", Call::storage, "f16"},
    {"torch", "BFloat16Storage", Call::storage, "bf16"},
    {"torch", "LongStorage", Call::storage, "i64"},
    {"torch", "IntStorage", Call::storage, "i32"},
    {"torch", "ShortStorage", Call::storage, "i16"},
    {"torch", "CharStorage", Call::storage, "i8"},
    {"torch", "ByteStorage", Call::storage, "u8"},
    {"torch", "BoolStorage", Call::storage, "bool"},
    {"numpy.core.multiarray", "_reconstruct", Call::opaque, ""},
    {"numpy", "ndarray", Call::opaque, ""},
    {"numpy", "dtype", Call::opaque, ""},
    {"_codecs", "encode", Call::opaque, ""},
}};

std::string dotted(const Global& global) { return fmt::format("{}.{}", global.module, global.name); }

/// Names of the opcodes that the language has and this machine does not, so that an error can say which one was met.
std::string_view refused_opcode(uint8_t opcode) {
  static constexpr std::pair<uint8_t, std::string_view> names[] = {{'0', "POP"},
                                                                   {'1', "POP_MARK"},
                                                                   {'2', "DUP"},
                                                                   {'F', "FLOAT"},
                                                                   {'I', "INT"},
                                                                   {'L', "LONG"},
                                                                   {'P', "PERSID"},
                                                                   {'S', "STRING"},
                                                                   {'T', "BINSTRING"},
                                                                   {'V', "UNICODE"},
                                                                   {'i', "INST"},
                                                                   {'d', "DICT"},
                                                                   {'l', "LIST"},
                                                                   {'g', "GET"},
                                                                   {'p', "PUT"},
                                                                   {'o', "OBJ"},
                                                                   {'B', "BINBYTES"},
                                                                   {'C', "SHORT_BINBYTES"},
                                                                   {0x82, "EXT1"},
                                                                   {0x83, "EXT2"},
                                                                   {0x84, "EXT4"},
                                                                   {0x8b, "LONG4"},
                                                                   {0x8c, "SHORT_BINUNICODE"},
                                                                   {0x8d, "BINUNICODE8"},
                                                                   {0x8e, "BINBYTES8"},
                                                                   {0x90, "ADDITEMS"},
                                                                   {0x91, "FROZENSET"},
                                                                   {0x92, "NEWOBJ_EX"},
                                                                   {0x93, "STACK_GLOBAL"},
                                                                   {0x94, "MEMOIZE"},
                                                                   {0x95, "FRAME"},
                                                                   {0x96, "BYTEARRAY8"},
                                                                   {0x97, "NEXT_BUFFER"},
                                                                   {0x98, "READONLY_BUFFER"}};
  for (const auto& [code, name] : names) {
    if (code == opcode) return name;
  }
  return "of no pickle";
}

}  // namespace

const PickleNode* Pickle::find(const PickleNode& dict, std::string_view key) const {
  if (dict.kind != Kind::dict) return nullptr;
  for (size_t i = dict.items.size(); i > 0; i -= 2) {
    const PickleNode& name = nodes_[dict.items[i - 2]];
    if (name.kind == Kind::text && name.text == key) return &nodes_[dict.items[i - 1]];
  }
  return nullptr;
}

std::string_view storage_dtype(const PickleNode& storage) { return globals[storage.global].dtype; }

std::string describe(const PickleNode& node) {
  switch (node.kind) {
    case Kind::none:
      return "None";
    case Kind::boolean:
      return "a boolean";
    case Kind::integer:
      return "an integer";
    case Kind::real:
      return "a float";
    case Kind::text:
      return "a string";
    case Kind::tuple:
      return "a tuple";
    case Kind::list:
      return "a list";
    case Kind::set:
      return "a set";
    case Kind::dict:
      return "a dict";
    case Kind::storage:
      return "a storage";
    case Kind::tensor:
      return "a tensor";
    case Kind::global:
      return dotted(globals[node.global]);
    case Kind::opaque:
      return "an object of " + dotted(globals[node.global]);
  }
  return "nothing";
}

/// The stack machine. It never recurses: nesting is data, in `nodes_`.
class PickleMachine {
 public:
  explicit PickleMachine(ByteCursor& cursor) : in_(cursor), start_(cursor.position()) {}

  Pickle run() {
    if (in_.number<uint8_t>() != 0x80) in_.fail("expected a pickle (opcode PROTO)");
    if (const int protocol = in_.number<uint8_t>(); protocol < 2 || protocol > 5) {
      in_.fail(fmt::format("pickle protocol {}, expected 2", protocol));
    }
    while (!step(in_.number<uint8_t>())) {
      if (in_.position() - start_ > max_pickle) in_.fail("the pickle is longer than 64 MB");
    }
    return std::move(out_);
  }

 private:
  bool step(uint8_t opcode);  // true: STOP
  void integer_or_text(uint8_t opcode);

  Index add(PickleNode node) {
    if (out_.nodes_.size() >= max_objects) in_.fail("more than 5 million objects");
    for (Index item : node.items) deepen(node, item);
    out_.nodes_.push_back(std::move(node));
    return static_cast<Index>(out_.nodes_.size() - 1);
  }
  void deepen(PickleNode& parent, Index child) {
    const int depth = out_.nodes_[child].depth + 1;
    if (depth > static_cast<int>(max_depth)) in_.fail("nested deeper than 100");
    parent.depth = std::max(parent.depth, static_cast<uint16_t>(depth));
  }
  void push(Index index) {
    if (stack_.size() >= max_stack) in_.fail("more than 5 million objects on the stack");
    stack_.push_back(index);
  }
  void push(PickleNode node) { push(add(std::move(node))); }
  void push(Kind kind, int64_t integer = 0) { push(PickleNode{.kind = kind, .integer = integer}); }

  size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }
  Index pop() {
    if (stack_.size() <= floor()) in_.fail("the pickle takes from an empty stack");
    const Index top = stack_.back();
    stack_.pop_back();
    return top;
  }
  std::vector<Index> pop_many(size_t count) {
    if (stack_.size() - floor() < count) in_.fail("the pickle takes from an empty stack");
    std::vector<Index> items(stack_.end() - static_cast<ptrdiff_t>(count), stack_.end());
    stack_.resize(stack_.size() - count);
    return items;
  }
  std::vector<Index> pop_to_mark() {
    if (marks_.empty()) in_.fail("the pickle closes what it did not open (no MARK)");
    std::vector<Index> items = pop_many(stack_.size() - marks_.back());
    marks_.pop_back();
    return items;
  }
  PickleNode& top() {
    if (stack_.size() <= floor()) in_.fail("the pickle takes from an empty stack");
    return out_.nodes_[stack_.back()];
  }
  const PickleNode& at(Index index) const { return out_.nodes_[index]; }

  void push_tuple(std::vector<Index> items) { push(PickleNode{.kind = Kind::tuple, .items = std::move(items)}); }
  void extend(Kind kind, const std::vector<Index>& items, const char* opcode) {
    PickleNode& target = top();
    if (target.kind != kind) in_.fail(fmt::format("{} on {}", opcode, describe(target)));
    if (kind == Kind::dict && items.size() % 2 != 0) in_.fail(fmt::format("{} with a key and no value", opcode));
    for (Index item : items) deepen(target, item);
    target.items.insert(target.items.end(), items.begin(), items.end());
  }

  void put(size_t place) {
    top();
    // Writers count up from 0, so a place far ahead is an attack on memory.
    if (place > memo_.size() || place >= max_memo) {
      in_.fail(fmt::format("memo place {} after {} places", place, memo_.size()));
    }
    if (place == memo_.size()) memo_.push_back(0);
    memo_[place] = stack_.back();
  }
  void get(size_t place) {
    if (place >= memo_.size()) in_.fail(fmt::format("memo place {} of {}", place, memo_.size()));
    push(memo_[place]);
  }

  std::string_view text(size_t bytes) {
    if (bytes > max_text) in_.fail(fmt::format("a string of {} bytes, at most 16 MB are read", bytes));
    return as_text(in_.take(bytes));
  }
  std::string_view line();
  void global();
  void reduce();
  void build();
  void new_object();
  void persistent();
  void rebuild_tensor(const PickleNode& arguments);

  ByteCursor& in_;
  size_t start_;
  Pickle out_;
  std::vector<Index> stack_, memo_;
  std::vector<size_t> marks_;
};

bool PickleMachine::step(uint8_t opcode) {
  switch (opcode) {
    case 0x80:
      in_.take(1);
      break;
    case '.':
      out_.root_ = pop();
      if (!stack_.empty() || !marks_.empty()) in_.fail("the pickle stops with objects left on its stack");
      return true;
    case '(':
      if (marks_.size() >= max_depth) in_.fail("nested deeper than 100");
      marks_.push_back(stack_.size());
      break;
    case ')':
      push(Kind::tuple);
      break;
    case ']':
      push(Kind::list);
      break;
    case '}':
      push(Kind::dict);
      break;
    case 0x8f:
      push(Kind::set);
      break;
    case 't':
      push_tuple(pop_to_mark());
      break;
    case 0x85:
      push_tuple(pop_many(1));
      break;
    case 0x86:
      push_tuple(pop_many(2));
      break;
    case 0x87:
      push_tuple(pop_many(3));
      break;
    case 'a':
      extend(Kind::list, pop_many(1), "APPEND");
      break;
    case 'e':
      extend(Kind::list, pop_to_mark(), "APPENDS");
      break;
    case 's':
      extend(Kind::dict, pop_many(2), "SETITEM");
      break;
    case 'u':
      extend(Kind::dict, pop_to_mark(), "SETITEMS");
      break;
    case 'q':
      put(in_.number<uint8_t>());
      break;
    case 'r':
      put(in_.number<uint32_t>());
      break;
    case 'h':
      get(in_.number<uint8_t>());
      break;
    case 'j':
      get(in_.number<uint32_t>());
      break;
    case 'c':
      global();
      break;
    case 'R':
      reduce();
      break;
    case 'b':
      build();
      break;
    case 0x81:
      new_object();
      break;
    case 'Q':
      persistent();
      break;
    default:
      integer_or_text(opcode);
  }
  return false;
}

void PickleMachine::integer_or_text(uint8_t opcode) {
  switch (opcode) {
    case 'N':
      push(Kind::none);
      break;
    case 0x88:
      push(Kind::boolean, 1);
      break;
    case 0x89:
      push(Kind::boolean, 0);
      break;
    case 'J':
      push(Kind::integer, in_.number<int32_t>());
      break;
    case 'K':
      push(Kind::integer, in_.number<uint8_t>());
      break;
    case 'M':
      push(Kind::integer, in_.number<uint16_t>());
      break;
    case 0x8a: {  // LONG1: two's complement, any length
      const std::string_view bytes = text(in_.number<uint8_t>());
      uint64_t value = !bytes.empty() && static_cast<signed char>(bytes.back()) < 0 ? ~uint64_t{0} : 0;
      for (size_t i = std::min<size_t>(bytes.size(), 8); i > 0; --i) {
        value = value << 8 | static_cast<unsigned char>(bytes[i - 1]);
      }
      // Beyond 64 bits nothing is a size; -1 is none either, so that the value is refused wherever one is wanted.
      const int64_t integer = bytes.size() > 8 ? -1 : static_cast<int64_t>(value);
      push(PickleNode{.kind = Kind::integer, .integer = integer, .text = bytes});
      break;
    }
    case 'G': {  // BINFLOAT is big-endian
      uint64_t bits = in_.number<uint64_t>();
      bits = __builtin_bswap64(bits);
      push(PickleNode{.kind = Kind::real, .real = std::bit_cast<double>(bits)});
      break;
    }
    case 'X':
      push(PickleNode{.kind = Kind::text, .text = text(in_.number<uint32_t>())});
      break;
    case 'U':
      push(PickleNode{.kind = Kind::text, .text = text(in_.number<uint8_t>())});
      break;
    default:
      in_.fail(fmt::format("pickle opcode 0x{:02x} ({}) is not allowed in weights", opcode, refused_opcode(opcode)));
  }
}

std::string_view PickleMachine::line() {
  const std::string_view rest = as_text(ByteCursor(in_).take(std::min(in_.left(), max_line + 1)));
  const size_t end = rest.find('\n');
  if (end == std::string_view::npos) in_.fail("a global's name does not end");
  in_.take(end + 1);
  return rest.substr(0, end);
}

void PickleMachine::global() {
  const std::string_view module = line(), name = line();
  for (size_t i = 0; i < globals.size(); ++i) {
    if (globals[i].module == module && globals[i].name == name) {
      push(PickleNode{.kind = Kind::global, .global = static_cast<uint8_t>(i)});
      return;
    }
  }
  in_.fail(fmt::format("the pickle asks for {}.{}, which is not allowed in weights", shown(module), shown(name)));
}

void PickleMachine::reduce() {
  const Index arguments = pop(), callable = pop();
  if (at(callable).kind != Kind::global) in_.fail(fmt::format("REDUCE calls {}", describe(at(callable))));
  if (at(arguments).kind != Kind::tuple) {
    in_.fail(fmt::format("REDUCE with {}, expected a tuple", describe(at(arguments))));
  }
  const Global& callee = globals[at(callable).global];
  const auto& items = at(arguments).items;
  switch (callee.call) {
    case Call::ordered_dict:
      if (!items.empty()) in_.fail("OrderedDict with arguments");
      push(Kind::dict);
      break;
    case Call::rebuild_tensor:
      rebuild_tensor(at(arguments));
      break;
    case Call::rebuild_parameter:
      if (items.empty() || at(items[0]).kind != Kind::tensor) in_.fail("_rebuild_parameter without a tensor");
      push(Index{items[0]});
      break;
    case Call::size:
      if (items.size() != 1 || at(items[0]).kind != Kind::tuple) in_.fail("torch.Size without a tuple");
      push(Index{items[0]});
      break;
    case Call::opaque:
      push(PickleNode{.kind = Kind::opaque, .global = at(callable).global});
      break;
    case Call::storage:
      in_.fail(fmt::format("the pickle calls {}", dotted(callee)));
  }
}

/// (storage, offset, shape, strides, requires_grad, hooks): what it means is checked where tensors are made of it.
void PickleMachine::rebuild_tensor(const PickleNode& arguments) {
  const auto& items = arguments.items;
  const bool fits = (items.size() == 6 || items.size() == 7) && at(items[0]).kind == Kind::storage &&
                    at(items[1]).kind == Kind::integer && at(items[2]).kind == Kind::tuple &&
                    at(items[3]).kind == Kind::tuple;
  if (!fits) in_.fail("_rebuild_tensor_v2: expected (storage, offset, shape, strides, requires_grad, hooks)");
  push(PickleNode{.kind = Kind::tensor, .integer = at(items[1]).integer, .items = {items[0], items[2], items[3]}});
}

/// BUILD hangs attributes on an object. State dicts carry `_metadata` that way; nothing here needs any.
void PickleMachine::build() {
  const Index state = pop();
  const PickleNode& object = top();
  const bool dict = object.kind == Kind::dict && at(state).kind == Kind::dict;
  if (!dict && object.kind != Kind::opaque) {
    in_.fail(fmt::format("BUILD of {} with {}", describe(object), describe(at(state))));
  }
}

void PickleMachine::new_object() {
  const Index arguments = pop(), type = pop();
  const bool ordered_dict = at(type).kind == Kind::global && globals[at(type).global].call == Call::ordered_dict;
  if (!ordered_dict || at(arguments).kind != Kind::tuple || !at(arguments).items.empty()) {
    in_.fail(fmt::format("NEWOBJ of {}, expected collections.OrderedDict", describe(at(type))));
  }
  push(Kind::dict);
}

/// ("storage", class, key, location, elements[, view]): a piece of the file that holds elements. The location
/// ("cuda:0") is where they once were, and means nothing here.
void PickleMachine::persistent() {
  const Index id = pop();
  const auto& items = at(id).items;
  const bool named = at(id).kind == Kind::tuple && !items.empty() && at(items[0]).kind == Kind::text;
  if (named && at(items[0]).text == "module") in_.fail("the file holds a whole module, expected a state dict");
  const bool fits = named && (items.size() == 5 || items.size() == 6) && at(items[0]).text == "storage" &&
                    at(items[1]).kind == Kind::global && globals[at(items[1]).global].call == Call::storage &&
                    at(items[2]).kind == Kind::text && at(items[4]).kind == Kind::integer;
  if (!fits) in_.fail("persistent id: expected ('storage', class, key, location, elements)");
  if (items.size() == 6 && at(items[5]).kind != Kind::none) in_.fail("views of storages are not read");
  if (at(items[4]).integer < 0) in_.fail(fmt::format("storage {} has a negative size", shown(at(items[2]).text)));
  push(PickleNode{.kind = Kind::storage,
                  .global = at(items[1]).global,
                  .integer = at(items[4]).integer,
                  .text = at(items[2]).text});
}

Pickle read_pickle(ByteCursor& cursor) { return PickleMachine(cursor).run(); }

}  // namespace limbic
