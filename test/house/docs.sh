#!/bin/sh
# docs.sh ROOT: each function that a header declares has a comment directly above; in the public
# headers also each variable and each inline function.
. "$(dirname "$0")/common.sh"
cd "$1" || exit 1
status=0

# names KINDS DIR...: "file:line:name" of what the headers declare.
names() {
    kinds=$1
    shift
    c_files "$@" | grep '\.h$' |
        ctags -L - -o - --language-force=C --kinds-C="$kinds" --fields=n --sort=no \
            -I TROUPE_API,TROUPE_CHECKED,TROUPE_PRINTF+ |
        awk -F '\t' '{ line = $NF; sub(/^line:/, "", line); print $2 ":" line ":" $1 }'
}

# above FILE LINE: succeeds if the declaration that has this line stands right below a comment.
above() {
    awk -v at="$2" '
    {
        # What of this line is code? A line of comment has none.
        code = ""
        rest = $0
        comment[NR] = inside || rest ~ /\/[*\/]/
        while (rest != "") {
            if (inside) {
                if (!(i = index(rest, "*/"))) break
                rest = substr(rest, i + 2)
                inside = 0
            } else if (match(rest, /\/[*\/]/)) {
                code = code substr(rest, 1, RSTART - 1)
                if (substr(rest, RSTART, 2) == "//") break
                rest = substr(rest, RSTART + 2)
                inside = 1
            } else {
                code = code rest
                break
            }
        }
        gsub(/[ \t]/, "", code)
        if (code != "") comment[NR] = 0
        text[NR] = code
    }
    END {
        # The name may stand below the first line of its declaration.
        for (n = at - 1; n > 0 && text[n] != "" && text[n] !~ /[;{}]$|^#/; n--) {}
        exit !comment[n]
    }' "$1"
}

for found in $(names p $rooms; names pfx include); do
    file=${found%%:*}
    name=${found##*:}
    line=${found#*:}
    line=${line%:*}
    if ! above "$file" "$line"; then
        echo "$file:$line: $name has no comment directly above"
        status=1
    fi
done
exit $status
