#!/usr/bin/env bash
# check.sh PROGRAM CASE: runs the word count as a user would and compares with what coreutils say.
# Prints what failed.
set -u
export LC_ALL=C
program=$(realpath "$1")
what=$2
scratch=$(mktemp -d) || exit 1
export TMPDIR=$scratch/tmp # so that what the program leaves behind is seen
mkdir "$TMPDIR"
cd "$scratch" || exit 1
background=
trap '[ -z "$background" ] || kill -9 "$background" 2>/dev/null; rm -rf "$scratch"' EXIT

fail() {
    echo "check.sh $what: $*"
    echo "--- standard output"
    head -n 40 out
    echo "--- standard error"
    head -n 40 err
    exit 1
}

# run ARG...: leaves the program's exit status in $status, what it said in out and err.
run() {
    status=0
    timeout -k 5 100 "${wrap[@]}" "$program" "$@" >out 2>err || status=$?
}
wrap=()

# ends STATUS: the last run ended so, and left no socket and no worker behind.
ends() {
    [ "$status" -eq "$1" ] || fail "exit status $status, not $1"
    ! grep -qE 'Sanitizer|runtime error' err || fail "a sanitizer complains" # of a worker, say
    nothing_left
}

nothing_left() {
    [ -z "$(ls -A "$TMPDIR")" ] || fail "left behind: $(ls -A "$TMPDIR")"
    [ -z "$(workers)" ] || fail "processes left: $(workers)"
}

# says TEXT: the last run has told that to standard error.
says() { grep -qF -- "$1" err || fail "standard error does not say: $1"; }

# workers: the ids of all worker processes of this test; their command line has the socket's path.
workers() {
    local file
    for file in /proc/[0-9]*/cmdline; do
        if tr '\0' ' ' 2>/dev/null <"$file" | grep -qF -- "--worker ipc://$TMPDIR/"; then
            file=${file#/proc/}
            echo "${file%/cmdline}"
        fi
    done
}

# until_true SECONDS COMMAND...
until_true() {
    local tries=$(($1 * 20))
    shift
    until "$@"; do
        tries=$((tries - 1))
        [ $tries -gt 0 ] || return 1
        sleep 0.05
    done
}

count_is() { [ "$(workers | wc -l)" -eq "$1" ]; }

# words REPEAT FILE...: word TAB count by coreutils alone, with a border after each file.
words() {
    local repeat=$1 file
    shift
    for file; do
        cat "$file"
        echo
    done >once
    {
        echo # so that the list of words begins with just one empty line
        yes once | head -n "$repeat" | xargs cat
    } | tr A-Z a-z | tr -cs a-z '\n' | sort -S 64M | tail -n +2 | uniq -c | paste /dev/null - |
        tr -s ' ' '\t' >counted # TAB count TAB word
    paste <(cut -f 3 counted) <(cut -f 2 counted)
}

# matches REPEAT FILE...: the counts of the last run are right, to the byte.
matches() {
    words "$@" >expected
    if ! cmp -s expected tsv; then
        diff expected tsv | head -n 20 >>err
        fail "the counts differ from coreutils'"
    fi
}

# A small tree with all kinds of bytes. Its regular files are in $files.
make_tree() {
    mkdir -p tree/deep/er
    cat "$0" >tree/script
    seq 1 20000 | tr 0-9 a-j >tree/deep/numbers
    head -c 400000 "$(command -v bash)" >tree/deep/binary
    : >tree/deep/er/empty
    printf 'no newline at the end' >tree/deep/er/open
    printf 'then the next file' >tree/deep/er/open2
    files=(tree/script tree/deep/numbers tree/deep/binary tree/deep/er/empty tree/deep/er/open
        tree/deep/er/open2)
}

case $what in
answer)
    make_tree
    run --workers 2 --tsv tsv tree
    ends 0
    matches 1 "${files[@]}"
    run --workers 3 --kill 2 --chunk 4096 --repeat 40 --tsv tsv tree
    ends 0
    matches 40 "${files[@]}"
    grep -q '3 workers, 2 killed, 2 restarted' out || fail "not 2 killed and 2 restarted"
    grep -q 'one_for_one, 2 restarts' out || fail "the tree does not show 2 restarts"
    run --workers 1 --kill 3 --chunk 100 --seed 7 --quiet --tsv tsv tree/script
    ends 0
    matches 1 tree/script
    ! grep -q '%' err || fail "--quiet shows progress"
    ;;
kills) # many, each seed at other moments
    make_tree
    for seed in 1 2 3 4; do
        run --workers 4 --kill 8 --chunk 8k --repeat 20 --seed $seed --tsv tsv tree
        ends 0
        matches 20 "${files[@]}"
    done
    ;;
tcp)
    make_tree
    run --tcp --workers 2 --kill 1 --chunk 10000 --repeat 10 --tsv tsv tree
    ends 0
    matches 10 "${files[@]}"
    ;;
words)
    { head -c 1000 /dev/zero | tr '\0' w; echo; head -c 63 /dev/zero | tr '\0' x; echo -n ' y'; } >a
    printf 'foo' >b
    printf 'bar' >c
    printf 'z%.0s' $(seq 64) >d
    run --workers 2 --chunk 64 --tsv tsv a b c d
    ends 0
    matches 1 a b c d
    head -c 3000000 /dev/zero | tr '\0' L >long
    run --workers 2 --chunk 64 --tsv tsv long a
    ends 0
    matches 1 long a
    head -c 9000000 /dev/zero | tr '\0' L >long
    run --workers 2 --tsv tsv.not long
    ends 1
    says "can't count long"
    says 'a word of more than 8 MiB'
    [ ! -e tsv.not ] || fail "wrote a result of a job that failed"
    ;;
parts) # one chunk with more words than one message holds
    seq 100000 1500000 | tr 0-9 a-j >many
    run --workers 2 --chunk 64M --kill 1 --tsv tsv many
    ends 0
    matches 1 many
    ;;
input)
    make_tree
    mkfifo tree/fifo
    ln -s nowhere tree/dangling
    ln -s deep tree/linked
    run --workers 2 --tsv tsv tree
    ends 0
    matches 1 "${files[@]}"
    grep -q 'left out: 2 symbolic links, 1 special file,' out || fail "does not tell what it left out"
    run --workers 2 --tsv tsv tree/linked
    ends 0
    matches 1 "${files[@]:1}"
    run no-such-path tree tree/dangling tree/fifo
    ends 1
    says "can't read no-such-path: No such file or directory"
    says "can't read tree/dangling: a symbolic link to nothing"
    says "can't read tree/fifo: neither a regular file nor a directory"
    says "3 can't be read, so nothing was counted"
    [ ! -s out ] || fail "prints a result"
    run --workers 2 --keep-going --tsv tsv no-such-path tree ''
    ends 0
    matches 1 "${files[@]}"
    says "can't read no-such-path"
    ;;
empty)
    mkdir empty
    : >nothing
    printf '\0\1\2 3\n' >binary
    for path in empty nothing binary; do
        run --workers 2 --kill 1 --at-least 1k --tsv tsv $path
        [ $path = binary ] || ends 0
        ends 0
        [ ! -s tsv ] || fail "there are words in $path"
    done
    ;;
shrinks)
    make_tree
    "$program" --workers 2 --chunk 1000 --repeat 1000000 --tsv tsv tree >out 2>err &
    background=$!
    until_true 10 count_is 2 || fail "no workers"
    sleep 0.5
    : >tree/deep/numbers
    status=0
    wait "$background" || status=$?
    background=
    ends 1
    says "can't count tree/deep/numbers"
    says 'it is shorter than it was'
    [ ! -e tsv ] || fail "wrote a result of a job that failed"
    ;;
output)
    make_tree
    run --workers 2 --tsv /dev/full tree
    ends 1
    says "can't write /dev/full: No space left on device"
    [ -c /dev/full ] || fail "replaced /dev/full"
    run --workers 2 --tsv no/such/folder tree
    ends 1
    says "can't write no/such/folder: No such file or directory"
    [ ! -s out ] || fail "has counted before it looked at the file"
    run --workers 2 --tsv tree tree
    ends 1
    says "can't write tree: Is a directory"
    status=0
    "$program" --workers 2 tree >/dev/full 2>err || status=$?
    ends 1
    says "can't write to standard output: No space left on device"
    echo old >real
    ln -s real link
    run --workers 2 --tsv link tree
    ends 0
    [ -L link ] || fail "replaced the link"
    mv real tsv
    matches 1 "${files[@]}"
    run --workers 2 --tsv /dev/stdout --quiet tree/script
    ends 0
    head -n "$(words 1 tree/script | wc -l)" out >tsv
    matches 1 tree/script
    [ -z "$(find . -maxdepth 1 -name '*.??????')" ] || fail "left a temporary file"
    ;;
usage)
    for wrong in --workers=0 --workers=x --kill=-1 --chunk=0 --chunk= --repeat=0 --at-least=1T \
        --nonsense --seed=99999999999999999999 --workers=9999 --chunk=9999999999G; do
        run $wrong .
        ends 2
        says "${wrong%%=*}"
    done
    run --repeat 9000000000000000000 "$program"
    ends 1
    says 'are too many'
    run --help
    ends 0
    run --worker ipc:///nowhere
    ends 1
    says 'for the coordinator'
    ;;
killed) # by SIGKILL, which leaves it no time for anything
    make_tree
    "$program" --workers 3 --repeat 1000000 tree >out 2>err &
    background=$!
    until_true 10 count_is 3 || fail "no workers"
    sleep 0.3
    kill -9 "$background"
    wait "$background" 2>/dev/null
    background=
    until_true 2 count_is 0 || fail "2 s after the coordinator's death these live: $(workers)"
    ;;
stopped)
    make_tree
    for signal in INT:130 TERM:143 HUP:129; do
        (
            # A shell without job control has its background jobs ignore SIGINT.
            trap - INT
            exec env --default-signal=INT "$program" --workers 2 --repeat 1000000 --tsv tsv tree
        ) >out 2>err &
        background=$!
        until_true 10 count_is 2 || fail "no workers"
        sleep 0.2
        kill -"${signal%:*}" "$background"
        status=0
        wait "$background" || status=$?
        background=
        ends "${signal#*:}"
        says 'ended by a signal'
        [ ! -e tsv ] || fail "wrote a result of a job that was stopped"
    done
    ;;
stalled) # a worker that is stopped is lost too; its work goes to the other
    make_tree
    "$program" --workers 2 --chunk 4096 --repeat 100 --tsv tsv tree >out 2>err &
    background=$!
    until_true 10 count_is 2 || fail "no workers"
    kill -STOP "$(workers | head -n 1)"
    status=0
    wait "$background" || status=$?
    background=
    ends 0
    matches 100 "${files[@]}"
    ;;
hopeless) # workers that never live for long
    make_tree
    "$program" --workers 1 --repeat 1000000 tree >out 2>err &
    background=$!
    while kill -0 "$background" 2>/dev/null; do
        for pid in $(workers); do
            kill -9 "$pid" 2>/dev/null
        done
        sleep 0.05
        [ $SECONDS -lt 60 ] || fail "goes on for ever"
    done
    status=0
    wait "$background" || status=$?
    background=
    ends 1
    says 'no worker could be kept alive'
    ;;
memory) # more workers than the system has room for
    make_tree
    # The leak check at the end needs descriptors itself.
    export ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0
    for limit in 5 40; do # descriptors; each worker takes some
        wrap=(bash -c "ulimit -n $limit"' && exec "$@"' bash)
        run --workers 50 --tsv tsv tree
        ends 1
        says "wordcount: can't "
        says 'nothing was counted'
    done
    # The address sanitizer needs more address space than this to begin with.
    if ! grep -q __asan_init "$program"; then
        wrap=(bash -c 'ulimit -v 20000 && exec "$@"' bash)
        run --workers 50 --tsv tsv tree
        ends 1
        [ -s err ] || fail "fails in silence"
    fi
    ;;
valgrind)
    make_tree
    # Nothing at all may be left, nng's own threads and memory included.
    wrap=(valgrind --quiet --fair-sched=try --leak-check=full --show-leak-kinds=all
        --errors-for-leak-kinds=all --error-exitcode=99)
    run --workers 2 --kill 1 --chunk 100000 --tsv tsv tree
    ends 0
    matches 1 "${files[@]}"
    ! grep -q '^==' err || fail "valgrind complains"
    ;;
*)
    echo "check.sh: no such case: $what"
    exit 1
    ;;
esac
