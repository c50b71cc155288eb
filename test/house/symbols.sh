#!/bin/sh
# symbols.sh ROOT LIBRARY...: every global name of an archive begins with troupe_ or tr_; a shared
# library exports troupe_ only: every function that the public headers declare, and no other name.
. "$(dirname "$0")/common.sh"
cd "$1" || exit 1
shift
status=0

# judge LIBRARY PATTERN NM-OPTION...: names that do not match.
judge() {
    library=$1
    pattern=$2
    shift 2
    nm "$@" --defined-only "$library" | awk -v library="${library##*/}" -v pattern="$pattern" '
        NF == 1 { object = $1 }
        NF == 3 && $3 !~ pattern { print library ":" object " exports " $3; failed = 1 }
        END { exit failed }'
}

for library; do
    case $library in
    *.a) judge "$library" '^(troupe|tr)_' -g || status=1 ;;
    *)
        judge "$library" '^troupe_' -D || status=1
        exported=$(nm -D --defined-only "$library" | awk '{ print $3 }')
        declared=$(ctags -o - --language-force=C --kinds-C=px --fields=n --sort=no \
            -I TROUPE_API,TROUPE_CHECKED,TROUPE_PRINTF+ include/troupe/*.h |
            awk -F '\t' '{ print $2 ":" substr($NF, 6) ":" $1 }')
        for found in $declared; do
            if ! echo "$exported" | grep -qx "${found##*:}"; then
                echo "${found%:*}: ${found##*:} is declared, but not exported"
                status=1
            fi
        done
        for name in $exported; do
            if ! echo "$declared" | grep -q ":$name\$"; then
                echo "${library##*/}: exports $name, which no header declares"
                status=1
            fi
        done
        ;;
    esac
done
exit $status
