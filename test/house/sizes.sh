#!/bin/sh
# sizes.sh ROOT: a file has 500 lines at most, a function 70, a line 100 columns.
. "$(dirname "$0")/common.sh"
cd "$1" || exit 1
status=0

c_files $rooms include examples test bench tools | xargs -r awk '
FNR == 501 { print FILENAME ":501: the file goes on past 500 lines"; failed = 1 }
{
    columns = $0
    gsub(/[\200-\277]/, "", columns) # UTF-8 continues a character with these
    if (length(columns) > 100) {
        print FILENAME ":" FNR ": " length(columns) " columns"
        failed = 1
    }
}
END { exit failed }' || status=1

c_files $rooms include examples test bench tools |
    ctags -L - -o - --language-force=C --kinds-C=f --fields=ne --sort=no | awk -F '\t' '
    {
        line = end = 0
        for (i = 4; i <= NF; i++) {
            if ($i ~ /^line:/) line = substr($i, 6)
            if ($i ~ /^end:/) end = substr($i, 5)
        }
        if (end - line + 1 > 70) {
            print $2 ":" line ": function " $1 " has " end - line + 1 " lines"
            failed = 1
        }
    }
    END { exit failed }' || status=1
exit $status
