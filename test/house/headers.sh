#!/bin/sh
# headers.sh ROOT: each public header compiles alone, as C11, C++11 and C++17, by every compiler here;
# and what it declares has C linkage.
. "$(dirname "$0")/common.sh"
cd "$1" || exit 1
status=0
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT

# compile HEADER COMPILER OPTION...: what a compiler says begins with file:line already.
compile() {
    compiler=$2
    echo "#include <troupe/${1##*/}>" >"$scratch/alone.c"
    echo 'typedef int troupe_not_empty;' >>"$scratch/alone.c"
    shift 2
    "$compiler" "$@" -Wall -Wextra -Wpedantic -Werror -Iinclude -fsyntax-only "$scratch/alone.c"
}

# seen_moves COMPILER OPTION...: the same with the macros that watch moves.
seen_moves() {
    [ ! -f include/troupe/moves.h ] || compile moves.h "$@" -DTROUPE_DEBUG_MOVES
}

# The functions of all headers in one C++ table: a name without C linkage comes out mangled.
linkage() {
    {
        for header in include/troupe/*.h; do echo "#include <troupe/${header##*/}>"; done
        echo 'extern void (*const table[])(void);'
        echo 'void (*const table[])(void) = {'
        ctags -o - --language-force=C --kinds-C=p -I TROUPE_API,TROUPE_CHECKED,TROUPE_PRINTF+ \
            include/troupe/*.h | awk '{ print "reinterpret_cast<void (*)(void)>(" $1 ")," }'
        echo 'nullptr};'
    } >"$scratch/table.cc"
    "$1" -std=c++17 -Iinclude -c -o "$scratch/table.o" "$scratch/table.cc" || return 1
    mangled=$(nm -u "$scratch/table.o" | awk '$2 ~ /^_Z/ { print $2 }' | c++filt)
    [ -z "$mangled" ] || echo "include/troupe:1: no extern \"C\" around: $mangled"
    [ -z "$mangled" ]
}

tried=0
for compiler in gcc clang; do
    command -v $compiler >/dev/null || continue
    tried=$((tried + 1))
    for header in include/troupe/*.h; do
        compile "$header" $compiler -std=c11 -x c || status=1
    done
    seen_moves $compiler -std=c11 -x c || status=1
done
for compiler in g++ clang++; do
    command -v $compiler >/dev/null || continue
    tried=$((tried + 1))
    for header in include/troupe/*.h; do
        compile "$header" $compiler -std=c++11 -x c++ || status=1
        compile "$header" $compiler -std=c++17 -x c++ || status=1
    done
    seen_moves $compiler -std=c++17 -x c++ || status=1
    linkage $compiler || status=1
done
if [ $tried -lt 2 ]; then
    echo "headers.sh:1: needs a C and a C++ compiler"
    status=1
fi
exit $status
