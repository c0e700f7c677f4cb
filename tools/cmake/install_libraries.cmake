# The libraries for other programs: find_package(limbic), limbic::engine, #include "engine/ops.h". Headers keep their
# paths below include/limbic.
include(CMakePackageConfigHelpers)
set(package ${CMAKE_INSTALL_LIBDIR}/cmake/limbic)
set(libraries kernels engine nets)
if(LIMBIC_IO)
  list(APPEND libraries io)
  install(TARGETS limbic_reader limbic_reader_yunet limbic_reader_hdf5 RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT libraries)  # limbic_io runs them
endif()
list(TRANSFORM libraries PREPEND limbic_ OUTPUT_VARIABLE targets)
install(TARGETS ${targets} EXPORT limbic-targets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT libraries)
foreach(folder ${libraries})
  install(DIRECTORY ${CMAKE_SOURCE_DIR}/${folder} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/limbic COMPONENT libraries
          FILES_MATCHING PATTERN "*.h")
endforeach()
install(EXPORT limbic-targets NAMESPACE limbic:: DESTINATION ${package} COMPONENT libraries)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/limbic-config-version.cmake COMPATIBILITY SameMinorVersion)
configure_file(${CMAKE_SOURCE_DIR}/tools/cmake/limbic-config.cmake ${CMAKE_BINARY_DIR}/limbic-config.cmake @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/limbic-config.cmake ${CMAKE_BINARY_DIR}/limbic-config-version.cmake
        DESTINATION ${package} COMPONENT libraries)
