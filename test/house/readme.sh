#!/bin/sh
# readme.sh ROOT: the first C program of the README is examples/first.c, to the byte. That one is
# compiled and run, so the README cannot promise what does not work.
. "$(dirname "$0")/common.sh"
cd "$1" || exit 1

block=$(mktemp) || exit 1
trap 'rm -f "$block"' EXIT
awk '/^```/ && inside { exit } inside; /^```c$/ { inside = 1 }' README.md >"$block"
if ! cmp -s "$block" examples/first.c; then
    echo "README.md:$(grep -n -m 1 '^```c$' README.md | cut -d: -f1): is not examples/first.c:"
    diff "$block" examples/first.c
    exit 1
fi
