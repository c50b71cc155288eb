#!/bin/sh
# same.sh PROGRAM: equal seeds are equal runs, wherever their memory is: 100 processes with 12 seeds
# each, with and without random addresses, and with other ways of the allocator, print one fingerprint.
set -u
program=$1
seen=$(mktemp) || exit 1
trap 'rm -f "$seen"' EXIT

# run COMMAND...: 25 times.
run() {
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25; do
        "$@" "$program" --seeds 12 >>"$seen" || exit 1
    done
}

fixed=env
setarch -R true 2>/dev/null && fixed="setarch -R"
run env
run $fixed
run env MALLOC_PERTURB_=165 MALLOC_MMAP_THRESHOLD_=64
run env MALLOC_TOP_PAD_=1000003 MALLOC_ARENA_MAX=1 GLIBC_TUNABLES=glibc.malloc.tcache_count=0
runs=$(grep -c fingerprint "$seen")
prints=$(sed -n 's/.*fingerprint //p' "$seen" | sort -u | wc -l)
echo "same: $runs runs, $prints fingerprint"
[ "$runs" -eq 100 ] && [ "$prints" -eq 1 ]
