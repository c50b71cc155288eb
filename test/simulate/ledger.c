#include "test/simulate/ledger.h"

#include <string.h>

const troupe_type work_type =
    TROUPE_TYPE(work, TROUPE_FIELD(work, from), TROUPE_FIELD(work, from_epoch),
                TROUPE_FIELD(work, to), TROUPE_FIELD(work, to_epoch), TROUPE_FIELD(work, number),
                TROUPE_FIELD(work, act), TROUPE_FIELD(work, hops), TROUPE_FIELD(work, timer),
                TROUPE_FIELD(work, urgent), TROUPE_FIELD(work, until));

ledger book;

uint32_t ledger_index(const slot *it) {
    return it ? (uint32_t)(it - book.slot) : SLOTS;
}

slot *ledger_place(unsigned node, bool supervised) {
    for (slot *it = book.slot; it < book.slot + SLOTS; it++) {
        if (it->alive) continue;
        const uint32_t epoch = it->epoch + 1;
        memset(it, 0, sizeof *it);
        it->epoch = epoch;
        it->node = node;
        it->supervised = supervised;
        it->alive = true;
        return it;
    }
    return NULL;
}

void ledger_vacate(slot *it) {
    it->alive = false;
}

/* --- Messages --------------------------------------------------------------------------------- */

struct work ledger_work(const slot *from, unsigned node, const slot *to, uint32_t a,
                        uint32_t hops) {
    return (struct work){.from = from ? ledger_index(from) : SLOTS + node,
                         .from_epoch = from ? from->epoch : 0,
                         .to = ledger_index(to),
                         .to_epoch = to->epoch,
                         .number = from ? from->sent[ledger_index(to)] + 1 : ++book.numbers,
                         .act = a,
                         .hops = hops};
}

void ledger_sent(slot *from, slot *to, unsigned node, const struct work *work, troupe_err err) {
    bool local = node == to->node;
    if (!local) to->far = true;
    if (err == TROUPE_OK) {
        if (from) from->sent[work->to] = work->number;
        if (local && to->epoch == work->to_epoch) to->outstanding++;
    }
    if (!local || to->far || to->epoch != work->to_epoch) return;
    if (to->outstanding > to->limit)
        WRONG("slot %u holds %u messages of at most %u", work->to, to->outstanding, to->limit);
    if (to->tries) return; /* one that a fault failed it on may be there still */
    if (err == TROUPE_FULL && !book.squeezes && to->outstanding != to->limit)
        WRONG("slot %u is full with %u of %u messages", work->to, to->outstanding, to->limit);
}

void ledger_came(slot *to, const struct work *work) {
    if (&book.slot[work->to] != to || work->to_epoch != to->epoch)
        WRONG("a message for slot %u.%u came to %u.%u", work->to, work->to_epoch, ledger_index(to),
              to->epoch);
    bool again = to->tries && to->last_tries && to->last_from == work->from &&
                 to->last_number == work->number;
    to->last_tries = again ? to->last_tries + 1 : 1;
    to->last_from = work->from;
    to->last_number = work->number;
    if (to->tries && to->last_tries > to->tries)
        WRONG("message %u from slot %u failed slot %u more than %u times", work->number, work->from,
              work->to, to->tries);
    if (again) return; /* it is the next that is handled */
    uint32_t *seen = to->seen[to->hurries && work->urgent];
    if (to->seen_epoch[work->from] == work->from_epoch && seen[work->from] >= work->number)
        WRONG("message %u from slot %u to %u came after %u", work->number, work->from, work->to,
              seen[work->from]);
    if (work->from < SLOTS && to->down_epoch[work->from] == work->from_epoch + 1)
        WRONG("slot %u.%u was down, and then sent to slot %u", work->from, work->from_epoch,
              work->to);
    if (to->seen_epoch[work->from] > work->from_epoch) return; /* another actor: no order with it */
    if (to->seen_epoch[work->from] < work->from_epoch)
        to->seen[0][work->from] = to->seen[1][work->from] = 0;
    to->seen_epoch[work->from] = work->from_epoch;
    seen[work->from] = work->number;
}

void ledger_dead(const struct work *work, troupe_dead reason) {
    slot *to = &book.slot[work->to];
    if (work->timer || to->epoch != work->to_epoch) return;
    const bool unread = reason == TROUPE_DEAD_STOPPED || reason == TROUPE_DEAD_FLUSHED ||
                        reason == TROUPE_DEAD_OVERDUE;
    if (unread && to->outstanding) to->outstanding--;
    /* The newest is dropped before its sender has entered it: below zero for a moment. */
    if (reason == TROUPE_DEAD_DROPPED) to->outstanding--;
}

/* --- Monitors --------------------------------------------------------------------------------- */

static monitor *find_monitor(const slot *watcher, uint64_t id) {
    for (size_t i = 0; i < book.monitors; i++) {
        monitor *it = &book.monitor[i];
        if (it->id == id && it->watcher == ledger_index(watcher) &&
            it->watcher_epoch == watcher->epoch)
            return it;
    }
    return NULL;
}

void ledger_down(slot *to, const struct troupe_down *down) {
    monitor *it = find_monitor(to, down->monitor);
    if (!it) WRONG("slot %u got a down of a monitor that it does not have", ledger_index(to));
    if (it->downs && to->tries) return; /* it failed on it, and has it once more */
    if (++it->downs > 1) WRONG("slot %u got %u downs of a monitor", it->watcher, it->downs);
    const slot *watched = &book.slot[it->watched];
    bool for_good = down->why != TROUPE_NOCONNECTION && watched->epoch == it->watched_epoch &&
                    !watched->supervised;
    if (for_good) to->down_epoch[it->watched] = it->watched_epoch + 1;
}

/* Whether an actor that is watched has ended since, for good or for one life. */
static bool has_ended(const monitor *it) {
    const slot *watched = &book.slot[it->watched];
    return watched->epoch != it->watched_epoch || !watched->alive;
}

static void check_monitors(void) {
    for (size_t i = 0; i < book.monitors; i++) {
        const monitor *it = &book.monitor[i];
        const slot *watcher = &book.slot[it->watcher];
        bool watches = watcher->alive && watcher->epoch == it->watcher_epoch &&
                       watcher->lives == it->watcher_life;
        if (watches && !it->over && has_ended(it) && it->downs != 1)
            WRONG("slot %u got %u downs for slot %u, which has ended", it->watcher, it->downs,
                  it->watched);
    }
}

static void check_timers(void) {
    for (size_t i = 0; i < book.timers; i++) {
        const timer *it = &book.timer[i];
        const slot *owner = &book.slot[it->owner];
        bool lives =
            owner->alive && owner->epoch == it->owner_epoch && owner->lives == it->owner_life;
        bool due = it->due < troupe_sim_now(book.sim);
        if (lives && due && it->set && !it->cancelled && !it->fired)
            WRONG("a timer of slot %u has never fired", it->owner);
    }
}

void ledger_check(void) {
    check_monitors();
    check_timers();
}

/* What an actor's account says beside what was seen of it from outside. Nothing runs. */
static void check_account(const slot *it) {
    troupe_account own;
    troupe *rt = book.rt[it->node];
    if (!it->alive || !rt || troupe_account_of(rt, it->ref, &own) != TROUPE_OK) return;
    const uint64_t taken = own.handled + own.dead[TROUPE_DEAD_FAILED];
    /* One that is tried again is received more than once. */
    if (!it->tries && (it->tied ? taken < it->received : taken != it->received))
        WRONG("slot %u received %llu messages, and its account says %llu", ledger_index(it),
              (unsigned long long)it->received, (unsigned long long)taken);
    /* Its signals are queued too. */
    if (!it->far && !it->tries && own.queued < it->outstanding)
        WRONG("slot %u has %u messages unread, and its account says %llu", ledger_index(it),
              it->outstanding, (unsigned long long)own.queued);
    if (troupe_account_missing(&own))
        WRONG("the account of slot %u does not add up", ledger_index(it));
}

void ledger_balance(void) {
    for (const slot *it = book.slot; it < book.slot + SLOTS; it++) check_account(it);
    for (unsigned i = 0; i < book.nodes; i++) {
        troupe_account all;
        if (!book.rt[i]) continue;
        troupe_account_all(book.rt[i], &all);
        if (troupe_account_missing(&all))
            WRONG("node %u: %lld messages are missing of %llu", i,
                  (long long)troupe_account_missing(&all), (unsigned long long)all.sent);
    }
}
