# The libraries for other programs: find_package(limbic), limbic::engine, #include "engine/ops.h". Headers keep their
# paths below include/limbic.
include(CMakePackageConfigHelpers)
set(package ${CMAKE_INSTALL_LIBDIR}/cmake/limbic)
install(TARGETS limbic_kernels limbic_engine limbic_nets EXPORT limbic-targets
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT libraries)
foreach(folder kernels engine nets)
  install(DIRECTORY ${CMAKE_SOURCE_DIR}/${folder} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/limbic COMPONENT libraries
          FILES_MATCHING PATTERN "*.h")
endforeach()
install(EXPORT limbic-targets NAMESPACE limbic:: DESTINATION ${package} COMPONENT libraries)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/limbic-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_SOURCE_DIR}/tools/cmake/limbic-config.cmake ${CMAKE_BINARY_DIR}/limbic-config-version.cmake
        DESTINATION ${package} COMPONENT libraries)
