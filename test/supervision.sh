#!/bin/sh
# supervision.sh RUNNER [SEEDS [FIRST]]: plays each test of supervision in simulation, by so many seeds
# (200) from that one (1) on, and counts what was really played: the stage writes down each simulation
# that it opens (test/support/stage.c). Fails if a test fails, if fewer than 100 tests are played, or
# one of them by fewer seeds.
set -u
runner=$1
seeds=${2-200}
first=${3-1}
least=100

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
STAGE_LEDGER=$work/ledger STAGE_SEEDS=$seeds STAGE_FIRST=$first timeout -k 5 1200 "$runner" -j2 \
    --timeout 600 --color=never --filter '@(supervisor*|unread)/*' \
    >"$work/log" 2>&1
status=$?
if [ "$status" -ne 0 ]; then
    grep -v '^\[\(SKIP\|RUN\|PASS\)' "$work/log" | tail -n 40
    echo "supervision: a test fails"
    exit 1
fi
tested=$(sed -n 's/.*Synthesis: Tested: \([0-9]*\).*/\1/p' "$work/log" | tail -n 1)

# A test that opens several stages in one round plays each seed several times: it counts once.
sort -u "$work/ledger" | awk -v seeds="$seeds" -v least="$least" -v tested="$tested" '
    $2 == "plain" { next }
    { played[$1]++ }
    END {
        for (test in played) {
            if (played[test] >= seeds) tests++
            else { print "supervision: " test ": " played[test] " seeds of " seeds; bad = 1 }
            runs += played[test]
        }
        printf "supervision: %d tests x %d seeds, %d runs in simulation; %d tests in other ways\n",
            tests, seeds, runs, tested - tests
        if (tests < least) { print "supervision: that is fewer than " least " tests"; bad = 1 }
        exit bad
    }'
