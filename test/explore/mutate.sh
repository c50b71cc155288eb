#!/bin/sh
# mutate.sh ROOT [CC]: whether the models would notice. Each line of the table below spoils one line
# of a real source, in a copy; then some model must fail. A mutation that survives is a failure, and
# so is one that changes nothing, since the source has moved on.
set -u
root=$(cd "$1" && pwd) || exit 1
cc=${2:-cc}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1

# NAME | FILE | PROGRAM | THE EDIT, IN SED
table() {
    cat <<'TABLE'
bias-no-membarrier      | base/bias.c       | bias    | s/if (bias->light) tr_membarrier();//
bias-no-wait            | base/bias.c       | bias    | s/while (tr_load32_seq(&bias->inside)) tr_thread_yield();//
bias-wait-relaxed       | base/bias.c       | bias    | s/while (tr_load32_seq(&bias->inside))/while (tr_load32_relaxed(\&bias->inside))/
bias-revoked-release    | base/bias.c       | bias    | s/tr_store32_seq(&bias->revoked, 1)/tr_store32_release(\&bias->revoked, 1)/
bias-take-unasked       | base/bias.c       | bias    | /^void tr_bias_take/,/^}/s/if (tr_load32_relaxed(&bias->revoked)) return;/return;/
bias-opens-unlocked     | base/bias.c       | bias    | /^void tr_bias_leave_heavy/,/^}/{/tr_store32_relaxed/{h;d;};/tr_unlock/G;}
bias-no-turning-back    | base/bias.c       | bias    | /a thief may be waiting for this/d
bias-try-not-lent       | base/bias.c       | bias    | /^bool tr_bias_try_take/,/^}/s/if (tr_load32_relaxed(&bias->revoked)) return true;/return true;/
bias-try-keeps-mutex    | base/bias.c       | bias    | /^bool tr_bias_try_take/,/^}/s/tr_unlock(&bias->mutex);//
bias-return-unlocked    | base/bias.c       | bias    | /^void tr_bias_return/,/^}/s/tr_\(un\)\{0,1\}lock(&bias->mutex);//
bias-no-compiler-fence  | base/bias.h       | bias    | s/tr_fence_compiler();//
bias-enter-acquire      | base/bias.h       | bias    | s/!tr_load32_seq(&bias->revoked)/!tr_load32_acquire(\&bias->revoked)/
bias-enter-relaxed      | base/bias.h       | bias    | s/!tr_load32_seq(&bias->revoked)/!tr_load32_relaxed(\&bias->revoked)/
bias-enter-release      | base/bias.h       | bias    | s/tr_store32_seq(&bias->inside, 1)/tr_store32_release(\&bias->inside, 1)/
bias-leave-relaxed      | base/bias.h       | bias    | s/tr_store32_release(&bias->inside, 0)/tr_store32_relaxed(\&bias->inside, 0)/
open-relaxed            | mailbox/mailbox.c | bound   | s/tr_store64_release(&box->word/tr_store64_relaxed(\&box->word/
push-cas-acquire        | mailbox/mailbox.c | mailbox | /^tr_push tr_mailbox_push/,/^}/s/tr_cas64_seq/tr_cas64_acquire/
push-cas-release        | mailbox/mailbox.c | mailbox | /^tr_push tr_mailbox_push/,/^}/s/tr_cas64_seq/tr_cas64_release/
push-one-too-many       | mailbox/mailbox.c | bound   | /^tr_push tr_mailbox_push/,/^}/s/ >= tr_mailbox_limit/ > tr_mailbox_limit/
push-one-too-few        | mailbox/mailbox.c | bound   | /^tr_push tr_mailbox_push/,/^}/s/(word) >= tr_mailbox_limit/(word) + 1 >= tr_mailbox_limit/
push-ignores-closed     | mailbox/mailbox.c | bound   | /^tr_push tr_mailbox_push/,/^}/s/if (word & TR_MAILBOX_CLOSED) return TR_PUSH_CLOSED;//
push-never-wakes        | mailbox/mailbox.c | mailbox | s/ ? TR_PUSH_WAKE : TR_PUSH_OK/ ? TR_PUSH_OK : TR_PUSH_OK/
push-wakes-if-empty     | mailbox/mailbox.c | mailbox | s/== TR_MAILBOX_PARKED ? TR_PUSH_WAKE/<= TR_MAILBOX_PARKED ? TR_PUSH_WAKE/
push-loses-older        | mailbox/mailbox.c | mailbox | s/newest > TR_MAILBOX_PARKED ? link_at(word) : NULL/NULL/
list-refused-linked     | mailbox/mailbox.c | mailbox | s/oldest->next = NULL; .*//
kick-cas-release        | mailbox/mailbox.c | mailbox | /^bool tr_mailbox_kick/,/^}/s/tr_cas64_seq/tr_cas64_release/
kick-load-acquire       | mailbox/mailbox.c | mailbox | /^bool tr_mailbox_kick/,/^}/s/tr_load64_seq/tr_load64_acquire/
want-cas-acquire        | mailbox/mailbox.c | bound   | /^bool tr_mailbox_want/,/^}/s/tr_cas64_seq/tr_cas64_acquire/
want-when-not-full      | mailbox/mailbox.c | bound   | /^bool tr_mailbox_want/,/^}/s/ || tr_mailbox_count_of(word) < tr_mailbox_limit(box)//
drain-not-reversed      | mailbox/mailbox.c | mailbox | /^void tr_mailbox_drain/,/^}/s/while (newest)/oldest = newest; while (false)/
drain-drops-line        | mailbox/mailbox.c | mailbox | s/if (box->line.head)/if (false)/
reserve-after-count     | mailbox/mailbox.c | bound   | /^ *tr_store32_relaxed(&box->reserved, TR_MAILBOX_KEEPS/d; s/^    if (shy) tr_store32_relaxed(&box->reserved, shy - TR_MAILBOX_SHY_ONE);/    tr_store32_relaxed(\&box->reserved, shy ? shy - TR_MAILBOX_SHY_ONE : (TR_MAILBOX_KEEPS | (batch - 1)));/
reserve-one-too-many    | mailbox/mailbox.c | bound   | /^bool tr_mailbox_reserve/,/^}/s/if (count >= limit)/if (count > limit)/
reserve-batch-free      | mailbox/mailbox.c | mailbox | s/word + batch \* TR_MAILBOX_COUNT_ONE/word + TR_MAILBOX_COUNT_ONE/
give-back-before-count  | mailbox/mailbox.c | bound   | /uint64_t word = tr_sub64_release(&box->word, places);/{h;s/.*/    tr_store32_relaxed(\&box->reserved, kept);/;G}
reclaim-nothing         | mailbox/mailbox.c | mailbox | s/if (tr_mailbox_reserved(box)) (void)give_back(box, SHY \* TR_MAILBOX_SHY_ONE);//
park-over-mail          | mailbox/mailbox.c | mailbox | s/(word & TR_MAILBOX_ADDRESS_MASK) != TR_MAILBOX_NOTHING/false/
park-cas-acquire        | mailbox/mailbox.c | mailbox | /^bool tr_mailbox_park(/,/^}/s/tr_cas64_seq/tr_cas64_acquire/
close-tells-nobody      | mailbox/mailbox.c | bound   | s/return (tr_or64_seq(&box->word, TR_MAILBOX_CLOSED) & TR_MAILBOX_WANTED) != 0;/(void)tr_or64_seq(\&box->word, TR_MAILBOX_CLOSED); return false;/
handled-tells-nobody    | mailbox/mailbox.c | bound   | s/if (!(word & TR_MAILBOX_WANTED) || tr_mailbox_count_of(word) > .*/return false;/
handled-looks-away      | mailbox/mailbox.h | bound   | s/word >> TR_MAILBOX_COUNT_SHIFT < tr/tr_mailbox_count_of(word) < tr/
home-does-not-drain     | mailbox/mailbox.h | mailbox | /^static inline tr_push tr_mailbox_push_home/,/^}/s/tr_mailbox_drain(box);//
home-ignores-closed     | mailbox/mailbox.h | bound   | /^static inline tr_push tr_mailbox_push_home/,/^}/s/if (word & TR_MAILBOX_CLOSED) return TR_PUSH_CLOSED;//
home-place-for-nothing  | mailbox/mailbox.h | mailbox | s/tr_store32_relaxed(&box->reserved, reserved - 1);/tr_store32_relaxed(\&box->reserved, reserved);/
come-unparked           | actors/route.c    | actors  | /^static void settle_from_afar/,/^}/s/if (tr_mailbox_park(&task->box))/if (false)/; /^static void settle_from_afar/,/^}/s/^    call(sched, task);//
settle-looks-away       | actors/route.c    | actors  | /^static void settle_from_afar/,/^}/s/if (!asked || !tr_mailbox_kick(&task->box)) return;/(void)asked; return;/
request-does-not-kick   | actors/route.c    | actors  | s/ || tr_mailbox_kick(&task->box)) call(sched, task);/) call(sched, task);/
request-keeps-frozen    | actors/route.c    | actors  | s/next = control & ~(uint64_t)TR_CONTROL_FROZEN;/next = control;/
move-what-is-queued     | actors/route.c    | actors  | s/ == home->index && !task->queued;/ == home->index;/
push-afar-calls-nobody  | actors/route.c    | actors  | /^tr_push tr_route_push_far/,/^}/s/^    call(sched, task);//
rest-looks-away         | actors/turn.c     | actors  | /^bool tr_turn_rest/,/^}/s/if (!asked || !tr_mailbox_kick(&task->box)) return true;/(void)asked; return true;/
rest-keeps-call         | actors/turn.c     | actors  | /^bool tr_turn_rest/,/^}/s/^    task->called = false;//
freeze-without-call     | actors/turn.c     | actors  | s/if (!task->called \&\& !tr_mailbox_kick(&task->box))/if (false)/
freeze-over-request     | actors/turn.c     | actors  | /^static void freeze/,/^}/s/if (control & TR_CONTROL_REQUESTS)/if (false)/
release-at-once         | actors/turn.c     | actors  | /^bool tr_turn_release/,/^}/s/return here;/return true;/
sleep-looks-not-at-all  | actors/worker.c   | actors  | s/if ((!empty || stay_awake(worker->sched)) \&\& tr_mailbox_kick(&worker->wakes)) return;//
sleep-without-a-signal  | actors/worker.c   | actors  | s/ == TR_PUSH_WAKE) signal_it(worker);/ == TR_PUSH_WAKE) return;/
call-does-not-follow    | actors/worker.c   | actors  | /^void tr_worker_take_calls/,/^}/s/if (home != worker->index)/if (false)/
call-of-one-that-runs   | actors/worker.c   | actors  | s/if (!task->queued) tr_worker_put(worker, task, false);/tr_worker_put(worker, task, false);/
thief-keeps-home        | actors/sched.c    | actors  | s/tr_store32_release(&task->home, to->index);//
thief-takes-no-bias     | actors/sched.c    | actors  | /^static bool rob(/,/^}/s/tr_bias_\(take\|give\)(&victim->bias);//
left-after-the-closing  | actors/poller.c   | actors  | /^void tr_poller_close/,/^}/s/tr_store32_relaxed(&poller->open, 0);//
closing-forgets         | actors/poller.c   | actors  | /^void tr_poller_close/,/^}/s/it->wait(it);/(void)it;/
vain-stays-open         | actors/sched.c    | actors  | s/if (!found) tr_poller_close(&sched->poller);//
look-forgets            | actors/poller.c   | actors  | s/ || !put_among(poller, it, UINT32_MAX)//
home-published-relaxed  | actors/route.c    | actors  | /^static void settle_from_afar/,/^}/s/tr_store32_release(&task->home, 0)/tr_store32_relaxed(\&task->home, 0)/
abandon-claims-anyway   | actors/abandon.c  | abandon | s/return !(tr_or64_seq(&self->task.control, TR_CONTROL_ENDING) .*/return tr_or64_seq(\&self->task.control, TR_CONTROL_ENDING) != 0;/
abandon-over-an-end     | actors/abandon.c  | abandon | s/uint64_t unless = TR_CONTROL_ENDING | /uint64_t unless = /
abandon-while-it-tells  | actors/abandon.c  | abandon | s/TR_CONTROL_ENDING | TR_CONTROL_TELLING | /TR_CONTROL_ENDING | /
abandon-over-a-note     | actors/abandon.c  | abandon | s/(was_ready ? 0 : TR_CONTROL_TOLD)/0/
abandon-tells-anyway    | actors/abandon.c  | abandon | /^bool tr_abandon_may_tell/,/^}/s/return !(control & TR_CONTROL_ABANDONED);/return control != 0;/
abandon-does-not-wait   | actors/abandon.c  | abandon | s/while (!(tr_load64_acquire(&self->task.control) & TR_CONTROL_LEFT)) tr_thread_yield();//
abandon-is-seen-running | actors/abandon.c  | abandon | /^void tr_abandon_return/,/^}/s/tr_turn_unwatch(&rt->sched, &self->task);//
abandon-unguarded       | actors/abandon.c  | abandon | /^static bool take_away/,/^}/s/tr_hold hold = .*//; /^static bool take_away/,/^}/s/tr_route_let_go(sched, hold);//
abandon-leaves-mail     | actors/abandon.c  | abandon | s/bool wanted = tr_mailbox_close(&self->task.box);/bool wanted = false;/
abandon-does-not-kick   | actors/route.c    | abandon | /^void tr_route_leave/,/^}/s/if (tr_mailbox_kick(&task->box)) call(sched, task);//
abandon-twice-decided   | actors/route.c    | abandon | /^uint64_t tr_route_abandon/,/^}/s/ || (control & (unless | TR_CONTROL_VACANT))//
channel-one-too-many    | mailbox/channel.c | channel | s/channel->items + channel->permits < channel->capacity/channel->items + channel->permits <= channel->capacity/
channel-one-too-few     | mailbox/channel.c | channel | s/channel->items + channel->permits < channel->capacity/channel->items + channel->permits + 1 < channel->capacity/
channel-permits-free    | mailbox/channel.c | channel | s/channel->items + channel->permits < channel->capacity/channel->items < channel->capacity/
channel-first-is-last   | mailbox/channel.c | channel | s/TR_OWNER(channel->waiting.next, waiter, link)/TR_OWNER(channel->waiting.prev, waiter, link)/
channel-newcomer-first  | mailbox/channel.c | channel | s/    tr_list_add(&channel->waiting, &me.link);/    tr_list_add(channel->waiting.next, \&me.link);/
channel-grants-unpaid   | mailbox/channel.c | channel | s/if (!channel->closed) occupy(channel, next->item);//
channel-grant-after     | mailbox/channel.c | channel | /^static void leave(/,/^}/{/settle(/{h;d;};/tr_unlock/G;}
channel-put-unlocked    | mailbox/channel.c | channel | /^static troupe_err try_occupy/,/^}/{/if (!err) occupy/{h;d;};/leave(channel)/G;}
channel-end-is-silent   | mailbox/channel.c | channel | s/(channel->items || is_over(channel))/channel->items/
channel-item-is-silent  | mailbox/channel.c | channel | s/(channel->items || is_over(channel))/is_over(channel)/
channel-over-permits    | mailbox/channel.c | channel | s/ && !channel->items && !channel->permits/ \&\& !channel->items/
channel-over-senders    | mailbox/channel.c | channel | s/(channel->closed || !channel->senders) &&/channel->closed \&\&/
channel-close-is-silent | mailbox/channel.c | channel | /^void troupe_channel_close/,/^}/s/leave(rx->of)/tr_unlock(\&rx->of->lock)/
channel-return-silent   | mailbox/channel.c | channel | /^void troupe_channel_give_back/,/^}/s/leave_for_good(channel)/tr_unlock(\&channel->lock)/
channel-recv-is-silent  | mailbox/channel.c | channel | /^troupe_err troupe_channel_try_recv/,/^}/s/leave(rx->of)/tr_unlock(\&rx->of->lock)/
channel-told-relaxed    | mailbox/channel.c | channel | s/tr_store32_release(&who->told/tr_store32_relaxed(\&who->told/
channel-told-acquire    | mailbox/channel.c | channel | s/tr_load32_acquire(&me->told/tr_load32_relaxed(\&me->told/
channel-told-untold     | mailbox/channel.c | channel | s/tr_futex_wake(&who->told, 1);//
channel-told-then-used  | mailbox/channel.c | channel | s/tr_futex_wake(&who->told, 1);/tr_list_remove(\&who->link); &/
channel-wakes-all       | mailbox/channel.c | channel | /^static void leave(/,/^}/s/tr_unlock(&channel->lock);/for (tr_list *at = channel->waiting.next; at != \&channel->waiting; at = at->next) tr_futex_wake(\&TR_OWNER(at, waiter, link)->told, 1); &/
channel-late-stays      | mailbox/channel.c | channel | s/if (undecided) tr_list_remove(&me->link);//
channel-late-receiver   | mailbox/channel.c | channel | s/if (undecided && channel->receiver == me) channel->receiver = NULL;//
channel-late-anyway     | mailbox/channel.c | channel | s/if (undecided) return TROUPE_TIMEOUT;/return TROUPE_TIMEOUT;/
channel-late-is-told    | mailbox/channel.c | channel | s/        deadline = TR_NEVER;/        return me->outcome;/
channel-drains-nothing  | mailbox/channel.c | channel | s/bool sends = !channel->ending;/bool sends = !channel->closed;/
channel-sends-to-nobody | mailbox/channel.c | channel | s/bool sends = !channel->ending;/bool sends = true;/
channel-last-is-early   | mailbox/channel.c | channel | s/channel->ended && !channel->senders && !channel->permits;/channel->ended \&\& !channel->senders;/
channel-last-unlocked   | mailbox/channel.c | channel | /^static void leave_for_good/,/^}/{/bool last/{h;d;};/leave(channel)/G;}
channel-clone-unlocked  | mailbox/channel.c | channel | /^troupe_tx \*troupe_channel_clone/,/^}/s/tr_\(un\)\{0,1\}lock(&tx->of->lock);//
channel-waits-inside    | mailbox/channel.c | channel | s/if (!tr_place_may_wait()) return TROUPE_INVALID;//
TABLE
}

flags="-std=c11 -D_GNU_SOURCE -w -O1 -I test/explore/replace -I test/explore -I . -I include"
cp -R "$root/base" "$root/mailbox" "$root/serial" "$root/actors" "$root/include" . && mkdir test &&
    cp -R "$root/test/explore" test/ || exit 1
for source in engine sched memory clocks os switch; do
    $cc $flags -O2 -c test/explore/$source.c -o engine_$source.o || exit 1
done

# compile SOURCE: without its ending.
compile() {
    $cc $flags "-DTR_THREAD_LOCAL=__attribute__((section(\"ex_local\")))" -fsanitize=thread \
        -c "$1.c" -o "$(echo "$1" | tr / _).o"
}
sources="base/bias base/heap base/place mailbox/mailbox mailbox/channel test/explore/bias
    test/explore/mailbox test/explore/bound test/explore/mailbox_world test/explore/channel
    test/explore/channel_world test/explore/actors test/explore/abandon
    test/explore/neighbours actors/abandon actors/pace actors/worker actors/route
    actors/turn actors/poller actors/sched"
for source in $sources; do
    compile "$source" || exit 1
done
mkdir sound && cp ./*.o sound || exit 1

# objects PROGRAM: what it is made of, beside the engine.
objects() {
    echo "test_explore_$1.o"
    [ "$1" = channel ] || echo base_bias.o mailbox_mailbox.o
    case $1 in
    channel) echo base_heap.o base_place.o mailbox_channel.o test_explore_channel_world.o ;;
    actors | abandon)
        echo base_place.o actors_pace.o actors_worker.o actors_route.o actors_turn.o actors_poller.o actors_sched.o
        echo test_explore_neighbours.o
        [ "$1" = actors ] || echo actors_abandon.o
        ;;
    *) echo test_explore_mailbox_world.o ;;
    esac
}

# build FILE PROGRAM: the program with that file spoilt.
build() {
    case $1 in
    *.h) compile "${1%.h}" && compile test/explore/mailbox_world && compile "test/explore/$2" ;;
    *) compile "${1%.c}" ;;
    esac && $cc engine_*.o $(objects "$2") -o program
}

caught=0
survived=0
table >table
while IFS='|' read -r name file program edit; do
    name=$(echo $name) file=$(echo $file) program=$(echo $program)
    sed "$edit" "$root/$file" >"$file"
    if cmp -s "$file" "$root/$file"; then
        echo "mutation $name: CHANGES NOTHING in $file"
        survived=$((survived + 1))
        continue
    fi
    if ! build "$file" "$program" >log 2>&1; then
        echo "mutation $name: DOES NOT COMPILE"
        cat log
        survived=$((survived + 1))
    elif timeout 60 ./program --stop --preemptions 2 >log 2>&1 && # most need no more, and it is quick
        timeout 60 ./program --stop >log 2>&1; then
        echo "mutation $name: SURVIVES"
        survived=$((survived + 1))
    elif grep -q '^model .*: FAILED' log; then
        sed -nE "s/^model ([^:]*): FAILED, (.*)/mutation $name: caught by \1, \2/p" log
        caught=$((caught + 1))
    else
        echo "mutation $name: no model says what is wrong"
        tail -5 log
        survived=$((survived + 1))
    fi
    cp "$root/$file" "$file"
    cp sound/*.o .
done <table
echo "$caught caught, $survived survived"
[ "$survived" -eq 0 ]
