#!/bin/sh
# package.sh ROOT BUILD: installs a build into a folder of its own; then examples/first.c must build
# and run against that by find_package, by pkg-config, and against the sources by add_subdirectory.
root=$1
build=$2
. "$(dirname "$0")/common.sh"
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit 1

fail() {
    echo "package.sh:1: $*"
    cat log
    exit 1
}

# consumer NAME LINE: a project that gets troupe::troupe by that line of CMake.
consumer() {
    mkdir "$1"
    cat >"$1/CMakeLists.txt" <<END
cmake_minimum_required(VERSION 3.25)
project(consumer LANGUAGES C)
$2
add_executable(first $root/examples/first.c)
target_link_libraries(first PRIVATE troupe::troupe)
END
    cmake -S "$1" -B "$1/build" -G Ninja -DCMAKE_PREFIX_PATH="$scratch/prefix" >log 2>&1 &&
        cmake --build "$1/build" -j 2 >>log 2>&1 || fail "$1 does not build"
    program=$(find "$1/build" -name first -type f)
    "$program" >log 2>&1 || fail "$1 does not run"
}

cmake --install "$build" --prefix "$scratch/prefix" >log 2>&1 || fail "does not install"
consumer find_package 'find_package(troupe 0.1 REQUIRED)'
consumer add_subdirectory "add_subdirectory($root troupe)"

# The .pc file names the prefix of the configuration; a tree that was moved says its own.
packages=$(dirname "$(find prefix -name troupe.pc)")
flags=$(PKG_CONFIG_PATH=$packages pkg-config --define-variable=prefix="$scratch/prefix" \
    --cflags --libs troupe) || fail "pkg-config does not find troupe"
cc -std=c11 -o first "$root/examples/first.c" $flags >log 2>&1 ||
    fail "does not build with pkg-config's $flags"
LD_LIBRARY_PATH=$packages/.. ./first >log 2>&1 || fail "does not run with pkg-config's $flags"
