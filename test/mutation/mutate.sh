#!/bin/sh
# mutate.sh [-j JOBS] ROOT [NAME...]: whether the tests would notice. Each mutation in the file
# `mutations`, or only those that are named, spoils a real source, in a copy of the tree; then the
# suite named there must fail. A mutation that survives is a failure, and so is one that changes
# nothing, since the source has moved on. A suite that hangs has noticed, too: a test that would
# wait for ever where a message is lost is a test that fails.
#
# It takes an hour. A suite must pass before the first mutation that it is to notice, or it would
# catch everything; and from how long that took follows when it counts as hanging.
set -u
here=$(cd "$(dirname "$0")" && pwd)
jobs=2
if [ "${1-}" = -j ]; then
    jobs=$2
    shift 2
fi
root=$(cd "$1" && pwd) || exit 1
shift

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
cd "$work" || exit 1
for part in CMakeLists.txt CMakePresets.json cmake base mailbox serial actors transport include \
    test; do
    cp -R "$root/$part" . || exit 1
done

# Warnings are no errors: a spoilt function may not use all that it has. Functions and lines are all
# that a test wants of debug information; more takes time at each link.
if ! cmake --preset dev -DCMAKE_C_FLAGS_DEBUG=-g1 -DTROUPE_WERROR=OFF -DTROUPE_EXAMPLES=OFF \
    -DTROUPE_BENCH=OFF -DTROUPE_TOOLS=OFF -DTROUPE_INSTALL=OFF >log 2>&1; then
    cat log
    exit 1
fi
. "$here/table.sh"
table >chosen
if [ $# -gt 0 ]; then
    mv chosen known
    for name; do
        grep "^$name|" known || {
            echo "there is no mutation $name" >&2
            exit 1
        }
    done >chosen
fi

# build SUITE: makes what runs it.
build() {
    case $1 in
    stress:*) set -- "troupe_stress_${1#*:}" ;;
    transport:*) set -- troupe_test_transport troupe-launch ;;
    *) set -- "troupe_test_${1%%:*}" ;;
    esac
    cmake --build build/dev -j "$jobs" --target "$@" >log 2>&1 </dev/null
}

# run SUITE: fails if a test does.
run() {
    case $1 in
    stress:*) timeout -k 5 $limit "build/dev/bin/troupe_stress_${1#*:}" ;;
    *)
        timeout -k 5 $limit "build/dev/bin/troupe_test_${1%%:*}" "-j$jobs" --fail-fast --verbose \
            --color=never --filter "${1#*:}/*"
        ;;
    esac >log 2>&1 </dev/null
}

# Names the first test that failed; else those that had begun and did not end.
culprit() {
    awk '
    /^\[RUN \]/ { running[$3] = 1 }
    /^\[PASS\]/ { sub(/:$/, "", $2); delete running[$2] }
    /^\[FAIL\]/ && !failed { failed = $2; sub(/:$/, "", failed) }
    / violated: / && !failed { failed = $0; sub(/.*\//, "", failed) }
    END {
        if (failed) { print failed; exit }
        for (test in running) said = said " " test
        if (said) print "a hang in" said
    }' log
}

# prove SUITE: fails if it does not pass while nothing is spoilt. Sets $limit to the seconds after
# which it hangs.
prove() {
    limit=$(awk -v suite="$1" '$1 == suite { print $2 }' proved)
    [ -z "$limit" ] || return 0
    limit=300
    build "$1" || return 1
    began=$(date +%s)
    run "$1" || return 1
    ! grep -q 'Tested: 0 ' log || return 1
    limit=$((30 + 10 * ($(date +%s) - began)))
    echo "$1 $limit" >>proved
}

: >proved
caught=0
survived=0
while IFS='|' read -r name file suite what edit; do
    by=
    verdict=
    prove "$suite" || verdict="$suite DOES NOT PASS AS IT IS: $(culprit)"
    cp "$file" kept
    sed "$edit" kept >"$file"
    if [ -n "$verdict" ]; then
        : # it would catch anything
    elif cmp -s "$file" kept; then
        verdict="CHANGES NOTHING in $file"
    elif ! build "$suite"; then
        verdict="DOES NOT COMPILE: $(grep -m 1 error: log)"
    elif run "$suite"; then
        verdict="SURVIVED: $what"
    else
        status=$?
        by=$(culprit)
        [ -n "$by" ] || [ $status -ne 124 ] || by="a hang of $suite"
        [ -n "$by" ] || verdict="no test says what is wrong: status $status"
    fi
    if [ -n "$by" ]; then
        caught=$((caught + 1))
    else
        survived=$((survived + 1))
    fi
    echo "$name: ${verdict:-caught by $by}"
    cat kept >"$file"
done <chosen
echo "$((caught + survived)) mutations: $caught caught, $survived survived"
[ "$survived" -eq 0 ]
