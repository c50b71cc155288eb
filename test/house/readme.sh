#!/bin/sh
# readme.sh ROOT: the first C program of the README is examples/first.c, to the byte, and each block
# of C in docs/guide is a piece of an example. Those are compiled and run, so no page can promise
# what does not work.
. "$(dirname "$0")/common.sh"
cd "$1" || exit 1
status=0

block=$(mktemp) || exit 1
trap 'rm -f "$block"' EXIT
awk '/^```/ && inside { exit } inside; /^```c$/ { inside = 1 }' README.md >"$block"
if ! cmp -s "$block" examples/first.c; then
    echo "README.md:$(grep -n -m 1 '^```c$' README.md | cut -d: -f1): is not examples/first.c:"
    diff "$block" examples/first.c
    status=1
fi

for page in docs/guide/*.md; do
    [ -f "$page" ] || continue
    c_files examples | xargs awk -v page="$page" '
    FNR == 1 { text = text "\f\n" } # no block spans two files
    { text = text $0 "\n" }
    END {
        for (n = 1; (getline line <page) > 0; n++) {
            if (line ~ /^```/ && start) {
                if (!index(text, "\n" block)) {
                    print page ":" start ": is in no file of examples"
                    failed = 1
                }
                start = 0
            } else if (start) {
                block = block line "\n"
            } else if (line == "```c") {
                start = n
                block = ""
            }
        }
        exit failed
    }' || status=1
done
exit $status
