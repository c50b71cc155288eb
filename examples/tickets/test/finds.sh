#!/bin/sh
# finds.sh PROGRAM SEEDS [OPTION...]: the careless office sells a seat twice within so many seeds; the
# seed that shows it shows it again, and so does the least schedule.
set -u
program=$1
seeds=$2
shift 2
wrong="FAILED: the seat was sold 2 times"
said=$(mktemp) || exit 1
trap 'rm -f "$said"' EXIT

# fails OPTION...: runs last_moment, which must go wrong so.
fails() {
    "$program" --careless "$@" >"$said" 2>/dev/null && echo "finds: it passed: $*" && exit 1
    grep -q "$wrong" "$said" && return
    echo "finds: $* did not say: $wrong"
    cat "$said"
    exit 1
}

fails --seeds "$seeds" --minimise "$@" last_moment
cat "$said"
seed=$(sed -n 's/.*: seed \([0-9]*\) FAILED.*/\1/p' "$said")
trace=$(sed -n 's/.*all others are the first: //p' "$said")
fails "$@" last_moment "$seed"
fails last_moment "$seed" "$trace"
