#!/bin/sh
# layers.sh ROOT: who may include whom. A room sees the rooms it stands on, by "room/file.h";
# examples, benchmarks and tools see what a user sees; each foreign library is known to one room only, and to
# the benchmark that compares with it.
. "$(dirname "$0")/common.sh"
cd "$1" || exit 1

c_files $rooms include examples bench tools | xargs -r awk '
function bad(why) { print FILENAME ":" FNR ": " why ": " name; failed = 1 }

BEGIN {
    may["base"] = " base "
    may["mailbox"] = " base mailbox "
    may["serial"] = " base serial "
    may["actors"] = " base mailbox serial actors "
    may["transport"] = " base serial transport "
    alone["transport", "actors/port.h"] = 1
}

/^[ \t]*#[ \t]*include[ \t]*["<]/ {
    room = FILENAME
    sub(/\/.*/, "", room)
    name = $0
    sub(/^[^"<]*["<]/, "", name)
    sub(/[">].*/, "", name)
    from = name
    sub(/\/.*/, "", from)

    if ($0 ~ /^[^"<]*"/) {
        if (room in may) {
            if (!index(may[room], " " from " ") && !((room, name) in alone))
                bad(room " may not include")
        } else if (room == "include" || name ~ /\//) {
            bad(room " may include <troupe/...> only, not")
        }
    } else if (name ~ /^msgpack/ && room != "serial" && FILENAME != "bench/codec/by_hand.c") {
        bad("msgpack belongs to serial")
    } else if (name ~ /^(nng|sodium|mbedtls|isa-l)/ && room != "transport" && FILENAME !~ /^bench\/peers\/nng\//) {
        bad("nng, sodium, mbedtls and isa-l belong to transport")
    } else if (name ~ /^(unwind|elfutils|dwarf)/ && room != "base") {
        bad("the unwinder and libdw belong to base")
    }
}

END { exit failed }'
