#!/bin/sh
# oracle.sh PLAY SCRIPT: what PLAY says of the script it plays is what Erlang says. 77: Erlang is not
# installed (Debian: erlang-base).
set -u
if ! command -v escript >/dev/null; then
    echo "skipped: there is no escript to ask; Debian has it in erlang-base"
    exit 77
fi
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
"$1" "$2" >"$work/troupe" || exit 1
escript "${2%.txt}.erl" "$2" >"$work/erlang" || exit 1
diff -u "$work/erlang" "$work/troupe" || exit 1
echo "the same in both: $(wc -l <"$work/troupe") lines, $(grep -c '^case' "$work/troupe") cases"
