# Sourced by gpu_check.sh and gpu_train.sh: how both build for a GPU, with CUDA, CMake, a C++ compiler and five libraries'
# headers; where those are not installed, the ones that `tools/gpu_check.sh --pack` left in build/gpu_headers.
headers=build/gpu_headers
build=${LIMBIC_GPU_BUILD:-build/gpu}
export PATH="$PATH:/usr/local/cuda/bin"
options=(-DLIMBIC_IO=OFF -DLIMBIC_CUDA=on "-DLIMBIC_CUDA_ONLY=${LIMBIC_GPU_ARCHITECTURE:-native}" -DCMAKE_BUILD_TYPE=Release)
if [ -d $headers ]; then
  options+=("-DCMAKE_PREFIX_PATH=$PWD/$headers" "-DCMAKE_CXX_FLAGS=-isystem $PWD/$headers/include")
fi
