// SPDX-License-Identifier: Apache-2.0
// cuBLASLt's product, with the bias in its epilogue: the fastest of the 32 algorithms that its heuristic proposes for a
// shape, measured on the first call and kept. `cublas` multiplies in f32, `cublas_tf32` may round to TF32.
#include "kernels/matmul/matmul.h"

#include <map>
#include <tuple>
#include <vector>

#include "kernels/vendor/library.h"
#include "kernels/vendor/rungs.h"

namespace limbic::vendor {
namespace {

using Compute = cublasComputeType_t;

/// Below this many multiply-adds a launch takes longer than its arithmetic: the heuristic's first choice is as good.
constexpr double worth_measuring = 1e7;

struct Pointers {
  const float *a, *b, *bias;
  float* c;
};

/// The problem in cuBLAS's terms. It thinks in columns, so that our row-major C = A B is its C' = B' A'.
class Product {
 public:
  Product(const MatmulDims& d, Compute compute, const Pointers& at) : at_(at) {
    matrix(&b_, d.trans_b ? d.K : d.N, d.trans_b ? d.N : d.K, d.batch);
    matrix(&a_, d.trans_a ? d.M : d.K, d.trans_a ? d.K : d.M, d.batch);
    matrix(&c_, d.N, d.M, d.batch);
    check("cublasLtMatmulDescInit", cublasLtMatmulDescInit(&product_, compute, CUDA_R_32F));
    set(CUBLASLT_MATMUL_DESC_TRANSA, d.trans_b ? CUBLAS_OP_T : CUBLAS_OP_N);
    set(CUBLASLT_MATMUL_DESC_TRANSB, d.trans_a ? CUBLAS_OP_T : CUBLAS_OP_N);
    if (at.bias) {
      set(CUBLASLT_MATMUL_DESC_EPILOGUE, CUBLASLT_EPILOGUE_BIAS);
      set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, at.bias);
    }
  }

  /// Best guess first; none where cuBLAS cannot.
  std::vector<cublasLtMatmulHeuristicResult_t> algorithms() {
    cublasLtMatmulPreferenceOpaque_t preference;
    check("cublasLtMatmulPreferenceInit", cublasLtMatmulPreferenceInit(&preference));
    const auto prefer = [&](cublasLtMatmulPreferenceAttributes_t name, auto value) {
      check("cublasLtMatmulPreferenceSetAttribute",
            cublasLtMatmulPreferenceSetAttribute(&preference, name, &value, sizeof value));
    };
    prefer(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, uint64_t{most_workspace});
    prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, uint32_t(alignment_of(at_.b)));
    prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, uint32_t(alignment_of(at_.a)));
    prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, uint32_t(alignment_of(at_.c)));
    prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, uint32_t(alignment_of(at_.c)));
    std::vector<cublasLtMatmulHeuristicResult_t> found(32);
    int count = 0;
    const cublasStatus_t status = cublasLtMatmulAlgoGetHeuristic(cublas(), &product_, &b_, &a_, &c_, &c_, &preference,
                                                                 int(found.size()), found.data(), &count);
    found.resize(status == CUBLAS_STATUS_SUCCESS ? size_t(count) : 0);
    std::erase_if(found, [](const auto& result) { return result.state != CUBLAS_STATUS_SUCCESS; });
    return found;
  }

  void run(const cublasLtMatmulHeuristicResult_t& how, Stream stream) {
    constexpr float one = 1, zero = 0;
    check("cublasLtMatmul", cublasLtMatmul(cublas(), &product_, &one, at_.b, &b_, at_.a, &a_, &zero, at_.c, &c_, at_.c,
                                           &c_, &how.algo, workspace(how.workspaceSize, stream), how.workspaceSize,
                                           static_cast<cudaStream_t>(stream.handle)));
  }

 private:
  using Matrix = cublasLtMatrixLayoutOpaque_t;

  static void matrix(Matrix* layout, int rows, int columns, int batch) {
    check("cublasLtMatrixLayoutInit",
          cublasLtMatrixLayoutInit(layout, CUDA_R_32F, uint64_t(rows), uint64_t(columns), rows));
    const int32_t count = batch;
    const int64_t distance = int64_t{rows} * columns;
    check("cublasLtMatrixLayoutSetAttribute",
          cublasLtMatrixLayoutSetAttribute(layout, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &count, sizeof count));
    check("cublasLtMatrixLayoutSetAttribute",
          cublasLtMatrixLayoutSetAttribute(layout, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, &distance,
                                           sizeof distance));
  }
  template <class T>
  void set(cublasLtMatmulDescAttributes_t name, T value) {
    check("cublasLtMatmulDescSetAttribute", cublasLtMatmulDescSetAttribute(&product_, name, &value, sizeof value));
  }

  Pointers at_;
  Matrix a_, b_, c_;
  cublasLtMatmulDescOpaque_t product_;
};

struct Shape {
  std::vector<cublasLtMatmulHeuristicResult_t> algorithms;  ///< the one in use first; empty: cuBLAS has none
  bool measured = false;
};

Shape& shape_of(const MatmulDims& d, Compute compute, const Pointers& at, Product& product) {
  using Key = std::tuple<Compute, int, int, int, bool, bool, int, bool, int, int, int, int>;
  static std::map<Key, Shape> shapes;
  const auto [place, is_new] =
      shapes.try_emplace({compute, d.M, d.N, d.K, d.trans_a, d.trans_b, d.batch, at.bias != nullptr, alignment_of(at.a),
                          alignment_of(at.b), alignment_of(at.bias), alignment_of(at.c)});
  if (is_new) place->second.algorithms = product.algorithms();
  return place->second;
}

/// Leaves the fastest.
void measure(Shape& shape, Product& product, Stream stream) {
  shape.measured = true;
  size_t fastest = 0;
  float least = 1e30f;
  for (size_t i = 0; i < shape.algorithms.size(); ++i) {
    const float ms = least_ms([&] { product.run(shape.algorithms[i], stream); }, stream);
    if (ms < least) least = ms, fastest = i;
  }
  shape.algorithms = {shape.algorithms[fastest]};
}

template <Compute compute>
bool supports(const MatmulDims& d) {
  if (d.M < 1 || d.N < 1 || d.K < 1 || d.batch < 1) return false;
  const std::lock_guard lock(one_at_a_time);
  float* const anywhere = reinterpret_cast<float*>(256);  // for its alignment: nothing is read there
  const Pointers at{anywhere, anywhere, anywhere, anywhere};
  Product product(d, compute, at);
  return !shape_of(d, compute, at, product).algorithms.empty();
}

template <Compute compute>
void multiply(const MatmulDims& d, const float* a, const float* b, const float* bias, float* c, float*, Stream stream) {
  const std::lock_guard lock(one_at_a_time);
  const Pointers at{a, b, bias, c};
  Product product(d, compute, at);
  Shape& shape = shape_of(d, compute, at, product);
  if (shape.algorithms.empty()) throw std::runtime_error("cublas: matmul: no algorithm for these addresses");
  if (!shape.measured && double(d.M) * d.N * d.K * d.batch >= worth_measuring) measure(shape, product, stream);
  product.run(shape.algorithms[0], stream);
}

}  // namespace

void add_matmul(VendorKernels& k) {
  k.matmul_fwd = {multiply<CUBLAS_COMPUTE_32F>, supports<CUBLAS_COMPUTE_32F>};
  k.matmul_fwd_tf32 = {multiply<CUBLAS_COMPUTE_32F_FAST_TF32>, supports<CUBLAS_COMPUTE_32F_FAST_TF32>};
}

}  // namespace limbic::vendor
