# Sourced by gpu_check.sh and gpu_train.sh: how both build for a GPU, with CUDA, CMake, a C++ compiler and five libraries'
# headers; where those are not installed, the ones that `tools/gpu_check.sh --pack` left in build/gpu_headers.
headers=build/gpu_headers
build=${LIMBIC_GPU_BUILD:-build/gpu}
export PATH="$PATH:/usr/local/cuda/bin"
options=(-DLIMBIC_IO=OFF -DLIMBIC_CUDA=on "-DLIMBIC_CUDA_ONLY=${LIMBIC_GPU_ARCHITECTURE:-native}" -DCMAKE_BUILD_TYPE=Release)
if [ -d $headers ]; then
  options+=("-DCMAKE_PREFIX_PATH=$PWD/$headers" "-DCMAKE_CXX_FLAGS=-isystem $PWD/$headers/include")
fi
# end_without_gpu LOG: one line and exit code 6 where LOG is of a CMake that found no GPU to build for.
end_without_gpu() {
  grep -q 'no GPU was detected' "$1" || return 0
  echo "$(basename "$0" .sh): no NVIDIA GPU here; LIMBIC_GPU_ARCHITECTURE=90 builds for one that is elsewhere" >&2
  exit 6
}
