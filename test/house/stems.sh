#!/bin/sh
# stems.sh ROOT: one idea is a header, a source and a test of one stem. Reports each source that
# has a header but no test; fails if one of those is more than 40 lines.
. "$(dirname "$0")/common.sh"
cd "$1" || exit 1
status=0

for source in $(c_files $rooms | grep '\.c$'); do
    [ -f "${source%.c}.h" ] || continue
    test=test/${source%/*}/test_$(basename "$source")
    [ ! -f "$test" ] || continue
    lines=$(wc -l <"$source")
    echo "$source:1: $lines lines, and no $test"
    [ "$lines" -le 40 ] || status=1
done
exit $status
