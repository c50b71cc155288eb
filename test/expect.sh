#!/bin/sh
# expect.sh FILE COMMAND...: runs a command; it must succeed and print exactly what FILE holds.
set -u
expected=$1
shift

printed=$(mktemp) || exit 1
trap 'rm -f "$printed"' EXIT
"$@" >"$printed"
status=$?
[ "$status" -eq 0 ] || echo "expect: status $status from $*"
diff -u "$expected" "$printed" || status=1
[ "$status" -eq 0 ]
