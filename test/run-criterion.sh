#!/bin/sh
# run-criterion.sh RUNNER SOURCE...: runs a Criterion binary and believes it only so far.
#
# Criterion passes a test that leaks under LeakSanitizer or that exits early, and a run of no test
# at all; it also has no time limit of its own. So the log is read as well, and at least as many
# tests must have run as the sources define.
set -u
runner=$1
shift

# With two at a time Criterion's own runner leaks now and then, which LeakSanitizer then reports.
# One at a time takes twice as long.
jobs=2 seconds=570
[ -z "${ASAN_OPTIONS-}" ] || { jobs=1 seconds=1140; }

log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT
timeout -k 5 "$seconds" "$runner" --timeout 60 -j$jobs --color=never >"$log" 2>&1
status=$?
cat "$log"

fail() {
    echo "run-criterion: $*"
    status=1
}

[ "$status" -eq 0 ] || fail "the runner ended with status $status"
if grep -q 'ERROR: LeakSanitizer' "$log"; then fail "a test leaked"; fi
if grep -q 'runtime error:' "$log"; then fail "a test had undefined behaviour"; fi

defined=$(cat "$@" | grep -cE '^((Parameterized)?Test|Everywhere|Simulated)\(')
tested=$(sed -n 's/.*Synthesis: Tested: \([0-9]*\).*/\1/p' "$log" | tail -n 1)
if [ -z "$tested" ]; then
    fail "the runner gave no summary"
elif [ "$tested" -eq 0 ] || [ "$tested" -lt "$defined" ]; then
    fail "$tested tests ran, the sources define $defined"
fi
[ "$status" -eq 0 ]
