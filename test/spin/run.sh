#!/bin/sh
# run.sh FILE [CC]: checks a Promela model with spin: assertions, deadlock, and each of its ltl
# formulas under weak fairness, with the options that a line "ltl: -D..." gives. Fails on an error,
# on a search that was cut off, and if there were fewer than a million states, since then the model
# has become too small to mean much.
set -u
model=$(cd "$(dirname "$1")" && pwd)/$(basename "$1") || exit 1
cc=${2:-cc}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1

spin -a "$model" >spin.log 2>&1 || { cat spin.log; exit 1; }

# check WHAT PROGRAM ARGUMENT...: runs a verifier; sets `states`.
check() {
    what=$1
    shift
    "$@" >pan.log 2>&1
    states=$(sed -nE 's/^ *([0-9.e+]+) states, stored.*/\1/p' pan.log | awk '{ printf "%d", $1 }')
    if ! grep -q 'errors: 0$' pan.log || grep -qE 'max search depth too small|out of memory' pan.log
    then
        cat pan.log
        [ ! -f "$(basename "$model").trail" ] || spin -t -p "$model" | tail -60
        echo "$(basename "$model"): $what FAILED"
        exit 1
    fi
    echo "$(basename "$model"): $what holds, $states states"
}

$cc -O2 -w -DSAFETY -DNOCLAIM -DMEMLIM=1500 -o safety pan.c || exit 1
check "no assertion fails and nothing is stuck:" ./safety -m2000000 -w24
if [ "$states" -lt 1000000 ]; then
    echo "$(basename "$model"): fewer than a million states"
    exit 1
fi

formulas=$(sed -nE 's/^ltl ([a-z_]+) .*/\1/p' "$model")
[ -n "$formulas" ] || exit 0
options=$(sed -nE 's/^.*ltl: (-D[^ ]*).*/\1/p' "$model")
spin $options -a "$model" >spin.log 2>&1 || { cat spin.log; exit 1; }
$cc -O2 -w -DNFAIR=3 -DMEMLIM=1500 -o liveness pan.c || exit 1
for formula in $formulas; do
    check "ltl $formula $options:" ./liveness -a -f -m2000000 -w22 -N "$formula"
done
