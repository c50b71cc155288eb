#!/bin/sh
# memory.sh ROOT: for each function and behaviour of the public headers there is a test of what it
# does without memory, named by it: Test(oom, NAME) if it takes some, else Test(takes_nothing, NAME).
# And no such test is named by what is not there.
. "$(dirname "$0")/common.sh"
cd "$1" || exit 1
status=0

# public: "file:line:name" of all that can be called, or run as an actor.
public() {
    find include -name '*.h' | sort | ctags -L - -o - --language-force=C --kinds-C=pfx \
        --fields=knt --sort=no -I TROUPE_API,TROUPE_CHECKED,TROUPE_PRINTF+ |
        awk -F '\t' '$4 == "x" && !/typeref:typename:const troupe_behaviour/ { next }
            { match($0, /line:[0-9]+/); print $2 ":" substr($0, RSTART + 5, RLENGTH - 5) ":" $1 }'
}

# tests: "file:line:name" of those that are named by a function.
tests() {
    c_files test | xargs -r grep -nE '^Test\((oom|takes_nothing), troupe_[a-z0-9_]+[,)]' /dev/null |
        sed -E 's/:Test\([a-z_]+, ([a-z0-9_]+)[,)].*/:\1/'
}

# missing A B WHAT: those of A whose name is not in B.
missing() {
    for found in $1; do
        if ! echo "$2" | grep -q ":${found##*:}\$"; then
            echo "${found%:*}: ${found##*:} $3"
            status=1
        fi
    done
}

functions=$(public)
held=$(tests)
missing "$functions" "$held" 'has no test of what it does without memory'
missing "$held" "$functions" 'is tested without memory, but not public'
exit $status
