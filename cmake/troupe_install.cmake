# Install rules: the libraries, include/troupe, the launcher, and how CMake and pkg-config find them.
include(CMakePackageConfigHelpers)

set(troupe_package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/troupe")
set(troupe_installed troupe)
if(TROUPE_TRANSPORT)
    list(APPEND troupe_installed troupe_transport)
    install(TARGETS troupe-launch RUNTIME DESTINATION "${CMAKE_INSTALL_LIBEXECDIR}/troupe")
endif()
install(TARGETS ${troupe_installed} EXPORT troupe_targets
    LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}"
    ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}")
install(DIRECTORY include/troupe DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
    FILES_MATCHING PATTERN "*.h")
install(EXPORT troupe_targets NAMESPACE troupe:: FILE troupe-targets.cmake
    DESTINATION "${troupe_package_dir}")

configure_package_config_file(cmake/troupe-config.cmake.in troupe-config.cmake
    INSTALL_DESTINATION "${troupe_package_dir}"
    NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(troupe-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES
    "${CMAKE_CURRENT_BINARY_DIR}/troupe-config.cmake"
    "${CMAKE_CURRENT_BINARY_DIR}/troupe-config-version.cmake"
    cmake/troupe_dependencies.cmake
    DESTINATION "${troupe_package_dir}")

# pkg-config. Who links archives links what they need as well; a shared library brings it along.
set(troupe_pc_requires msgpack)
if(troupe_msgpack STREQUAL "msgpack-c")
    set(troupe_pc_requires msgpack-c)
endif()
set(troupe_pc_libs "-ltroupe")
set(troupe_pc_libs_private "-pthread")
if(TROUPE_TRANSPORT)
    string(APPEND troupe_pc_requires ", libsodium, libisal")
    string(PREPEND troupe_pc_libs_private "-lnng -lmbedtls -lmbedx509 -lmbedcrypto ")
endif()
if(troupe_callers_needs)
    string(APPEND troupe_pc_requires ", libdw")
endif()
if(BUILD_SHARED_LIBS)
    set(troupe_pc_private ".private")
else()
    if(TROUPE_TRANSPORT)
        string(PREPEND troupe_pc_libs "-ltroupe_transport ")
    endif()
    string(APPEND troupe_pc_libs " ${troupe_pc_libs_private}")
    set(troupe_pc_libs_private "")
    set(troupe_pc_private "")
endif()
# The prefix is where this file is, so that an installation can be moved.
set(troupe_pc_dir "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
set(troupe_pc_prefix "${CMAKE_INSTALL_PREFIX}")
if(NOT IS_ABSOLUTE "${troupe_pc_dir}")
    file(RELATIVE_PATH troupe_pc_prefix "/${troupe_pc_dir}" "/")
    string(REGEX REPLACE "/$" "" troupe_pc_prefix "\${pcfiledir}/${troupe_pc_prefix}")
endif()
configure_file(cmake/troupe.pc.in troupe.pc @ONLY)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/troupe.pc"
    DESTINATION "${troupe_pc_dir}")
