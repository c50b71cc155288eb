#!/bin/sh
# moves.sh ROOT: each public function that may take a message, by a parameter `troupe_msg **msg`, is
# seen by a debug build: <troupe/moves.h> has something around it, and its name is a macro. Not those
# of nodes, which the core does not have, and not what takes nothing or may get none.
. "$(dirname "$0")/common.sh"
cd "$1" || exit 1
status=0
seen=include/troupe/moves.h
[ -f "$seen" ] || exit 0

# takes: "file:line:name" of them.
takes() {
    find include -name '*.h' ! -name moves.h ! -name remote.h | sort |
        ctags -L - -o - --language-force=C --kinds-C=p --fields=nS --sort=no \
            -I TROUPE_API,TROUPE_CHECKED,TROUPE_PRINTF+ |
        awk -F '\t' '/troupe_msg \*\*msg[,)]/ { match($0, /line:[0-9]+/)
            print $2 ":" substr($0, RSTART + 5, RLENGTH - 5) ":" $1 }'
}

for found in $(takes); do
    name=${found##*:}
    case $name in troupe_drop | troupe_share | troupe_take_object) continue ;; esac
    for form in "TROUPE_SEEN($name," "#define $name("; do
        grep -qF "$form" "$seen" && continue
        echo "${found%:*}: $seen has no $form"
        status=1
    done
done
exit $status
