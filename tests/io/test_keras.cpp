// SPDX-License-Identifier: Apache-2.0
// Files as Keras 1 and 2 write them, made with libhdf5 itself.
#include <hdf5.h>

#include <catch2/catch.hpp>

#include "engine/error.h"
#include "io/weights.h"
#include "tests/io/foreign.h"
#include "tests/io/scratch.h"

using namespace limbic;

namespace {

/// A list of strings of fixed length, as h5py makes of a numpy array.
void put_names(hid_t object, const char* attribute, const std::vector<std::string>& names) {
  size_t width = 1;
  for (const auto& name : names) width = std::max(width, name.size());
  std::string cells;
  for (const auto& name : names) cells += name + std::string(width - name.size(), '\0');
  const hid_t type = H5Tcopy(H5T_C_S1);
  H5Tset_size(type, width);
  H5Tset_strpad(type, H5T_STR_NULLPAD);
  const hsize_t count = names.size();
  const hid_t space = H5Screate_simple(1, &count, nullptr);
  const hid_t id = H5Acreate2(object, attribute, type, space, H5P_DEFAULT, H5P_DEFAULT);
  H5Awrite(id, type, cells.data());
  H5Aclose(id), H5Sclose(space), H5Tclose(type);
}

void put_text(hid_t object, const char* attribute, const std::string& text) {
  const hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate(H5S_SCALAR);
  H5Tset_size(type, H5T_VARIABLE);
  const hid_t id = H5Acreate2(object, attribute, type, space, H5P_DEFAULT, H5P_DEFAULT);
  const char* pointer = text.c_str();
  H5Awrite(id, type, &pointer);
  H5Aclose(id), H5Sclose(space), H5Tclose(type);
}

void put_values(hid_t parent, const std::string& path, std::vector<hsize_t> shape, const std::vector<float>& values) {
  const hid_t links = H5Pcreate(H5P_LINK_CREATE);
  H5Pset_create_intermediate_group(links, 1);
  const hid_t space = H5Screate_simple(static_cast<int>(shape.size()), shape.data(), nullptr);
  const hid_t id = H5Dcreate2(parent, path.c_str(), H5T_IEEE_F32LE, space, links, H5P_DEFAULT, H5P_DEFAULT);
  H5Dwrite(id, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data());
  H5Dclose(id), H5Sclose(space), H5Pclose(links);
}

/// conv2d_7, layers without weights, and a model inside the model.
void put_layers(hid_t root) {
  put_names(root, "layer_names", {"conv2d_7", "pool", "flatten", "inner"});
  put_text(root, "backend", "tensorflow");
  put_text(root, "keras_version", "2.9.0");
  const hid_t conv = H5Gcreate2(root, "conv2d_7", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  put_names(conv, "weight_names", {"conv2d_7/kernel:0", "conv2d_7/bias:0"});
  put_values(conv, "conv2d_7/kernel:0", {1, 1, 2, 3}, {1, 2, 3, 4, 5, 6});
  put_values(conv, "conv2d_7/bias:0", {3}, {7, 8, 9});
  H5Gclose(conv);
  const hid_t pool = H5Gcreate2(root, "pool", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  const hsize_t nothing = 0;  // numpy makes f64 of an empty list
  const hid_t empty = H5Screate_simple(1, &nothing, nullptr);
  H5Aclose(H5Acreate2(pool, "weight_names", H5T_IEEE_F64LE, empty, H5P_DEFAULT, H5P_DEFAULT));
  H5Sclose(empty), H5Gclose(pool);
  const hid_t inner = H5Gcreate2(root, "inner", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  put_names(inner, "weight_names", {"dense/kernel:0"});
  put_values(inner, "dense/kernel:0", {1}, {0.5f});
  H5Gclose(inner);
}

enum class Kind { weights, model, missing, lambda, deep, none };

std::string keras_file(const Scratch& scratch, Kind kind) {
  const std::string path = scratch / "keras.h5";
  const hid_t file = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  if (kind == Kind::weights) {
    put_layers(file);
  } else if (kind == Kind::none) {
    put_names(file, "layer_names", {"dense"});
  } else {
    const hid_t root = H5Gcreate2(file, "model_weights", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    put_layers(root);
    if (kind == Kind::missing) H5Ldelete(root, "conv2d_7/conv2d_7/bias:0", H5P_DEFAULT);
    H5Gclose(root);
    const std::string layer = kind == Kind::lambda ? "Lambda" : "Conv2D";
    const std::string config = R"({"class_name":"Sequential","config":{"layers":[{"class_name":")" + layer + "\"}]}}";
    put_text(file, "model_config", kind == Kind::deep ? std::string(1000, '[') : config);
    put_values(file, "optimizer_weights/Adam/iteration:0", {1}, {3});
  }
  H5Fclose(file);
  return path;
}

}  // namespace

TEST_CASE("Keras weights and whole models give the same tensors, in the order of the layers") {
  const Scratch scratch;
  for (const Kind kind : {Kind::weights, Kind::model}) {
    const WeightFile file = read_weights(keras_file(scratch, kind));
    CHECK(file.format == "keras");
    CHECK(file.card.layout == "keras");
    CHECK(file.card.attributes.at("keras_version") == "2.9.0");
    REQUIRE(file.tensors.size() == 3);
    CHECK(file.tensors[0].name == "conv2d_7/kernel:0");
    CHECK(file.tensors[0].shape == std::vector<int64_t>{1, 1, 2, 3});
    CHECK(file.tensors[0].values == std::vector<float>{1, 2, 3, 4, 5, 6});
    CHECK(file.tensors[1].name == "conv2d_7/bias:0");
    CHECK(file.tensors[2].name == "inner/dense/kernel:0");
  }
}

TEST_CASE("a converted Keras file keeps its names, values and layout") {
  const Scratch scratch;
  const WeightFile file = read_weights(keras_file(scratch, Kind::model));
  write_weights_hdf5(scratch / "ours.h5", file);
  const WeightFile ours = read_weights(scratch / "ours.h5");
  CHECK(ours.format == "hdf5");
  CHECK(ours.card.layout == "keras");
  CHECK(content_sha256(ours) == content_sha256(file));
}

TEST_CASE("a Keras file with a weight missing, or with code in it, is refused") {
  const Scratch scratch;
  const auto refusal = [&](Kind kind) {
    const std::string path = keras_file(scratch, kind);
    return error_of(ExitCode::weights, [&] { read_weights(path); });
  };
  CHECK(refusal(Kind::missing).find("conv2d_7: weight conv2d_7/bias:0 is missing") != std::string::npos);
  CHECK(refusal(Kind::lambda).find("Lambda") != std::string::npos);
  CHECK(refusal(Kind::deep).find("nested deeper than 200") != std::string::npos);
  CHECK(refusal(Kind::none).find("without weights") != std::string::npos);
}
