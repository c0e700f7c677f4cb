#!/usr/bin/env bash
# Sets up, builds and runs all tests:  tools/test.sh [release|debug|asan|tsan]
set -euo pipefail
cd "$(dirname "$0")/.."
preset=${1:-release}
tools/setup.sh
# A plain build has the tests of the CUDA kernels under the sanitizers too; a sanitized one is one of them.
sanitized=OFF
[ "$preset" != release ] || sanitized=ON
cmake --preset "$preset" -DLIMBIC_TESTS=ON -DLIMBIC_EMU_SANITIZED=$sanitized
cmake --build --preset "$preset"
# UBSan, TSan and ASan stop the process at the first report, and a test that stops has failed.
ctest --preset "$preset" --no-tests=error --parallel "$(nproc)"
# ctest hides what passing tests print; what they could not check here has to be seen.
log=build/$preset/Testing/Temporary/LastTest.log
echo "skipped checks: $(grep -c '^ *skipped: ' "$log" || true)"
grep '^ *skipped: ' "$log" | sort | uniq -c || true

# The CUDA kernels: no warning from nvcc, where there is one.
if [ "$preset" = release ]; then
  export PATH="$PATH:/usr/local/cuda/bin"
  if command -v nvcc >/dev/null; then
    cmake --preset cuda -DLIMBIC_IO=OFF -DLIMBIC_TESTS=ON
    cmake --build --preset cuda --target limbic_kernels_cuda limbic_kernels_cuda_ampere limbic_kernels_cuda_hopper limbic_ptx_kernels_cuda
    targets=$(cmake --build --preset cuda --target help)
    if grep -q '^test_vendor:' <<< "$targets"; then  # cuDNN is here
      cmake --build --preset cuda --target test_vendor && build/cuda/tests/test_vendor
    fi
  else
    echo "tools/test.sh: no CUDA toolkit here; the kernels were compiled for the emulator, not for a GPU" >&2
  fi
fi
