#!/bin/sh
# install.sh ROOT PREFIX BUILD: installs a build into a new PREFIX, which is not the one that it was
# configured for. If BUILD is "shared", one that is made here, with a shared library.
root=$1
prefix=$2
build=$3
rm -rf "$prefix"
mkdir -p "$prefix" || exit 1
log=$prefix/log
if [ "$build" = shared ]; then
    build=$prefix-build
    cmake -S "$root" -B "$build" -G Ninja -DCMAKE_INSTALL_PREFIX=/usr -DBUILD_SHARED_LIBS=ON \
        -DTROUPE_TESTS=OFF -DTROUPE_EXAMPLES=OFF -DTROUPE_BENCH=OFF >"$log" 2>&1 &&
        cmake --build "$build" -j 2 >>"$log" 2>&1
fi && cmake --install "$build" --prefix "$prefix" >>"$log" 2>&1 && exit
tail -n 40 "$log"
exit 1
