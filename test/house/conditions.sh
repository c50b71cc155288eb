#!/bin/sh
# conditions.sh ROOT: base/ is the port; nowhere else does the code depend on what it is compiled
# for. Free are include guards, and __cplusplus in the public headers.
. "$(dirname "$0")/common.sh"
cd "$1" || exit 1

c_files mailbox serial actors transport include examples | xargs -r awk '
FNR == 1 { conditions = 0 }

/^[ \t]*#[ \t]*(if|elif)/ {
    conditions++
    if (FILENAME ~ /\.h$/ && conditions == 1 && $0 ~ /^#ifndef [A-Z0-9_]*_H$/) next
    if (FILENAME ~ /^include\// && $0 ~ /^#ifdef __cplusplus$/) next
    print FILENAME ":" FNR ": a condition outside base/: " $0
    failed = 1
}

END { exit failed }'
