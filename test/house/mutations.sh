#!/bin/sh
# mutations.sh ROOT: docs/verification.md lists the mutations that test/mutation applies, and each of
# these still changes the source that it is about. Whether the tests notice takes longer to say.
. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/../mutation/table.sh"
cd "$1" || exit 1
here=test/mutation
status=0

listed=$(mktemp) && page=$(mktemp) && spoilt=$(mktemp) || exit 1
trap 'rm -f "$listed" "$page" "$spoilt"' EXIT
awk '/^\| mutation \|/ { inside = 1 } !/^\|/ { inside = 0 } inside' docs/verification.md >"$listed"
page >"$page"
if ! cmp -s "$listed" "$page"; then
    echo "docs/verification.md:1: its list of mutations is not that of $here/mutations:"
    diff "$listed" "$page"
    status=1
fi

table >"$listed"
while IFS='|' read -r name file suite what edit; do
    if ! sed "$edit" "$file" >"$spoilt" || cmp -s "$file" "$spoilt"; then
        line=$(grep -n "^$name " $here/mutations | cut -d: -f1)
        echo "$here/mutations:$line: $name changes nothing in $file"
        status=1
    fi
done <"$listed"
exit $status
