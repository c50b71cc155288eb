#!/bin/sh
# guarantees.sh ROOT: in docs/guarantees.md and docs/from-rust.md each promise (a row of a table) has
# a header that makes it and, in the last column, a test that holds it. All that is named is there:
# headers, examples, tests of the rooms as `room:suite/name` (a name may end in *), and others as
# ctest knows them. On other pages tests of the rooms that are named so are there, too.
. "$(dirname "$0")/common.sh"
cd "$1" || exit 1
status=0

# known: each test there is, one a line.
known() {
    find test examples -name 'test_*.c' | sort | xargs awk '
    FNR == 1 { held = "" }
    { line = held $0; held = "" }
    line ~ /^[A-Za-z]+\(/ {
        if (line !~ /,[^,]*[,)]/) { held = line " "; next } # the name is on the next line
        sub(/^ParameterizedTest\([^,]*, */, "Test(", line)
        if (line !~ /^(Test|Everywhere|Simulated|SIMULATED|ANYWHERE|BOTH|SECURE)\(/) next
        sub(/^[A-Za-z]+\( */, "", line)
        split(line, part, /[,)] */)
        room = FILENAME
        sub(/\/[^\/]*$/, "", room)
        sub(/.*\//, "", room)
        print room ":" part[1] "/" part[2]
    }'
    # What ctest makes of the files elsewhere.
    ls test/simulate/simulate.c 2>/dev/null | sed 's/.*/simulate/'
    ls test/simulate/*.sh 2>/dev/null | sed 's|.*/\(.*\)\.sh|simulate.\1|'
    ls test/stress/stress_*.c 2>/dev/null | sed 's|.*/stress_\(.*\)\.c|stress.\1|'
    ls test/fuzz/fuzz_*.c 2>/dev/null | sed 's|.*/fuzz_\(.*\)\.c|fuzz.\1|'
    sed -n 's/^troupe_explore(\([a-z]*\).*/explore.\1/p' test/explore/CMakeLists.txt 2>/dev/null
    ls test/spin/*.pml 2>/dev/null | sed 's|.*/\(.*\)\.pml|spin.\1|'
    ls test/oracle/*.txt 2>/dev/null | sed 's|.*/\(.*\)\.txt|oracle.\1|'
    ls test/foreign/*.sh 2>/dev/null | sed 's|.*/\(.*\)\.sh|foreign.\1|'
    ls test/house/*.sh 2>/dev/null | sed 's|.*/\(.*\)\.sh|house.\1|'
    find examples -name '*.expected' 2>/dev/null | sed 's|.*/\(.*\)\.expected|example.\1|'
}

tests=$(mktemp) || exit 1
trap 'rm -f "$tests"' EXIT
known >"$tests"

judge='
    function wrong(what) {
        print FILENAME ":" FNR ": " what
        failed = 1
    }
    function is_there(name,   one) {
        if (name in known) return 1
        if (name !~ /\*$/) return 0
        name = substr(name, 1, length(name) - 1)
        for (one in known)
            if (index(one, name) == 1) return 1
        return 0
    }
    BEGIN { while ((getline one <tests) > 0) known[one] }'

for page in docs/guarantees.md docs/from-rust.md; do
    [ -f "$page" ] || continue
    awk -F ' *[|] *' -v tests="$tests" "$judge"'
    !/^\|/ { row = 0 }
    /^\|/ && row {
        promises++
        held = headers = 0
        for (rest = $0; match(rest, /\]\([^)]*\)/); rest = substr(rest, RSTART + RLENGTH)) {
            name = substr(rest, RSTART + 2, RLENGTH - 3)
            headers += name ~ /include\/troupe\/[a-z_]*\.h$/
            if ((getline one <("docs/" name)) < 0) wrong("there is no " name)
            close("docs/" name)
        }
        for (rest = $(NF - 1); match(rest, /`[^`]*`/); rest = substr(rest, RSTART + RLENGTH)) {
            held++
            name = substr(rest, RSTART + 1, RLENGTH - 2)
            if (!is_there(name)) wrong("there is no test " name)
        }
        if (!headers) wrong("no header makes this promise")
        if (!held) wrong("no test holds this promise")
    }
    /^\|[-|]*$/ { row = 1 }
    END {
        if (!promises) wrong("there are no promises")
        exit failed
    }' "$page" || status=1
done

for page in docs/*.md */README.md; do
    [ -f "$page" ] || continue
    case $page in docs/guarantees.md | docs/from-rust.md) continue ;; esac
    awk -v tests="$tests" "$judge"'
    {
        for (rest = $0; match(rest, /`[a-z]+:[a-z_]+\/[a-zA-Z0-9_]*\*?`/); ) {
            name = substr(rest, RSTART + 1, RLENGTH - 2)
            rest = substr(rest, RSTART + RLENGTH)
            if (!is_there(name)) wrong("there is no test " name)
        }
    }
    END { exit failed }' "$page" || status=1
done
exit $status
