#!/bin/sh
# canary.sh PATTERN COMMAND...: the command must fail, and say what the pattern names. For faults that
# were made on purpose, to see that the alarm would sound.
set -u
pattern=$1
shift

said=$(mktemp) || exit 1
trap 'rm -f "$said"' EXIT
"$@" >"$said" 2>&1
status=$?
if [ "$status" -eq 0 ]; then
    cat "$said"
    echo "canary: a fault that was made on purpose went unnoticed"
    exit 1
fi
if ! grep -q "$pattern" "$said"; then
    cat "$said"
    echo "canary: it failed with status $status, but not by: $pattern"
    exit 1
fi
echo "canary: reported, as it should be: $pattern"
