#include "actors/pool_roster.h"

#include "actors/find.h"
#include "actors/group_send.h"
#include "actors/send.h"
#include "base/heap.h"
#include "serial/share.h"

troupe_err tr_roster_init(tr_roster *roster, troupe *rt, tr_mutex *lock, uint32_t room) {
    *roster = (tr_roster){.rt = rt, .lock = lock, .room = room};
    roster->id = tr_take_zero(rt->heap, room * sizeof *roster->id);
    roster->pin = tr_take_zero(rt->heap, room * sizeof *roster->pin);
    if (roster->id && roster->pin) return TROUPE_OK;
    tr_roster_fini(roster);
    return TROUPE_NOMEM;
}

void tr_roster_fini(tr_roster *roster) {
    const troupe_heap *heap = roster->rt->heap;
    tr_give(heap, roster->id, roster->room * sizeof *roster->id);
    tr_give(heap, roster->pin, roster->room * sizeof *roster->pin);
}

static troupe_ref ref_of(const tr_roster *roster, uint64_t id) {
    return (troupe_ref){roster->rt->node, id};
}

/* Messages that a member has; false: it has ended. */
static inline bool count_mail(const tr_roster *roster, uint32_t at, uint32_t *mail) {
    const troupe_self *self =
        tr_table_find(&roster->rt->table, tr_load64_relaxed(&roster->id[at]));
    if (self) *mail = tr_mailbox_count(&self->task.box);
    return self;
}

/* --- Changes, under the lock ------------------------------------------------------------------ */

static void change(tr_roster *roster) {
    (void)tr_add32_seq(&roster->changes, 1);
}

/* Takes the id away from a place. Whoever has found it there has sent what he wanted to. Partner:
 * send_to, whose pin is seen here, or which sees that there is nobody. */
static void vacate(tr_roster *roster, uint32_t at) {
    tr_store64_seq(&roster->id[at], 0);
    while (tr_load32_seq(&roster->pin[at].held)) tr_thread_yield();
}

/* The last one moves to its place. */
static void take_out(tr_roster *roster, uint32_t at) {
    const uint32_t last = tr_load32_relaxed(&roster->count) - 1;
    const uint64_t id = tr_load64_relaxed(&roster->id[last]);
    change(roster);
    vacate(roster, at);
    if (at != last) vacate(roster, last);
    if (at != last) tr_store64_seq(&roster->id[at], id);
    tr_store32_seq(&roster->count, last);
    change(roster);
}

/* Takes out who has ended. */
static void purge(tr_roster *roster) {
    for (uint32_t i = tr_load32_relaxed(&roster->count); i > 0; i--)
        if (!tr_table_find(&roster->rt->table, tr_load64_relaxed(&roster->id[i - 1])))
            take_out(roster, i - 1);
}

bool tr_roster_enter(tr_roster *roster, uint64_t id) {
    purge(roster);
    const uint32_t count = tr_load32_relaxed(&roster->count);
    for (uint32_t i = 0; i < count; i++)
        if (tr_load64_relaxed(&roster->id[i]) == id) return true;
    if (count == roster->room) return false;
    change(roster);
    tr_store64_seq(&roster->id[count], id);
    tr_store32_seq(&roster->count, count + 1);
    change(roster);
    return true;
}

bool tr_roster_leave(tr_roster *roster, uint64_t id) {
    const uint32_t count = tr_load32_relaxed(&roster->count);
    for (uint32_t i = 0; i < count; i++) {
        if (tr_load64_relaxed(&roster->id[i]) != id) continue;
        take_out(roster, i);
        return true;
    }
    return false;
}

void tr_roster_clear(tr_roster *roster) {
    for (uint32_t i = tr_load32_relaxed(&roster->count); i > 0; i--) take_out(roster, i - 1);
}

tr_roster_load tr_roster_look(tr_roster *roster) {
    tr_roster_load load = {0, 0, 0};
    const uint32_t count = tr_load32_relaxed(&roster->count);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t mail;
        if (!count_mail(roster, i, &mail)) continue;
        load.members++;
        load.busy += mail > 0;
        load.mail += mail;
    }
    return load;
}

/* --- Choosing --------------------------------------------------------------------------------- */

/* Sends to who has a place. GONE: nobody has it any more. */
static troupe_err send_to(tr_roster *roster, uint32_t at, const tr_roster_mail *mail,
                          troupe_msg **msg, troupe_ref *to) {
    troupe_err err = TROUPE_GONE;
    (void)tr_add32_seq(&roster->pin[at].held, 1); /* partner: vacate */
    const uint64_t id = tr_load64_seq(&roster->id[at]);
    *to = ref_of(roster, id);
    if (id) err = tr_send(roster->rt, mail->from, *to, mail->how, msg);
    (void)tr_sub32_seq(&roster->pin[at].held, 1);
    return err;
}

/* To one after the other, from there on, until one takes it. */
static troupe_err send_from(tr_roster *roster, uint32_t at, uint32_t count,
                            const tr_roster_mail *mail, troupe_msg **msg, troupe_ref *to) {
    troupe_err err = TROUPE_GONE;
    for (uint32_t n = 0; n < count; n++) {
        troupe_err sent = send_to(roster, at, mail, msg, to);
        if (!sent) return TROUPE_OK;
        if (sent != TROUPE_GONE) err = sent;
        if (++at == count) at = 0;
    }
    return err;
}

/* Who has the fewest messages, the first from there on; nobody has fewer than none. */
static uint32_t find_least(tr_roster *roster, uint32_t from, uint32_t count) {
    uint32_t best = from, least = UINT32_MAX, at = from;
    for (uint32_t n = 0; n < count && least; n++) {
        uint32_t mail;
        if (count_mail(roster, at, &mail) && mail < least) {
            least = mail;
            best = at;
        }
        if (++at == count) at = 0;
    }
    return best;
}

/* The lesser of two that are drawn. */
static uint32_t find_lesser(const tr_roster *roster, uint32_t turn, uint32_t one, uint32_t count) {
    const uint32_t other = (turn * UINT32_C(2654435761) >> 12) % count;
    uint32_t mail_of_one, mail_of_other;
    if (!count_mail(roster, other, &mail_of_other)) return one;
    return count_mail(roster, one, &mail_of_one) && mail_of_one <= mail_of_other ? one : other;
}

static uint32_t find_owner(tr_roster *roster, uint32_t count, uint64_t key) {
    uint32_t best = 0;
    uint64_t most = 0;
    for (uint32_t i = 0; i < count; i++) {
        const uint64_t id = tr_load64_relaxed(&roster->id[i]);
        const uint64_t weight = id ? tr_group_weight(key, id) : 0;
        if (weight > most) best = i;
        if (weight > most) most = weight;
    }
    return best;
}

uint64_t tr_roster_idlest(tr_roster *roster) {
    purge(roster);
    const uint32_t count = tr_load32_relaxed(&roster->count);
    return count ? tr_load64_relaxed(&roster->id[find_least(roster, 0, count)]) : 0;
}

static troupe_err try_to_send(tr_roster *roster, const tr_roster_mail *mail, troupe_msg **msg,
                              troupe_ref *to) {
    const uint32_t count = tr_load32_acquire(&roster->count);
    if (!count) return TROUPE_GONE;
    if (mail->pick == TROUPE_PICK_KEY)
        return send_to(roster, find_owner(roster, count, mail->key), mail, msg, to);
    const uint32_t turn = tr_add32_relaxed(&roster->turn, 1);
    uint32_t first = turn % count;
    /* Their bounds may differ: who has the least may be full, and another one not. */
    if (mail->pick == TROUPE_PICK_LEAST) first = find_least(roster, first, count);
    if (mail->pick == TROUPE_PICK_TWO) first = find_lesser(roster, turn, first, count);
    return send_from(roster, first, count, mail, msg, to);
}

troupe_err tr_roster_send(tr_roster *roster, const tr_roster_mail *mail, troupe_msg **msg,
                          troupe_ref *to) {
    const uint32_t before = tr_load32_seq(&roster->changes);
    troupe_err err = try_to_send(roster, mail, msg, to);
    if (!err) return TROUPE_OK;
    /* Who was refused has looked at all of them, if they have not changed meanwhile. */
    if (err != TROUPE_GONE && before % 2 == 0 && tr_load32_seq(&roster->changes) == before)
        return err;
    tr_lock(roster->lock);
    do {
        purge(roster);
        err = try_to_send(roster, mail, msg, to);
    } while (err == TROUPE_GONE && tr_load32_relaxed(&roster->count));
    tr_unlock(roster->lock);
    return err;
}

/* --- To all ----------------------------------------------------------------------------------- */

static bool has_full(const tr_roster *roster) {
    for (uint32_t i = 0; i < tr_load32_relaxed(&roster->count); i++) {
        const troupe_ref who = ref_of(roster, tr_load64_relaxed(&roster->id[i]));
        uint32_t mail, limit;
        if (!troupe_mailbox(roster->rt, who, &mail, &limit) && mail >= limit) return true;
    }
    return false;
}

troupe_err tr_roster_send_all(tr_roster *roster, troupe_ref from, troupe_msg **msg) {
    troupe *rt = roster->rt;
    troupe_err err = TROUPE_GONE;
    uint32_t reached = 0;
    purge(roster);
    if (has_full(roster)) return TROUPE_FULL;
    for (uint32_t i = 0; i < tr_load32_relaxed(&roster->count); i++) {
        troupe_msg *share;
        troupe_err sent = tr_msg_share(&rt->pool, msg, &share);
        if (!sent)
            sent =
                tr_send(rt, from, ref_of(roster, tr_load64_relaxed(&roster->id[i])), 0, &share);
        troupe_drop(&share);
        reached += !sent;
        if (sent == TROUPE_NOMEM) err = sent;
    }
    if (reached) troupe_drop(msg);
    return reached ? TROUPE_OK : err;
}
