// SPDX-License-Identifier: Apache-2.0
#include "kernels/vendor/plans.h"

namespace limbic::vendor {

Descriptor::Descriptor(cudnnBackendDescriptorType_t kind) {
  check("cudnnBackendCreateDescriptor", cudnnBackendCreateDescriptor(kind, &raw_));
}

Descriptor::~Descriptor() {
  if (raw_) cudnnBackendDestroyDescriptor(raw_);
}

Descriptor& Descriptor::set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, int64_t count,
                            const void* values) {
  check("cudnnBackendSetAttribute", cudnnBackendSetAttribute(raw_, name, type, count, values));
  return *this;
}

Descriptor& Descriptor::finalize() {
  check("cudnnBackendFinalize", cudnnBackendFinalize(raw_));
  return *this;
}

bool Descriptor::try_finalize() { return cudnnBackendFinalize(raw_) == CUDNN_STATUS_SUCCESS; }

int64_t Descriptor::number(cudnnBackendAttributeName_t name) const {
  int64_t value = 0, count = 0;
  check("cudnnBackendGetAttribute", cudnnBackendGetAttribute(raw_, name, CUDNN_TYPE_INT64, 1, &count, &value));
  return value;
}

Target::Target(const std::string& description) : device_(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR) {
  device_->set(CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, CUDNN_TYPE_CHAR, static_cast<int64_t>(description.size()),
               description.data());
  device_->finalize();
}

void Target::name_in_graph(Descriptor& graph) const {
  if (!device_) graph.set(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE, 1, &handle_);
}

void Target::name_in_plan(Descriptor& plan) const {
  if (!device_) plan.set(CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE, 1, &handle_);
  name_in(plan, CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP);
}

void Target::name_in(Descriptor& descriptor, cudnnBackendAttributeName_t name) const {
  if (device_) descriptor.set(name, *device_);
}

void Plan::run(cudnnHandle_t handle, const std::array<int64_t, 3>& ids, const std::array<const void*, 3>& at,
               void* work) const {
  Descriptor pack(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
  pack.set(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, ids)
      .set(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, 3, at.data())
      .set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, 1, &work)
      .finalize();
  check("cudnnBackendExecute", cudnnBackendExecute(handle, plan.raw(), pack.raw()));
}

Descriptor tensor(int64_t id, cudnnDataType_t type, const std::array<int64_t, 4>& dims,
                  const std::array<int64_t, 4>& strides, int alignment, bool is_virtual) {
  Descriptor made(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  made.set(CUDNN_ATTR_TENSOR_UNIQUE_ID, id)
      .set(CUDNN_ATTR_TENSOR_DATA_TYPE, type)
      .set(CUDNN_ATTR_TENSOR_DIMENSIONS, dims)
      .set(CUDNN_ATTR_TENSOR_STRIDES, strides)
      .set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, static_cast<int64_t>(alignment))
      .set(CUDNN_ATTR_TENSOR_IS_VIRTUAL, CUDNN_TYPE_BOOLEAN, 1, &is_virtual)
      .finalize();
  return made;
}

Descriptor conversion(const Descriptor& x, const Descriptor& y) {
  const cudnnPointwiseMode_t identity = CUDNN_POINTWISE_IDENTITY;
  Descriptor pointwise(CUDNN_BACKEND_POINTWISE_DESCRIPTOR);
  pointwise.set(CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE, 1, &identity)
      .set(CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_DATA_FLOAT)
      .finalize();
  Descriptor operation(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
  operation.set(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, pointwise)
      .set(CUDNN_ATTR_OPERATION_POINTWISE_XDESC, x)
      .set(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, y)
      .finalize();
  return operation;
}

Descriptor graph_of(std::initializer_list<const Descriptor*> operations, const Target& target) {
  std::vector<cudnnBackendDescriptor_t> raw;
  for (const Descriptor* const operation : operations) raw.push_back(operation->raw());
  Descriptor graph(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
  graph.set(CUDNN_ATTR_OPERATIONGRAPH_OPS, CUDNN_TYPE_BACKEND_DESCRIPTOR, static_cast<int64_t>(raw.size()), raw.data());
  target.name_in_graph(graph);
  graph.finalize();
  return graph;
}

namespace {

/// May `engine` multiply so? PyTorch asks the same notes before it takes a plan.
bool allowed(cudnnBackendDescriptor_t engine, Arithmetic arithmetic) {
  cudnnBackendNumericalNote_t notes[CUDNN_NUMERICAL_NOTE_TYPE_COUNT] = {};
  int64_t count = 0;
  if (cudnnBackendGetAttribute(engine, CUDNN_ATTR_ENGINE_NUMERICAL_NOTE, CUDNN_TYPE_NUMERICAL_NOTE,
                               CUDNN_NUMERICAL_NOTE_TYPE_COUNT, &count, notes) != CUDNN_STATUS_SUCCESS)
    return false;
  for (int64_t i = 0; i < count; ++i) {
    switch (notes[i]) {
      case CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS:
      case CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION:
      case CUDNN_NUMERICAL_NOTE_FFT:
      case CUDNN_NUMERICAL_NOTE_WINOGRAD:
      case CUDNN_NUMERICAL_NOTE_WINOGRAD_TILE_4x4:
      case CUDNN_NUMERICAL_NOTE_WINOGRAD_TILE_6x6:
      case CUDNN_NUMERICAL_NOTE_WINOGRAD_TILE_13x13:
        return false;
      case CUDNN_NUMERICAL_NOTE_TENSOR_CORE:
        if (arithmetic == Arithmetic::f32) return false;
        break;
      default:  // atomics are allowed: a yardstick need not give the same bits twice
        break;
    }
  }
  return true;
}

/// What one of the heuristics proposes; nothing where the library has none for the graph.
std::vector<Descriptor> proposals(const Descriptor& graph, const Target& target, cudnnBackendHeurMode_t mode) {
  Descriptor heuristic(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
  heuristic.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph);
  heuristic.set(CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, 1, &mode);
  target.name_in(heuristic, CUDNN_ATTR_ENGINEHEUR_DEVICEPROP);
  int64_t count = 0;
  if (!heuristic.try_finalize() ||
      cudnnBackendGetAttribute(heuristic.raw(), CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR, 0, &count,
                               nullptr) != CUDNN_STATUS_SUCCESS)
    return {};
  std::vector<Descriptor> configs;
  std::vector<cudnnBackendDescriptor_t> raw;
  for (int64_t i = 0; i < count; ++i) raw.push_back(configs.emplace_back(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR).raw());
  check("cudnnBackendGetAttribute", cudnnBackendGetAttribute(heuristic.raw(), CUDNN_ATTR_ENGINEHEUR_RESULTS,
                                                             CUDNN_TYPE_BACKEND_DESCRIPTOR, count, &count, raw.data()));
  configs.erase(configs.begin() + count, configs.end());
  return configs;
}

}  // namespace

std::vector<Descriptor> configurations(const Descriptor& graph, const Target& target, Arithmetic arithmetic) {
  std::vector<Descriptor> all;
  for (const cudnnBackendHeurMode_t mode : {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_B, CUDNN_HEUR_MODE_FALLBACK}) {
    for (Descriptor& config : proposals(graph, target, mode)) {
      Descriptor engine(CUDNN_BACKEND_ENGINE_DESCRIPTOR);
      cudnnBackendDescriptor_t raw = engine.raw();
      int64_t count = 0;
      check("cudnnBackendGetAttribute", cudnnBackendGetAttribute(config.raw(), CUDNN_ATTR_ENGINECFG_ENGINE,
                                                                 CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &count, &raw));
      if (allowed(raw, arithmetic)) all.push_back(std::move(config));
    }
  }
  const int64_t engines = graph.number(CUDNN_ATTR_OPERATIONGRAPH_ENGINE_GLOBAL_COUNT);
  for (int64_t index = 0; index < engines; ++index) {
    Descriptor engine(CUDNN_BACKEND_ENGINE_DESCRIPTOR);
    engine.set(CUDNN_ATTR_ENGINE_OPERATION_GRAPH, graph).set(CUDNN_ATTR_ENGINE_GLOBAL_INDEX, index);
    target.name_in(engine, CUDNN_ATTR_ENGINE_DEVICEPROP);
    if (!engine.try_finalize() || !allowed(engine.raw(), arithmetic)) continue;
    Descriptor config(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR);
    config.set(CUDNN_ATTR_ENGINECFG_ENGINE, engine);
    if (config.try_finalize()) all.push_back(std::move(config));
  }
  return all;
}

std::optional<Plan> plan_of(Descriptor config, const Target& target) {
  Descriptor plan(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
  plan.set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, config);
  target.name_in_plan(plan);
  if (!plan.try_finalize()) return std::nullopt;
  const int64_t bytes = plan.number(CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE);
  if (bytes > most_workspace) return std::nullopt;
  return Plan{std::move(config), std::move(plan), bytes};
}

}  // namespace limbic::vendor
