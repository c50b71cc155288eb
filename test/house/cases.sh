#!/bin/sh
# cases.sh ROOT: each numbered case that docs/supervision.md lists ("Cases: 1, 2, ...") has a test,
# and each test of a numbered case of supervisors is played everywhere (test/support/everywhere.h).
# Each case of nodes in docs/conformance.md has a test in simulation and one over real connections;
# which it is says the macro that it is made by (test/transport/node_scene.h).
. "$(dirname "$0")/common.sh"
cd "$1" || exit 1
status=0
page=docs/supervision.md

# tests: "file:line:name how" of all numbered cases; how is `everywhere` or `once`.
tests() {
    awk 'function tell() { if (name) print name, how; name = "" }
        FNR == 1 { tell() }
        /^(Test|Everywhere)\([a-z_]+, case_[0-9]+_/ {
            tell()
            how = /^Everywhere/ ? "everywhere" : "once"
            match($0, /case_[0-9]+_[a-z0-9_]*/)
            name = FILENAME ":" FNR ":" substr($0, RSTART, RLENGTH)
        }
        / everywhere\(/ { how = "everywhere" }
        /^}/ { tell() }
        END { tell() }' test/actors/test_supervisor*.c
}

held=$(tests)
once=$(echo "$held" | grep ' once$')
if [ -n "$once" ]; then
    echo "$once" | sed 's/ once$/ is not played everywhere/'
    status=1
fi
for number in $(sed -n '/^Cases: /,/^$/p' $page | tr -c '0-9\n' ' '); do
    if ! echo "$held" | grep -q ":case_${number}_"; then
        echo "$page:1: case $number has no test"
        status=1
    fi
done

# of_nodes: "number where" of all tests of a numbered case of nodes.
of_nodes() {
    awk 'match($0, /^[A-Z]+\([a-z_]+, case_[0-9]+_/) {
            number = substr($0, 1, RLENGTH - 1)
            sub(/.*case_0*/, "", number)
            if (/^(SIMULATED|ANYWHERE|SECURE)/) print number, "in simulation"
            if (/^(BOTH|ANYWHERE|SECURE)/) print number, "over real connections"
        }' test/transport/test_*.c
}

page=docs/conformance.md
held=$(of_nodes)
for number in $(sed -nE '/^## Nodes/,$s/^\| ([0-9]+) \|.*/\1/p' $page); do
    for where in "in simulation" "over real connections"; do
        if ! echo "$held" | grep -qx "$number $where"; then
            echo "$page:1: case $number of nodes has no test $where"
            status=1
        fi
    done
done
exit $status
