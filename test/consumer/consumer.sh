#!/bin/sh
# consumer.sh ROOT PREFIX KIND: whether somebody else's project can use Troupe in one way, from C and
# from C++: it builds, runs, and prints what the first program prints.
#
#   find_package, pkg_config   the installation in PREFIX, archives or a shared library
#   add_subdirectory           the sources
#   fetch_content              the sources, as a shared library and without the transport
root=$1
prefix=$2
kind=$3
here=$root/test/consumer
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit 1

fail() {
    echo "consumer.sh: $kind: $*"
    [ ! -f log ] || tail -n 40 log
    exit 1
}

# prints PROGRAM: it runs and prints what it should.
prints() {
    sh "$root/test/expect.sh" "$root/examples/first.expected" "$1" >log 2>&1 ||
        fail "$(basename "$1") does not run"
}

# by_cmake OPTION...: the project of this kind.
by_cmake() {
    mkdir programs
    cp "$root/examples/first.c" "$here/first.cc" programs || exit 1
    cmake -S "$here/$kind" -B build -G Ninja -DPROGRAMS="$scratch/programs" "$@" >log 2>&1 &&
        cmake --build build -j 2 >>log 2>&1 || fail "does not build"
    for name in first first_cxx; do prints "$(find build -name $name -type f)"; done
}

# by_pkg_config OPTION...: what a Makefile would do.
by_pkg_config() {
    flags=$(pkg-config "$@" --cflags --libs troupe) || fail "pkg-config $* does not find troupe"
    cc -std=c11 -o first "$root/examples/first.c" $flags >log 2>&1 &&
        c++ -std=c++11 -o first_cxx "$here/first.cc" $flags >>log 2>&1 ||
        fail "does not build with $flags"
    for name in first first_cxx; do prints ./$name; done
}

case $kind in
find_package) by_cmake -DCMAKE_PREFIX_PATH="$prefix" ;;
add_subdirectory) by_cmake -DTROUPE_SOURCES="$root" ;;
fetch_content)
    by_cmake -DTROUPE_SOURCES="$root" -DTROUPE_TRANSPORT=OFF -DBUILD_SHARED_LIBS=ON
    ;;
pkg_config)
    # Its .pc file is found by its path, and knows the rest.
    packages=$(dirname "$(find "$prefix" -name troupe.pc)")
    PKG_CONFIG_PATH=$packages
    LD_LIBRARY_PATH=$packages/..
    export PKG_CONFIG_PATH LD_LIBRARY_PATH
    by_pkg_config
    by_pkg_config --static
    ;;
*) fail "no such kind" ;;
esac
