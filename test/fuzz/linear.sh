#!/usr/bin/env bash
# linear.sh FUZZ_SERIAL: that reading a body costs time in proportion to its bytes. Counted are the
# instructions of tr_unpack_any, by valgrind, for inputs of one, two and four times a size, whatever
# else the machine does: the second step may be twice the first, and a tenth more.
set -euo pipefail
program=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# many N BYTES: them N times.
many() {
    local i
    for ((i = 0; i < $1; i++)); do printf '%b' "$2"; done
}

# keys N: N keys of a map, each with nil.
keys() {
    local i
    for ((i = 0; i < $1; i++)); do
        printf '%b' "\\xa2\\x$(printf '%02x' $((48 + i / 40)))\\x$(printf '%02x' $((48 + i % 40)))\\xc0"
    done
}

# input CASE N: N fields that nobody knows; a text of N bytes; a list of N structs, of N one-ofs; a
# map of N keys. An input has 4096 bytes at most.
input() {
    local size
    size=$(printf '\\x%02x\\x%02x' $(($2 / 256)) $(($2 % 256)))
    case $1 in
    unknown) printf '%b' "\\x04\\xdc$size" && many "$2" '\x07' ;;
    text) printf '%b' "\\x02\\x91\\xda$size" && many "$2" 'a' ;;
    list) printf '%b' "\\x07\\x94\\x01\\xa0\\xc4\\x00\\xdc$size" && many "$2" '\x91\xa0' ;;
    one-ofs) printf '%b' "\\x08\\x92\\x92\\x00\\xc0\\xdc$size" && many "$2" '\x92\x00\xc0' ;;
    map) printf '%b' "\\x09\\x92\\xa0\\xde$size" && keys "$2" ;;
    esac
}

# cost CASE N: instructions.
cost() {
    input "$1" "$2" >"$work/input"
    valgrind --tool=callgrind --callgrind-out-file=/dev/null --collect-atstart=no \
        --toggle-collect=tr_unpack_any "$program" "$work/input" 2>&1 |
        sed -nE 's/.*Collected : ([0-9]+).*/\1/p'
}

for case in unknown:450 text:450 list:450 one-ofs:300 map:225; do
    name=${case%:*} n=${case#*:}
    one=$(cost "$name" "$n") two=$(cost "$name" $((2 * n))) four=$(cost "$name" $((4 * n)))
    echo "$name: $one, $two, $four instructions for $n, $((2 * n)), $((4 * n))"
    if ((two <= one || (four - two) * 10 > (two - one) * 22)); then
        echo "linear: reading costs more than in proportion" >&2
        exit 1
    fi
done
