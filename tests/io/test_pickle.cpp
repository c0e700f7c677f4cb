// SPDX-License-Identifier: Apache-2.0
// PyTorch files: what real ones hold is read; whatever else a pickle or an archive says is one named error.
#include <catch2/catch.hpp>
#include <functional>

#include "engine/error.h"
#include "io/pickle.h"
#include "io/weight_formats.h"
#include "tests/io/torch_files.h"

using namespace limbic;
using namespace limbic::torch_files;

namespace {

/// The error of `work`, which must be one line with the code of weights; "read" where there is none.
std::string refusal(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    CHECK(error.code == ExitCode::weights);
    CHECK(std::string(error.what()).find('\n') == std::string::npos);
    return error.what();
  }
  return "read";
}

bool says(const std::string& text, const std::string& part) {
  INFO(text);
  return text.find(part) != std::string::npos;
}

std::string pickle_refusal(const std::string& body) {
  const std::string whole = proto + body + stop;
  return refusal([&] {
    ByteCursor in(bytes_of(whole), "f");
    read_pickle(in);
  });
}

std::string legacy_refusal(const std::string& file) {
  return refusal([&] { parse_pytorch_legacy(bytes_of(file), "f.pth"); });
}

std::string zip_refusal(const std::string& file) {
  return refusal([&] { parse_pytorch_zip(bytes_of(file), "f.pth"); });
}

const std::vector<float> six{1, 2, 3, 4, 5, 6};
const Tensor two_by_three{.name = "w", .stored = 6, .shape = {2, 3}, .strides = {3, 1}};

std::string legacy_with(const Tensor& tensor, const std::string& content = floats(six)) {
  return legacy_file(dict_of({tensor}, true), {{"0", content}});
}
std::string zip_with(const Tensor& tensor, const ZipOptions& options = {}, const std::string& content = floats(six)) {
  return zip_file(
      {{"m/data.pkl", proto + dict_of({tensor}, false) + stop}, {"m/data/0", content}, {"m/version", "3\n"}}, options);
}

/// An int64 array as numpy pickles it in protocol 2: its bytes as latin-1 text, 0x80 and above in two bytes.
std::string numpy_array() {
  const auto encoded = [](const std::string& s) {
    return global("_codecs", "encode") + mark + text(s) + text("latin1") + tuple + reduce;
  };
  const std::string dtype = global("numpy", "dtype") + mark + text("i8") + integer(0) + integer(1) + tuple + reduce +
                            mark + integer(3) + text("<") + none + none + none + integer(-1) + integer(-1) +
                            integer(0) + tuple + build;
  return global("numpy.core.multiarray", "_reconstruct") + mark + global("numpy", "ndarray") + mark + integer(0) +
         tuple + encoded("b") + tuple + reduce + mark + integer(1) + mark + integer(2) + tuple + dtype + no +
         encoded("\xc3\xbf\x01\x02\x03") + tuple + build;
}

}  // namespace

TEST_CASE("a PANNs file with a training sampler gives its model, from both formats") {
  const auto object = [&](bool legacy) {
    const std::string metadata = build;  // state_dict carries _metadata in the OrderedDict's attributes
    return empty_dict + mark + text("iteration") + integer(600000) + text("model") + dict_of({two_by_three}, legacy) +
           empty_dict + mark + text("_metadata") + ordered_dict() + setitems + metadata + text("sampler") + empty_dict +
           mark + text("indexes_per_class") + list_of({numpy_array(), numpy_array()}) + text("queue") +
           list_of({integer(5)}) + setitems + setitems;
  };
  const std::string legacy = legacy_file(object(true), {{"0", floats(six)}});
  const std::string zip = zip_file({{"m/data.pkl", proto + object(false) + stop}, {"m/data/0", floats(six)}});
  for (const WeightFile& file : {parse_pytorch_legacy(bytes_of(legacy), "f"), parse_pytorch_zip(bytes_of(zip), "f")}) {
    REQUIRE(file.tensors.size() == 1);
    CHECK(file.tensors[0].name == "w");
    CHECK(file.tensors[0].shape == std::vector<int64_t>{2, 3});
    CHECK(file.tensors[0].values == six);
  }
}

TEST_CASE("views, shared storages, scalars and every type are read") {
  const Tensor transposed{.name = "t", .stored = 6, .shape = {3, 2}, .strides = {1, 3}};
  const Tensor tail{.name = "tail", .stored = 6, .offset = 4, .shape = {1, 2}, .strides = {99, 1}};
  const Tensor scalar{.name = "n", .key = "1", .storage = "LongStorage", .stored = 1, .shape = {}, .strides = {}};
  const std::string object = dict_of({transposed, tail, scalar}, false);
  const std::string file =
      zip_file({{"m/data.pkl", proto + object + stop}, {"m/data/0", floats(six)}, {"m/data/1", le(int64_t{600000})}});
  const WeightFile read = parse_pytorch_zip(bytes_of(file), "f");
  CHECK(read.find("t")->values == std::vector<float>{1, 4, 2, 5, 3, 6});
  CHECK(read.find("tail")->values == std::vector<float>{5, 6});
  CHECK(read.find("n")->dtype == "i64");
  CHECK(read.find("n")->values == std::vector<float>{600000});
  CHECK(read.find("n")->bytes().size() == 8);
  const Tensor empty{.name = "e", .stored = 0, .shape = {0, 3}, .strides = {3, 1}};
  CHECK(parse_pytorch_zip(bytes_of(zip_with(empty, {}, "")), "f").find("e")->values.empty());
}

TEST_CASE("of a repeated key the last value counts, at the first place") {
  Tensor later = two_by_three;
  later.shape = {6}, later.strides = {1};
  const Tensor other{.name = "b", .stored = 6, .shape = {1}, .strides = {1}};
  const std::string file = legacy_file(dict_of({two_by_three, other, later}, true), {{"0", floats(six)}});
  const WeightFile read = parse_pytorch_legacy(bytes_of(file), "f");
  REQUIRE(read.tensors.size() == 2);
  CHECK(read.tensors[0].name == "w");
  CHECK(read.tensors[0].shape == std::vector<int64_t>{6});
}

TEST_CASE("a global that is not on the list is refused by name, however it is asked for") {
  CHECK(says(pickle_refusal(global("os", "system") + mark + text("true") + tuple + reduce),
             "os.system, which is not allowed"));
  CHECK(says(pickle_refusal(global("builtins", "eval")), "builtins.eval"));
  CHECK(says(pickle_refusal(global("torch", "load")), "torch.load"));
  CHECK(says(pickle_refusal(global("torch.storage", "FloatStorage")), "torch.storage.FloatStorage"));
  CHECK(says(pickle_refusal(global("torch", "FloatStorage.dump")), "torch.FloatStorage.dump"));
  CHECK(says(pickle_refusal(text("os") + text("system") + "\x93"), "STACK_GLOBAL"));
  CHECK(says(pickle_refusal(mark + text("true") + "ios\nsystem\n"), "INST"));
  CHECK(says(pickle_refusal(mark + global("collections", "OrderedDict") + "o"), "OBJ"));
  CHECK(says(pickle_refusal("\x82\x01"), "EXT1"));
  CHECK(says(pickle_refusal(std::string("\x95\0\0\0\0\0\0\0\0", 9)), "FRAME"));
  CHECK(says(pickle_refusal("P1\n"), "PERSID"));
  CHECK(says(pickle_refusal("\xfe"), "0xfe (of no pickle)"));
  CHECK(says(pickle_refusal(global("o\ts\x1b[2J", "system")), "o?s?[2J.system"));
}

TEST_CASE("allowed globals do nothing but what weights need") {
  CHECK(says(pickle_refusal(global("torch", "FloatStorage") + empty_tuple + reduce), "calls torch.FloatStorage"));
  CHECK(says(pickle_refusal(text("x") + empty_tuple + reduce), "REDUCE calls a string"));
  CHECK(says(pickle_refusal(global("collections", "OrderedDict") + mark + list_of({}) + tuple + reduce),
             "with arguments"));
  CHECK(says(pickle_refusal(global("numpy", "ndarray") + empty_tuple + "\x81"), "NEWOBJ of numpy.ndarray"));
  CHECK(says(pickle_refusal(global("numpy", "ndarray") + empty_dict + build), "BUILD of numpy.ndarray"));
  CHECK(says(pickle_refusal(text("x") + none + "a"), "APPEND on a string"));
  CHECK(says(pickle_refusal(empty_list + text("k") + none + "s"), "SETITEM on a list"));
  CHECK(says(pickle_refusal(text("storage") + binpersid), "persistent id"));
  CHECK(says(pickle_refusal(mark + text("module") + none + tuple + binpersid), "whole module"));
  CHECK(says(legacy_refusal(legacy_file(ordered_dict() + mark + text("w") + numpy_array() + setitems, {})),
             "numpy.core.multiarray._reconstruct, expected a tensor"));
  CHECK(says(legacy_refusal(legacy_file(ordered_dict() + mark + text("w") + integer(1) + setitems, {})),
             "w is an integer"));
  CHECK(says(legacy_refusal(legacy_file(list_of({}), {})), "a list, expected a state dict"));
  CHECK(says(legacy_refusal(legacy_file(empty_dict, {})), "empty state dict"));
}

TEST_CASE("stack, memo and nesting of a pickle are bounded") {
  CHECK(says(pickle_refusal(""), "empty stack"));
  CHECK(says(pickle_refusal(none + none), "objects left"));
  CHECK(says(pickle_refusal(tuple), "no MARK"));
  CHECK(says(pickle_refusal(mark + reduce), "empty stack"));
  CHECK(says(pickle_refusal(get(3)), "memo place 3"));
  CHECK(says(pickle_refusal(none + "r" + le(uint32_t{900000000})), "memo place 900000000"));
  CHECK(says(pickle_refusal("X" + le(uint32_t{0xffffffff})), "at most 16 MB"));
  CHECK(says(pickle_refusal("X" + le(uint32_t{1000})), "ends too early"));
  CHECK(says(pickle_refusal(std::string(200, '(')), "nested deeper than 100"));
  std::string nested = none;
  for (int i = 0; i < 200; ++i) nested += "\x85";
  CHECK(says(pickle_refusal(nested), "nested deeper than 100"));
  std::string itself = empty_list + put(0);
  for (int i = 0; i < 200; ++i) itself += get(0) + "a";
  CHECK(says(pickle_refusal(itself), "nested deeper than 100"));
  CHECK(says(pickle_refusal(std::string(5'000'001, ']')), "5 million"));
}

TEST_CASE("a billion laughs cost what they weigh") {
  // Each tuple holds the one before ten times: 10^90 leaves in a kilobyte, and 91 objects here.
  std::string laughs = text("ha") + put(0);
  for (uint8_t level = 1; level <= 90; ++level) {
    laughs = laughs + mark;
    for (int i = 0; i < 10; ++i) laughs += get(static_cast<uint8_t>(level - 1));
    laughs += tuple + put(level);
  }
  // What was pushed on the way stays below; one list takes it all.
  CHECK(says(pickle_refusal(mark + laughs + tuple), "read"));
  CHECK(says(legacy_refusal(legacy_file(mark + laughs + tuple, {})), "a tuple, expected a state dict"));
}

TEST_CASE("sizes that do not fit the storage or the file are refused before anything is allocated") {
  const auto with = [](auto change) {
    Tensor t = two_by_three;
    change(t);
    return std::pair{legacy_refusal(legacy_with(t)), zip_refusal(zip_with(t))};
  };
  const auto both = [](const std::pair<std::string, std::string>& texts, const std::string& part) {
    return says(texts.first, part) && says(texts.second, part);
  };
  CHECK(both(with([](Tensor& t) { t.shape = {2, 4}; }), "wants more than the 6 elements"));
  CHECK(both(with([](Tensor& t) { t.offset = 1; }), "reaches beyond"));
  CHECK(both(with([](Tensor& t) { t.offset = -1; }), "reaches beyond"));
  CHECK(both(with([](Tensor& t) { t.strides = {-3, 1}; }), "no size"));
  CHECK(both(with([](Tensor& t) { t.shape = {-2, -3}; }), "no size"));
  CHECK(both(with([](Tensor& t) { t.strides = {INT64_MAX, INT64_MAX}; }), "reaches beyond"));
  CHECK(both(with([](Tensor& t) { t.shape = {INT64_MAX, INT64_MAX}; }), "wants more"));
  CHECK(both(with([](Tensor& t) { t.shape = {int64_t{1} << 32, int64_t{1} << 32}; }), "wants more"));
  CHECK(both(with([](Tensor& t) { t.strides = {1}; }), "2 dimensions with 1 strides"));
  CHECK(both(with([](Tensor& t) { t.stored = 7; }), "declared"));
  CHECK(both(with([](Tensor& t) { t.stored = -1; }), "negative size"));
  CHECK(says(legacy_refusal(legacy_file(
                 dict_of({{.name = "w", .storage = "DoubleStorage", .stored = 6, .shape = {6}, .strides = {1}}}, true),
                 {{"0", floats(six)}})),
             "6 elements, the file has"));
  CHECK(
      says(zip_refusal(zip_with({.name = "w", .storage = "DoubleStorage", .stored = 6, .shape = {6}, .strides = {1}})),
           "has 24 bytes"));
  CHECK(says(zip_refusal(zip_with({.name = "w", .stored = INT64_MAX, .shape = {INT64_MAX}, .strides = {1}})), "claim"));
  CHECK(says(zip_refusal(zip_with({.name = "w", .stored = INT64_MAX, .shape = {2}, .strides = {1}})), "claims"));
  // One element, seen a million times.
  CHECK(says(zip_refusal(zip_with({.name = "w", .stored = 6, .shape = {1000000}, .strides = {0}})), "wants more"));
  // A hundred tensors that share one storage claim a hundred times the file.
  std::vector<Tensor> shared;
  for (int i = 0; i < 100; ++i)
    shared.push_back({.name = "w" + std::to_string(i), .stored = 100000, .shape = {100000}, .strides = {1}});
  const std::string content(400000, '\0');
  CHECK(says(legacy_refusal(legacy_file(dict_of(shared, true), {{"0", content}})), "claim more than the file's"));
}

TEST_CASE("the legacy format is complete, and nothing stands behind it") {
  const std::string file = legacy_with(two_by_three);
  CHECK(legacy_refusal(file) == "read");
  CHECK(says(legacy_refusal(file + "x"), "1 bytes behind the last storage"));
  CHECK(says(legacy_refusal(legacy_file(dict_of({two_by_three}, true), {})), "0 storages, 1 declared"));
  CHECK(says(legacy_refusal(legacy_file(dict_of({two_by_three}, true), {{"0", floats(six)}, {"1", floats(six)}})),
             "no tensor uses"));
  CHECK(says(legacy_refusal(legacy_file(dict_of({two_by_three}, true), {{"0", floats(six)}, {"0", floats(six)}})),
             "twice"));
  Tensor other = two_by_three;
  other.name = "v", other.stored = 5;
  CHECK(
      says(legacy_refusal(legacy_file(dict_of({two_by_three, other}, true), {{"0", floats(six)}})), "declared twice"));
  for (size_t length = 15; length < file.size(); ++length) {
    if (legacy_refusal(file.substr(0, length)) == "read")
      FAIL("read the first " << length << " of " << file.size() << " bytes");
  }
}

TEST_CASE("the ZIP format holds one checked copy of everything") {
  CHECK(zip_refusal(zip_with(two_by_three)) == "read");
  CHECK(zip_refusal(zip_with(two_by_three, {.local_sizes = false})) == "read");
  CHECK(says(zip_refusal(zip_with(two_by_three, {.crc_change = 1})), "CRC-32"));
  CHECK(says(zip_refusal(zip_with(two_by_three, {.method = 8})), "compressed"));
  CHECK(says(zip_refusal(zip_with(two_by_three, {.flags = 1})), "encrypted"));
  const std::string pickle = proto + dict_of({two_by_three}, false) + stop;
  const std::pair<std::string, std::string> data{"m/data.pkl", pickle}, content{"m/data/0", floats(six)};
  CHECK(says(zip_refusal(zip_file({data, data, content})), "twice"));
  CHECK(says(zip_refusal(zip_file({data})), "storage 0 is missing"));
  CHECK(says(zip_refusal(zip_file({content})), "without data.pkl"));
  CHECK(says(zip_refusal(zip_file({data, content, {"../evil", ""}})), "outside"));
  CHECK(says(zip_refusal(zip_file({data, content, {"m/byteorder", "big"}})), "little-endian"));
  CHECK(says(zip_refusal(zip_file({data, content, {"m/code/__torch__.py", ""}})), "TorchScript"));
  CHECK(says(zip_refusal(zip_file({data, content, {"m/constants.pkl", ""}})), "TorchScript"));
  CHECK(says(zip_refusal(zip_file({data, content, {"m/code/__torch__.py", ""}}, {.method = 8})),
             "TorchScript"));  // as it comes
  CHECK(says(zip_refusal(zip_file({{"m/data.pkl", pickle + "x"}, content})), "behind the pickle"));
  CHECK(says(zip_refusal(zip_file({})), "without data.pkl"));
  std::string contradicting = zip_with(two_by_three);
  contradicting[30] = 'x';  // the first local header's name
  CHECK(says(zip_refusal(contradicting), "contradicts"));
  const std::string file = zip_with(two_by_three);
  for (size_t length = 0; length < file.size(); ++length) {
    if (zip_refusal(file.substr(0, length)) == "read")
      FAIL("read the first " << length << " of " << file.size() << " bytes");
  }
}

TEST_CASE("every flipped bit and 20,000 wilder mutants of a file are read or refused, never more") {
  const std::string files[] = {
      legacy_with(two_by_three), zip_with(two_by_three),
      legacy_file(dict_of({two_by_three}, true) + empty_dict + mark + text("s") + numpy_array() + setitems + build,
                  {{"0", floats(six)}})};
  const auto parse = [](const std::string& file, bool zip) {
    try {
      zip ? parse_pytorch_zip(bytes_of(file), "f") : parse_pytorch_legacy(bytes_of(file), "f");
    } catch (const Error& error) {
      if (error.code != ExitCode::weights) throw;
    }
  };
  for (const std::string& file : files) {
    const bool zip = file.starts_with("PK");
    for (size_t bit = 0; bit < file.size() * 8; ++bit) {
      std::string mutant = file;
      mutant[bit / 8] = static_cast<char>(mutant[bit / 8] ^ 1 << bit % 8);
      parse(mutant, zip);
    }
    uint64_t state = 88172645463325252;  // xorshift64: the same mutants on every machine
    const auto next = [&](size_t below) {
      state ^= state << 13, state ^= state >> 7, state ^= state << 17;
      return static_cast<size_t>(state % below);
    };
    for (int i = 0; i < 7000; ++i) {
      std::string mutant = file;
      for (size_t edit = next(4) + 1; edit > 0; --edit) {
        const size_t at = next(mutant.size());
        switch (next(4)) {
          case 0:
            mutant[at] = static_cast<char>(next(256));
            break;
          case 1:
            mutant.insert(at, file.substr(next(file.size()), next(40)));
            break;
          case 2:
            mutant.erase(at, next(20));
            break;
          default:
            mutant.replace(at, std::min<size_t>(4, mutant.size() - at),
                           next(2) ? "\xff\xff\xff\xff" : std::string(4, '\0'));
        }
        if (mutant.empty()) mutant = "x";
      }
      parse(mutant, zip);
    }
  }
}
