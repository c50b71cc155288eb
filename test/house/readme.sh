#!/bin/sh
# readme.sh ROOT: the first C program of the README is examples/first.c, to the byte, and each block
# of C in docs/guide is a piece of an example, each block of text a piece of what one is expected to
# print. Those are compiled, run and compared, so no page can promise what does not work. And what a
# page links to is there.
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
    { c_files examples; find examples -name '*.expected' | sort; } | xargs awk -v page="$page" '
    FNR == 1 { # no block spans two files
        kind = FILENAME ~ /\.expected$/ ? "text" : "c"
        text[kind] = text[kind] "\f\n"
    }
    { text[kind] = text[kind] $0 "\n" }
    END {
        for (n = 1; (getline line <page) > 0; n++) {
            if (line ~ /^```/ && start) {
                if (!index(text[kind], "\n" block)) {
                    print page ":" start ": is in no file of examples"
                    failed = 1
                }
                start = 0
            } else if (start) {
                block = block line "\n"
            } else if (line == "```c" || line == "```text") {
                kind = substr(line, 4)
                start = n
                block = ""
            }
        }
        exit failed
    }' || status=1
done

# What is between the parentheses of a link, but for anchors, and pages of others.
for page in $(find . -name build -prune -o -name '*.md' -print | sed 's|^\./||' | sort); do
    awk -v page="$page" '
    /^```/ { inside = !inside }
    !inside {
        for (rest = $0; match(rest, /\]\([^)# ]+/); rest = substr(rest, RSTART + RLENGTH))
            print FNR ":" substr(rest, RSTART + 2, RLENGTH - 2)
    }' "$page" | grep -v ':[a-z]*://' | while IFS=: read -r line target; do
        [ -e "$(dirname "$page")/$target" ] || echo "$page:$line: there is no $target"
    done
done >"$block"
cat "$block"
[ ! -s "$block" ] || status=1
exit $status
