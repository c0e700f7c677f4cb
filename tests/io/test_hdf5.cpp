// SPDX-License-Identifier: Apache-2.0
#include <hdf5.h>

#include <catch2/catch.hpp>
#include <cstring>
#include <map>
#include <numeric>
#include <vector>

#include "io/hdf5.h"
#include "tests/data_folder.h"
#include "tests/io/foreign.h"
#include "tests/io/scratch.h"

using namespace limbic;

namespace {

std::string weights_error(const std::string& path) {
  return error_of(ExitCode::weights, [&] { read_hdf5(path); });
}

/// Makes `path` with libhdf5 itself: `fill` gets the open file.
template <class Fill>
std::string foreign(const std::string& path, const Fill& fill) {
  const hid_t file = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  fill(file);
  H5Fclose(file);
  return path;
}

struct Properties {
  hid_t id = H5Pcreate(H5P_DATASET_CREATE);
  ~Properties() { H5Pclose(id); }
};

void make_dataset(hid_t file, const char* name, hid_t type, const std::vector<hsize_t>& shape,
                  hid_t properties = H5P_DEFAULT, const void* data = nullptr, hid_t memory_type = H5T_NATIVE_FLOAT) {
  const hid_t space = H5Screate_simple(static_cast<int>(shape.size()), shape.data(), nullptr);
  const hid_t dataset = H5Dcreate2(file, name, type, space, H5P_DEFAULT, properties, H5P_DEFAULT);
  REQUIRE(dataset >= 0);
  if (data) H5Dwrite(dataset, memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data);
  H5Dclose(dataset);
  H5Sclose(space);
}

std::vector<float> ramp(size_t count) {
  std::vector<float> values(count);
  for (size_t i = 0; i < count; ++i) values[i] = 0.25f * static_cast<float>(i % 1000) - 7;
  return values;
}

/// A small file with everything that is allowed in it, to be spoilt.
std::string seed_file(const Scratch& scratch) {
  return foreign(scratch / "seed.h5", [](hid_t file) {
    const std::vector<float> values = ramp(600);
    make_dataset(file, "plain", H5T_IEEE_F32LE, {20, 30}, H5P_DEFAULT, values.data());
    const Properties packed;
    const hsize_t chunk[] = {7, 30};
    H5Pset_chunk(packed.id, 2, chunk);
    H5Pset_shuffle(packed.id);
    H5Pset_deflate(packed.id, 4);
    H5Pset_fletcher32(packed.id);
    make_dataset(file, "packed", H5T_IEEE_F32LE, {20, 30}, packed.id, values.data());
    const hid_t group = H5Gcreate2(file, "group", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    const hid_t text = H5Tcopy(H5T_C_S1), fixed = H5Tcopy(H5T_C_S1), space = H5Screate(H5S_SCALAR);
    H5Tset_size(text, H5T_VARIABLE);
    H5Tset_size(fixed, 12);
    const hsize_t two = 2;
    const hid_t list = H5Screate_simple(1, &two, nullptr);
    const char* name = "variable";
    const char* names[] = {"first", "second"};
    const hid_t a = H5Acreate2(file, "backend", text, space, H5P_DEFAULT, H5P_DEFAULT);
    H5Awrite(a, text, &name);
    const hid_t b = H5Acreate2(group, "names", text, list, H5P_DEFAULT, H5P_DEFAULT);
    H5Awrite(b, text, names);
    const hid_t c = H5Acreate2(group, "fixed", fixed, list, H5P_DEFAULT, H5P_DEFAULT);
    H5Awrite(c, fixed, "one\0\0\0\0\0\0\0\0\0twelve bytes");
    const double number = 0.1;
    const hid_t d = H5Acreate2(group, "number", H5T_IEEE_F64BE, space, H5P_DEFAULT, H5P_DEFAULT);
    H5Awrite(d, H5T_NATIVE_DOUBLE, &number);
    for (const hid_t attribute : {a, b, c, d}) H5Aclose(attribute);
    make_dataset(group, "big_endian", H5T_IEEE_F64BE, {600}, H5P_DEFAULT, values.data());
    H5Gclose(group);
    H5Tclose(text), H5Tclose(fixed), H5Sclose(space), H5Sclose(list);
  });
}

}  // namespace

TEST_CASE("what is written to HDF5 is read back, and the same content gives the same bytes") {
  const Scratch scratch;
  const std::vector<float> weight = ramp(24);
  const std::vector<double> wide = {0.1, -1e300};
  const int64_t batches = (int64_t{1} << 53) + 1;
  const std::vector<uint8_t> bytes = {0, 128, 255};
  const std::map<std::string, std::string> card = {
      {"net", "cnn14"}, {"labels", "neutral\ncalm"}, {"empty", ""}, {"name", "Ä\xe6\x84\x9f"}};
  const std::vector<H5View> views = {{"z.weight", "f32", {2, 3, 4}, weight.data()},
                                     {"bn.num_batches_tracked", "i64", {}, &batches},
                                     {"wide", "f64", {2}, wide.data()},
                                     {"fields/bytes", "u8", {3}, bytes.data()},
                                     {"none", "f32", {0, 5}, nullptr}};
  write_hdf5(scratch / "a.h5", views, card);
  write_hdf5(scratch / "b.h5", views, card);
  CHECK(read_bytes(scratch / "a.h5") == read_bytes(scratch / "b.h5"));
  const H5File file = read_hdf5(scratch / "a.h5");
  CHECK(file.attributes == card);
  REQUIRE(file.tensors.size() == 5);
  CHECK(file.tensors[0].name == "bn.num_batches_tracked");
  CHECK(file.tensors[0].shape.empty());
  CHECK(std::memcmp(file.tensors[0].bytes.data(), &batches, 8) == 0);
  CHECK(file.find("z.weight")->shape == std::vector<int64_t>{2, 3, 4});
  CHECK(file.find("z.weight")->floats() == weight);
  CHECK(file.find("z.weight")->bytes.empty());
  CHECK(std::memcmp(file.find("wide")->bytes.data(), wide.data(), 16) == 0);
  CHECK(file.find("fields/bytes")->floats() == std::vector<float>{0, 128, 255});
  CHECK(file.find("none")->bytes.empty());
  CHECK(file.find("missing") == nullptr);
}

TEST_CASE("an HDF5 file is replaced only with force, and a failed write leaves nothing") {
  const Scratch scratch;
  const float one = 1, two = 2;
  write_hdf5(scratch / "w.h5", {{"w", "f32", {}, &one}}, {});
  CHECK_THAT(error_of(ExitCode::usage,
                      [&] {
                        write_hdf5(scratch / "w.h5", {{"w", "f32", {}, &two}}, {});
                      }),
             Catch::Contains("w.h5"));
  CHECK(read_hdf5(scratch / "w.h5").tensors[0].floats()[0] == 1);
  write_hdf5(scratch / "w.h5", {{"w", "f32", {}, &two}}, {}, true);
  CHECK(read_hdf5(scratch / "w.h5").tensors[0].floats()[0] == 2);
  error_of(ExitCode::failure, [&] { write_hdf5(scratch / "no/w.h5", {{"w", "f32", {}, &two}}, {}); });
  CHECK_THAT(error_of(ExitCode::failure,
                      [&] {
                        write_hdf5(scratch / "w.h5", {{"w", "bf16", {}, &two}}, {}, true);
                      }),
             Catch::Contains("dataset w of type bf16"));
  CHECK(read_hdf5(scratch / "w.h5").tensors[0].floats()[0] == 2);
  CHECK(std::distance(std::filesystem::directory_iterator(scratch.folder()), {}) == 1);
}

TEST_CASE("a text of any length can be an attribute") {
  const Scratch scratch;
  const std::string config(200000, 'x');
  write_hdf5(scratch / "a.h5", {}, {{"model_config", config}});
  write_hdf5(scratch / "b.h5", {}, {{"model_config", config}});
  CHECK(read_hdf5(scratch / "a.h5").attributes.at("model_config") == config);
  CHECK(read_bytes(scratch / "a.h5") == read_bytes(scratch / "b.h5"));
}

TEST_CASE("HDF5 of other writers is read: chunks, filters, byte orders, groups, strings") {
  const Scratch scratch;
  const H5File file = read_hdf5(seed_file(scratch));
  const std::vector<float> values = ramp(600);
  REQUIRE(file.tensors.size() == 3);
  for (const char* name : {"plain", "packed", "group/big_endian"}) CHECK(file.find(name)->floats() == values);
  CHECK(file.find("packed")->shape == std::vector<int64_t>{20, 30});
  CHECK(file.attributes.at("backend") == "variable");
  CHECK(file.group_attributes.at("group").at("names") == "first\nsecond");
  CHECK(file.group_attributes.at("group").at("fixed") == "one\ntwelve bytes");
  CHECK(file.group_attributes.at("group").at("number") == "0.10000000000000001");
}

TEST_CASE("half floats are converted exactly") {
  H5Tensor half{"h", "f16", {7}, {}, {}};
  const uint16_t bits[] = {0x3c00, 0xc000, 0x0001, 0x8400, 0x7bff, 0x7c00, 0x8000};
  half.bytes.resize(sizeof bits);
  std::memcpy(half.bytes.data(), bits, sizeof bits);
  const std::vector<float> expected = {1, -2, 0x1p-24f, -0x1p-14f, 65504, INFINITY, -0.0f};
  CHECK(half.floats() == expected);
  CHECK(std::signbit(half.floats()[6]));
}

TEST_CASE("large compressed datasets come in pieces") {
  const Scratch scratch;
  const std::vector<float> values = ramp(3000 * 2000);  // 24 MB, in chunks that do not divide it
  const std::string path = foreign(scratch / "large.h5", [&](hid_t file) {
    const Properties packed;
    const hsize_t chunk[] = {700, 300};
    H5Pset_chunk(packed.id, 2, chunk);
    H5Pset_deflate(packed.id, 1);
    make_dataset(file, "w", H5T_IEEE_F32LE, {3000, 2000}, packed.id, values.data());
  });
  CHECK(read_hdf5(path).tensors[0].floats() == values);
}

TEST_CASE("what leads out of an HDF5 file, or runs foreign code, is refused by name") {
  const Scratch scratch;
  const std::vector<float> values = ramp(64);
  const std::string target = foreign(scratch / "target.h5", [&](hid_t file) {
    make_dataset(file, "w", H5T_IEEE_F32LE, {64}, H5P_DEFAULT, values.data());
  });
  const auto refused = [&](const char* what, const auto& fill) {
    INFO(what);
    CHECK_THAT(weights_error(foreign(scratch / "attack.h5", fill)), Catch::Contains(what));
  };
  refused("external link (w)",
          [&](hid_t file) { H5Lcreate_external(target.c_str(), "/w", file, "w", H5P_DEFAULT, H5P_DEFAULT); });
  refused("soft link (w)", [&](hid_t file) { H5Lcreate_soft("/elsewhere", file, "w", H5P_DEFAULT, H5P_DEFAULT); });
  refused("external storage (dataset w)", [&](hid_t file) {
    const Properties properties;
    H5Pset_external(properties.id, "/etc/hostname", 0, 256);
    make_dataset(file, "w", H5T_IEEE_F32LE, {64}, properties.id);
  });
  refused("virtual dataset (w)", [&](hid_t file) {
    const Properties properties;
    const hsize_t size = 64;
    const hid_t space = H5Screate_simple(1, &size, nullptr);
    H5Pset_virtual(properties.id, space, target.c_str(), "/w", space);
    make_dataset(file, "w", H5T_IEEE_F32LE, {64}, properties.id);
    H5Sclose(space);
  });
  refused("filter 5 (dataset w)", [&](hid_t file) {  // n-bit
    const Properties properties;
    const hsize_t chunk = 64;
    H5Pset_chunk(properties.id, 1, &chunk);
    H5Pset_nbit(properties.id);
    make_dataset(file, "w", H5T_IEEE_F32LE, {64}, properties.id, values.data());
  });
  refused("compound type in w", [&](hid_t file) {
    const hid_t type = H5Tcreate(H5T_COMPOUND, 8);
    H5Tinsert(type, "a", 0, H5T_IEEE_F32LE);
    H5Tinsert(type, "b", 4, H5T_IEEE_F32LE);
    make_dataset(file, "w", type, {4});
    H5Tclose(type);
  });
  refused("variable-length type in w", [&](hid_t file) {
    const hid_t type = H5Tvlen_create(H5T_IEEE_F32LE);
    make_dataset(file, "w", type, {4});
    H5Tclose(type);
  });
  refused("a second hard link", [&](hid_t file) {
    const hid_t group = H5Gcreate2(file, "g", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_hard(file, "/", group, "cycle", H5P_DEFAULT, H5P_DEFAULT);
    H5Gclose(group);
  });
  refused("groups nested deeper than", [&](hid_t file) {
    hid_t group = H5Gopen2(file, "/", H5P_DEFAULT);
    for (int i = 0; i < 40; ++i) {
      const hid_t inner = H5Gcreate2(group, "g", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
      H5Gclose(group);
      group = inner;
    }
    H5Gclose(group);
  });
}

TEST_CASE("an HDF5 file cannot claim more than it holds") {
  const Scratch scratch;
  const auto refused = [&](const auto& fill) {
    CHECK_THAT(weights_error(foreign(scratch / "claim.h5", fill)), Catch::Contains("a claim of"));
  };
  const hsize_t chunk = 1024;
  refused([&](hid_t file) { make_dataset(file, "w", H5T_IEEE_F32LE, {hsize_t{1} << 40}); });  // never written
  refused([&](hid_t file) {
    const Properties properties;
    H5Pset_chunk(properties.id, 1, &chunk);
    make_dataset(file, "w", H5T_IEEE_F64LE, {hsize_t{1} << 50}, properties.id);
  });
  refused([&](hid_t file) {  // one chunk of it is there
    const Properties properties;
    H5Pset_chunk(properties.id, 1, &chunk);
    H5Pset_deflate(properties.id, 9);
    make_dataset(file, "w", H5T_IEEE_F32LE, {hsize_t{1} << 40}, properties.id);
    const hid_t dataset = H5Dopen2(file, "w", H5P_DEFAULT), space = H5Dget_space(dataset);
    const hsize_t first = 0;
    H5Sselect_hyperslab(space, H5S_SELECT_SET, &first, nullptr, &chunk, nullptr);
    const hid_t memory = H5Screate_simple(1, &chunk, nullptr);
    H5Dwrite(dataset, H5T_NATIVE_FLOAT, memory, space, H5P_DEFAULT, ramp(chunk).data());
    H5Sclose(memory), H5Sclose(space), H5Dclose(dataset);
  });
}

TEST_CASE("what is no HDF5 file is named") {
  const Scratch scratch;
  write_bytes(scratch / "empty.h5", "");
  write_bytes(scratch / "text.h5", "these are not weights, whatever the name says");
  REQUIRE(::system(("mkfifo " + (scratch / "fifo.h5")).c_str()) == 0);
  CHECK_THAT(weights_error(scratch / "none.h5"), Catch::Contains("none.h5: found no such file, expected"));
  CHECK_THAT(weights_error(scratch / "empty.h5"), Catch::Contains("an empty file"));
  CHECK_THAT(weights_error(scratch / "text.h5"), Catch::Contains("no HDF5 signature"));
  CHECK_THAT(weights_error(scratch / "fifo.h5"), Catch::Contains("a FIFO"));
  CHECK_THAT(weights_error(scratch.folder()), Catch::Contains("a directory"));
  CHECK_THAT(weights_error("/dev/null"), Catch::Contains("a device"));
}

TEST_CASE("truncated and mutated HDF5 files end in values or in one error line, never in a crash or a hang") {
  const Scratch scratch;
  const std::string good = read_bytes(seed_file(scratch)), path = scratch / "bad.h5";
  int refused = 0, read = 0;
  CapturedStderr reports(scratch / "stderr");
  const auto attempt = [&](const std::string& bytes) {
    write_bytes(path, bytes);
    try {
      read_hdf5(path);
      ++read;
    } catch (const Error& error) {
      ++refused;
      INFO(error.what());
      CHECK(error.code == ExitCode::weights);
    }
  };
  for (size_t i = 1; i < 20; ++i) attempt(good.substr(0, good.size() * i / 20));
  CHECK(read == 0);
  for (uint64_t seed = 0; seed < 150; ++seed) attempt(mutated(good, seed));
  CHECK(refused > 40);
  CHECK(read > 10);
  if (const int crashes = crashes_in("H5", reports.text()))
    WARN("contained: libhdf5 crashed " << crashes << " times");
}

TEST_CASE("HDF5 files written by h5py are read") {
  const std::string weights = golden_file("cnn14_w16/weights.h5");
  const std::string activations = golden_file("cnn14_w16/reference_train.h5");
  if (weights.empty() || activations.empty()) return;
  const H5File file = read_hdf5(weights);
  CHECK(file.tensors.size() == 84);
  CHECK(file.find("conv_block1.conv1.weight")->shape == std::vector<int64_t>{4, 1, 3, 3});
  CHECK(file.find("bn0.num_batches_tracked")->dtype == "i64");
  const H5File reference = read_hdf5(activations);
  CHECK(reference.find("float64/act/audioset_logits")->shape == std::vector<int64_t>{2, 527});
  CHECK(reference.find("float64/act/audioset_logits")->floats().size() == 2 * 527);
}
