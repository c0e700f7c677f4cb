# What find_package(limbic) reads: targets limbic::kernels, limbic::engine, limbic::nets.
include(CMakeFindDependencyMacro)
find_dependency(Threads)
include(${CMAKE_CURRENT_LIST_DIR}/limbic-targets.cmake)
