# How everything in this tree is compiled.

# Who names no build type gets a library worth measuring; a parent project decides for itself.
get_property(troupe_multi_config GLOBAL PROPERTY GENERATOR_IS_MULTI_CONFIG)
if(PROJECT_IS_TOP_LEVEL AND NOT troupe_multi_config AND NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "Build type" FORCE)
endif()

# Sanitizers hold for whole programs, so they are set for the folder, not for single targets.
# -O1 keeps them quick, the frame pointer keeps their stacks true.
if(TROUPE_SANITIZE)
    add_compile_options(-fsanitize=${TROUPE_SANITIZE} -fno-sanitize-recover=all
                        -fno-omit-frame-pointer -O1)
    add_link_options(-fsanitize=${TROUPE_SANITIZE})
endif()

# libFuzzer sees which branches an input took in whatever was compiled so.
if(TROUPE_LIBFUZZER)
    add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# Counters are shared by all threads, and by all processes of a test when they end.
if(TROUPE_COVERAGE)
    add_compile_options(--coverage -fprofile-update=atomic)
    add_link_options(--coverage)
endif()

# C11 without extensions, with every warning that has paid for itself.
function(troupe_compile target)
    set_target_properties(${target} PROPERTIES
        C_STANDARD 11 C_STANDARD_REQUIRED ON C_EXTENSIONS OFF)
    target_compile_options(${target} PRIVATE
        -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes
        -Wwrite-strings -Wcast-qual -Wvla
        # a field list that is written by hand may leave the last members out: they are zero then
        -Wno-missing-field-initializers $<$<BOOL:${TROUPE_WERROR}>:-Werror>
        # two neighbouring fields that were just written one by one must not be read as one: the
        # processor would wait for both stores, 5 ns each time, which is a quarter of a message
        -fno-tree-slp-vectorize
        # reports name places as in the tree, not as on the machine that built it
        "-fmacro-prefix-map=${PROJECT_SOURCE_DIR}/=")
endfunction()

# troupe_room(<room> [libraries...]): the objects of one room, listed in troupe_core_objects or
# troupe_transport_objects.
function(troupe_room room)
    file(GLOB sources CONFIGURE_DEPENDS "${room}/*.[ch]")
    list(FILTER sources EXCLUDE REGEX "/transport/launch\\.c$") # a program of its own
    if(NOT sources MATCHES "\\.c(;|$)")
        return() # a room of headers compiles to nothing
    endif()
    set(target troupe_room_${room})
    add_library(${target} OBJECT ${sources})
    troupe_compile(${target})
    set_target_properties(${target} PROPERTIES
        C_VISIBILITY_PRESET hidden
        POSITION_INDEPENDENT_CODE ON) # in archives too: they may end in somebody's plug-in
    target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}"
                                                 "${PROJECT_SOURCE_DIR}/include")
    target_compile_definitions(${target} PRIVATE
        _GNU_SOURCE
        TROUPE_LAUNCHER="${CMAKE_INSTALL_FULL_LIBEXECDIR}/troupe/troupe-launch")
    target_link_libraries(${target} PRIVATE ${ARGN})
    if(room STREQUAL "transport")
        set(list troupe_transport_objects)
    else()
        set(list troupe_core_objects)
    endif()
    set(${list} ${${list}} $<TARGET_OBJECTS:${target}> PARENT_SCOPE)
endfunction()

# troupe_library(<target> [libraries...]): what is common to the libraries that users link.
function(troupe_library target)
    # Before 1.0 a minor version may change the interface, so it is part of the soname.
    set_target_properties(${target} PROPERTIES
        VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}
        LINKER_LANGUAGE C)
    target_include_directories(${target} PUBLIC
        "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>"
        "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")
    target_link_libraries(${target} PRIVATE ${ARGN})
    if(NOT TROUPE_SANITIZE) # a sanitizer's own names are found only in the program
        target_link_options(${target} PRIVATE -Wl,--no-undefined)
    endif()
endfunction()
