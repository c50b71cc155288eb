#!/bin/sh
# conditions.sh ROOT: base/ is the port; nowhere else does the code depend on what it is compiled
# for. Free are include guards, __cplusplus in the public headers, and in that of moves the macro by
# which a program asks for it.
. "$(dirname "$0")/common.sh"
cd "$1" || exit 1

c_files mailbox serial actors transport include examples | xargs -r awk '
FNR == 1 { conditions = 0 }

/^[ \t]*#[ \t]*(if|elif)/ {
    conditions++
    if (FILENAME ~ /\.h$/ && conditions == 1 && $0 ~ /^#ifndef [A-Z0-9_]*_H$/) next
    if (FILENAME ~ /^include\// && $0 ~ /^#ifdef __cplusplus$/) next
    if (FILENAME == "include/troupe/moves.h" && $0 == "#ifdef TROUPE_DEBUG_MOVES") next
    print FILENAME ":" FNR ": a condition outside base/: " $0
    failed = 1
}

END { exit failed }'
