# What find_package(limbic) reads: targets limbic::kernels, limbic::engine, limbic::nets, and limbic::io where limbic was
# built with it.
include(CMakeFindDependencyMacro)
find_dependency(Threads)
if("@LIMBIC_CUDA@" STREQUAL "on")
  find_dependency(CUDAToolkit)
endif()
include(${CMAKE_CURRENT_LIST_DIR}/limbic-targets.cmake)
