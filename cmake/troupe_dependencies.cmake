# What Troupe links. Also installed beside the package's configuration: whoever links the archives
# has to find the same libraries again.

# troupe_find_dependencies(<transport> <msgpack> <missing>): sets <msgpack> to the target of
# msgpack-c, and <missing> to the names of what was not found.
function(troupe_find_dependencies transport msgpack missing)
    set(not_found "")
    set(CMAKE_THREAD_PREFER_PTHREAD ON)
    set(THREADS_PREFER_PTHREAD_FLAG ON)
    find_package(Threads QUIET)
    if(NOT TARGET Threads::Threads)
        list(APPEND not_found pthreads)
    endif()

    # Debian's msgpack-c 4 calls its target msgpackc; since version 6 upstream says msgpack-c.
    find_package(msgpack CONFIG QUIET)
    if(NOT TARGET msgpackc)
        find_package(msgpack-c CONFIG QUIET)
    endif()
    if(TARGET msgpackc)
        set(${msgpack} msgpackc PARENT_SCOPE)
    elseif(TARGET msgpack-c)
        set(${msgpack} msgpack-c PARENT_SCOPE)
    else()
        list(APPEND not_found msgpack-c)
    endif()

    if(transport)
        find_package(nng CONFIG QUIET)
        if(NOT TARGET nng::nng)
            list(APPEND not_found nng)
        endif()
        find_package(PkgConfig QUIET)
        if(PKG_CONFIG_FOUND)
            pkg_check_modules(TROUPE_SODIUM QUIET IMPORTED_TARGET libsodium)
        endif()
        if(NOT TARGET PkgConfig::TROUPE_SODIUM)
            list(APPEND not_found libsodium)
        endif()
        # It is what nng has its own TLS by, so it is there with nng on Debian. No package file.
        find_library(TROUPE_MBEDTLS mbedtls)
        find_library(TROUPE_MBEDX509 mbedx509)
        find_library(TROUPE_MBEDCRYPTO mbedcrypto)
        if(NOT TROUPE_MBEDTLS OR NOT TROUPE_MBEDX509 OR NOT TROUPE_MBEDCRYPTO)
            list(APPEND not_found mbedTLS)
        elseif(NOT TARGET troupe_mbedtls)
            add_library(troupe_mbedtls INTERFACE IMPORTED)
            set_target_properties(troupe_mbedtls PROPERTIES INTERFACE_LINK_LIBRARIES
                "${TROUPE_MBEDTLS};${TROUPE_MBEDX509};${TROUPE_MBEDCRYPTO}")
        endif()
    endif()
    list(JOIN not_found ", " not_found)
    set(${missing} "${not_found}" PARENT_SCOPE)
endfunction()

# troupe_find_symbols(<found>): sets <found> to the target of libdw, which names the callers of a
# failure, or to nothing.
function(troupe_find_symbols found)
    set(${found} "" PARENT_SCOPE)
    find_package(PkgConfig QUIET)
    if(PKG_CONFIG_FOUND)
        pkg_check_modules(TROUPE_DW QUIET IMPORTED_TARGET libdw)
    endif()
    if(TARGET PkgConfig::TROUPE_DW)
        set(${found} PkgConfig::TROUPE_DW PARENT_SCOPE)
    endif()
endfunction()
