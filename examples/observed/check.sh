#!/usr/bin/env bash
# check.sh TROUPE OBSERVED CASE: has the tool look at the shop, and compares what it prints. Numbers
# that differ from run to run are made N. Prints what failed.
set -u
export LC_ALL=C.UTF-8
troupe=$(realpath "$1")
observed=$(realpath "$2")
what=$3
scratch=$(mktemp -d) || exit 1
shop=
trap 'exec 9>&-; [ -z "$shop" ] || { kill "$shop" 2>/dev/null; wait "$shop" 2>/dev/null; }; rm -rf "$scratch"' EXIT
cd "$scratch" || exit 1

fail() {
    echo "check.sh $what: $*"
    echo "--- standard output"
    cat out
    echo "--- standard error"
    cat err
    exit 1
}

(umask 077 && echo "a secret of this test" >secret)
mkfifo door
"$observed" "$scratch/sock" secret <door >said 2>log &
shop=$!
exec 9>door
for ((i = 0; i < 400; i++)); do
    [ ! -s said ] || break
    sleep 0.05
done
[ -s said ] || { cat log; exit 1; }
export TROUPE_NODE=$scratch/sock TROUPE_SECRET_FILE=$scratch/secret
unset TROUPE_SECRET

# run STATUS ARG...: runs the tool, which must end so; what it said is in out and err.
run() {
    local wanted=$1 status=0
    shift
    timeout -k 5 40 "$troupe" "$@" >out 2>err || status=$?
    [ "$status" -eq "$wanted" ] || fail "troupe $*: status $status, not $wanted"
    ! grep -qE 'Sanitizer|runtime error' err || fail "a sanitizer complains"
}

# prints: the last run printed what is on standard input, numbers of N digits aside.
prints() {
    cat >expected
    sed -E 's/@[0-9]+\.[0-9]+/@N/g; s/\([0-9a-f]{16}\)/(N)/; s/up [0-9.]+ m?s/up N/' out |
        sed -E "${1-}" >seen
    diff expected seen || fail "it printed something else"
}

# says TEXT: the last run has told that to standard error, and nothing else.
says() {
    [ "$(cat err)" = "$1" ] || fail "standard error is not: $1"
}

case $what in
ls)
    run 0 node ls
    prints 's/[0-9]+ (sent|handled|returned|forwarded|dead|queued)/N \1/g; s/([0-9]+|[0-9.]+) (ms|s)/N ms/; s/ +N ms/ N ms/; s/troupe-tool-[0-9]+/tool/; s/[0-9a-f]{16}/N/; s/PEER +NODE +SILENT +WAITING/PEER NODE SILENT WAITING/' <<'END'
node shop (N), troupe 0.1.0, up N, may be acted on
actors 6, waits 0
messages: N sent = N handled + N returned + N forwarded + N dead + N queued
PEER NODE SILENT WAITING
tool  N N ms      0 B
END
    ;;
tree)
    run 0 node send till sale article=tea price=2.5
    run 0 node send till sale article=tea price=2.5 --ask
    run 0 node tree
    prints 's/^(.*clock +running +0 +0\/256 +1) +[0-9]+ /\1 N /; s/ +(till|night|clock|supervisor|troupe.console) +@N$/ \1 @N/; s/^(shop|  sales|troupe.console) +(running +0)? .*$/\1 .../; s/^(.* )[0-9]+ (troupe.console|supervisor) @N/\1N \2 @N/; s/^  clock .*/  clock .../' <<'END'
ACTOR           STATE    RESTARTS  LAST END   MAIL  PEAK  HANDLED  BEHAVIOUR       NUMBER
shop ...
  sales ...
    till        running         0             0/16     1        2 till @N
    night       running         0             0/16     0        0 till @N
  clock ...
troupe.console ...
END
    ;;
top)
    run 0 node top --once --interval 0.5 --rows 1
    # The clock ticks a hundred times a second, and nobody else does much.
    prints 's/^node shop: 6 actors, over [0-9.]+ s/node shop: N/; s/^ *[0-9]+ +[0-9]+\/256 .* clock +tick +shop\/clock$/clock/; s/ +/ /g' <<'END'
node shop: N
MSG/S MAIL OLDEST HANDLED RUNS BEHAVIOUR DOING ACTOR
clock
END
    ;;
send)
    run 0 node send --ask till sale '{"article": "tea", "number": 3, "price": 2}'
    prints <<<'sold {number: 3, sum: 6}'
    run 0 node send --ask shop/sales/till sale article=cake price=1 coin=DOLLAR
    prints <<<'sold {number: 4, sum: 7}'
    run 0 node send till sale article=tea
    prints </dev/null
    number=$("$troupe" --json node tree | grep -o '"path":"shop/sales/till"[^}]*' |
        grep -o '@[0-9.]*')
    run 0 node send "$number" sale article=tea
    run 0 node send --ask "$number" sale article=tea number=10
    prints <<<'sold {number: 16, sum: 7}'
    ;;
stop)
    run 0 node send till sale article=tea price=-1 # it fails, and is started again
    for ((i = 0; i < 100; i++)); do
        run 0 node tree
        ! grep -qE 'till +running +1 +INVALID' out || break
    done
    grep -qE 'till +running +1 +INVALID' out || fail "the till was not restarted"
    run 0 node stop shop/sales/night # transient: it stays down
    for ((i = 0; i < 100; i++)); do
        run 0 node tree
        ! grep -qE 'night +ended +0 +SHUTDOWN' out || break
    done
    grep -qE 'night +ended +0 +SHUTDOWN' out || fail "the night till runs"
    run 0 node stop --terminate till
    run 1 node stop --terminate till
    ;;
json)
    run 0 --json node ls
    python3 - out <<'END' || fail "not the JSON that it should be"
import json, sys
node = json.load(open(sys.argv[1]))
m = node["messages"]
assert node["name"] == "shop" and node["may_act"] is True and node["actors"] == 6, node
assert len(node["peers"]) == 1 and len(node["node"]) == 16, node
END
    run 0 --json node tree
    python3 - out <<'END' || fail "not the JSON that it should be"
import json, sys
tree = json.load(open(sys.argv[1]))
paths = [a["path"] for a in tree["actors"]]
assert paths == ["shop", "shop/sales", "shop/sales/till", "shop/sales/night", "shop/clock",
                 "troupe.console"], paths
till = tree["actors"][2]
assert till["depth"] == 2 and till["state"] == "running" and till["limit"] == 16, till
assert till["behaviour"] == "till" and till["ref"][0] == "@" and "oldest_ms" not in till, till
assert tree["left_out"] == 0
END
    run 0 --json node top --once -i 0.3 -r 1
    python3 - out <<'END' || fail "not the JSON that it should be"
import json, sys
top = json.load(open(sys.argv[1]))
assert len(top["actors"]) == 1 and top["seconds"] > 0, top
assert top["actors"][0]["path"] == "shop/clock" and top["actors"][0]["rate"] > 0, top
END
    run 0 --json node send --ask till sale article=tea
    prints <<<'{"error":"OK","answer":"sold {number: 1, sum: 0}"}'
    run 1 --json node stop nobody
    prints <<<'{"error":"NOTFOUND","text":"no actor is called nobody"}'
    ;;
errors)
    run 1 node stop nobody
    says 'troupe: nobody: no actor is called nobody'
    run 1 node send shop/sales/none sale article=tea
    says 'troupe: shop/sales/none: shop/sales/none: not found'
    run 1 node send till sail article=tea
    says 'troupe: till: no type sail is registered there'
    run 1 node send till sale price=1
    says 'troupe: till: sale.article: it is not there'
    run 1 node send till sale article=tea number=-1
    says 'troupe: till: sale.number: -1 is no u32'
    run 1 node send till sale article=tea colour=red
    says 'troupe: till: sale: it has no field colour'
    run 1 node send till sale article=tea coin=YEN
    says 'troupe: till: sale.coin: YEN is none of its choices'
    run 2 node send till sale article
    says 'troupe: not key=value: article'
    run 2 node send till sale '{"article": '
    run 3 -n "$scratch/none" node ls
    says "troupe: no node at ipc://$scratch/none: No such file or directory"
    run 3 -n bogus://x node ls
    says 'troupe: not an address: bogus://x'
    (umask 077 && echo "another secret, a wrong one" >wrong && echo short >short)
    run 3 -s wrong node ls
    says "troupe: the node at ipc://$scratch/sock refuses: it has another secret, or another version"
    run 3 -s short node ls
    says 'troupe: the secret has 5 bytes; one has at least 16'
    run 3 -s nowhere node ls
    says "troupe: can't read the secret from nowhere: No such file or directory"
    run 3 -s . node ls
    says "troupe: can't read the secret from .: Is a directory"
    chmod 644 wrong
    run 3 -s wrong node ls
    says 'troupe: others than its owner may use wrong: chmod 600 it, and change the secret'
    unset TROUPE_SECRET_FILE
    run 3 node ls
    says 'troupe: which secret? Say --secret-file FILE, or set TROUPE_SECRET_FILE'
    TROUPE_SECRET="a secret of this test" run 0 node ls
    for wrong in 'node' 'node tree x' 'node send till' 'node frobnicate' 'nodes ls' 'node ls --kill' \
        'node top --rows=x' 'node top --interval=0' '-t x node ls' 'node stop'; do
        # shellcheck disable=SC2086
        run 2 $wrong
    done
    unset TROUPE_NODE
    run 2 node ls
    grep -q 'which node?' err || fail "it does not ask which node"
    run 0 --help
    grep -q 'Exit status' out || fail "no help"
    run 0 --version
    ;;
peers) # a tool that is killed leaves nothing that the node would keep
    for ((i = 0; i < 5; i++)); do
        "$troupe" node top >/dev/null 2>&1 &
        sleep 0.1
        kill -9 $! 2>/dev/null
        wait $! 2>/dev/null
    done
    for ((i = 0; i < 200; i++)); do
        run 0 --json node ls
        [ "$(grep -o 'troupe-tool' out | wc -l)" -ne 1 ] || break
        sleep 0.05
    done
    [ "$(grep -o 'troupe-tool' out | wc -l)" -eq 1 ] || fail "tools that are gone are connected"
    exec 9>&- # the shop closes, and leaves no socket
    wait "$shop" || fail "the shop ended badly"
    shop=
    [ ! -e sock ] || fail "a socket is left"
    ;;
*)
    echo "check.sh: no such case: $what"
    exit 1
    ;;
esac
