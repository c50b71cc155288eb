#!/bin/sh
# names.sh ROOT: whether the explorer's atomics are those of base/atomic.h, all of them.
cd "$1" || exit 1
names() {
    sed -nE "$1" "$2" | sort
}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
names 's/^static inline [a-z0-9_]+ (tr_[a-z0-9_]+)\(.*/\1/p' base/atomic.h >"$work/real"
names 's/^#define (tr_[a-z0-9_]+)\(.*/\1/p' test/explore/replace/base/atomic.h >"$work/replaced"
diff "$work/real" "$work/replaced"
