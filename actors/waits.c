#include "actors/waits.h"

#include <stdio.h>
#include <string.h>

#include "actors/actor.h"
#include "actors/blocking.h"
#include "actors/report.h"
#include "base/check.h"
#include "base/place.h"

enum { NAMED_MOST = 8, RING_ROOM = 1200 };

static const char *const texts[] = {
#define TEXT(name, text) [TROUPE_WAIT_##name] = (text),
    TROUPE_WAITS(TEXT)
#undef TEXT
};

const char *troupe_wait_text(troupe_wait_kind what) {
    return (unsigned)what < TROUPE_WAIT_KINDS ? texts[what] : "something unknown";
}

void tr_waits_init(tr_waits *waits, const troupe_heap *heap) {
    *waits = (tr_waits){.number = 0};
    tr_list_init(&waits->all);
    tr_list_init(&waits->suspended);
    tr_map_init(&waits->by_actor, heap);
}

void tr_waits_fini(tr_waits *waits) {
    tr_map_fini(&waits->by_actor);
}

/* --- Waiting ---------------------------------------------------------------------------------- */

bool tr_waits_allowed(const troupe *rt) {
    const tr_place place = tr_place_now();
    return place.runtime != rt || place.blocking;
}

/* The actor in whose callback the calling thread is; NULL: it is in none. */
static troupe_self *whose(const troupe *rt) {
    const tr_place place = tr_place_now();
    if (place.runtime != rt || !tr_blocking_me) return NULL;
    uint64_t running = tr_load64_relaxed(&tr_blocking_me->running);
    return (troupe_self *)(uintptr_t)running; /* its task is its first member */
}

bool tr_waits_open(troupe *rt, tr_wait *wait, tr_cond *wake) {
    tr_waits *waits = &rt->asks.waits;
    *wait = (tr_wait){.by = whose(rt), .wake = wake, .since = tr_runtime_clock(rt)};
    tr_list_init(&wait->all);
    tr_list_init(&wait->suspended);
    tr_list_init(&wait->edges);
    if (wait->by) {
        if (!tr_map_add(&waits->by_actor, wait->by->id, &wait->by_actor)) return false;
        tr_list_add(&waits->suspended, &wait->suspended);
        wait->starting = !wait->by->ready;
    }
    wait->number = ++waits->number;
    tr_list_add(&waits->all, &wait->all);
    return true;
}

void tr_waits_add(tr_wait *wait, tr_edge *edge, uint64_t asker, tr_aim aim) {
    *edge = (tr_edge){.wait = wait, .asker = asker, .aim = aim};
    tr_list_init(&edge->of_wait);
    tr_list_add(&wait->edges, &edge->of_wait);
    wait->waiting++;
}

void tr_waits_stir(tr_wait *wait) {
    if (!wait->by || !wait->placed || !wait->wake) return;
    wait->look = true;
    tr_cond_wake(wait->wake);
}

void tr_waits_place(tr_waits *waits, tr_wait *wait) {
    wait->placed = true;
    if (wait->by && waits->over) wait->ended = TROUPE_CLOSED;
    tr_waits_stir(wait);
}

void tr_waits_sleep(troupe *rt, tr_wait *wait, uint64_t deadline) {
    tr_lock(&rt->asks.lock);
    tr_waits_place(&rt->asks.waits, wait);
    while (!tr_wait_settled(wait) && !wait->ended) {
        if (wait->look) {
            tr_waits_look(rt, wait);
        } else if (rt->sched.stepped) {
            tr_unlock(&rt->asks.lock);
            bool moves = tr_runtime_advance(rt, deadline);
            tr_lock(&rt->asks.lock);
            /* Nobody else moves a stepped runtime's actors, so if none can run, none will. */
            if (!moves) break;
        } else if (!tr_cond_wait(wait->wake, &rt->asks.lock, deadline)) {
            break;
        }
    }
    tr_unlock(&rt->asks.lock);
}

void tr_waits_settle(tr_edge *edge, bool answered) {
    tr_wait *wait = edge->wait;
    edge->settled = true;
    wait->waiting--;
    wait->answered += answered;
    /* One less may answer, or fail: so a circle among the others may be one now. */
    tr_waits_stir(wait);
}

void tr_waits_move(tr_edge *edge, tr_aim aim) {
    if (troupe_same(edge->aim.whom, aim.whom) && edge->aim.what == aim.what) return;
    edge->aim = aim;
    edge->found_in = 0;
    edge->kept = false;
    tr_waits_stir(edge->wait);
}

void tr_waits_close(tr_waits *waits, tr_wait *wait) {
    tr_list_remove(&wait->all);
    tr_list_remove(&wait->suspended);
    if (wait->by) tr_map_remove(&waits->by_actor, &wait->by_actor);
}

void tr_waits_end(tr_waits *waits) {
    waits->over = true;
    for (tr_list *at = waits->suspended.next; at != &waits->suspended; at = at->next) {
        tr_wait *wait = TR_OWNER(at, tr_wait, suspended);
        if (!wait->ended) wait->ended = TROUPE_CLOSED;
        if (wait->wake) tr_cond_wake(wait->wake);
    }
}

size_t troupe_waits(troupe *rt, troupe_wait *out, size_t room) {
    tr_waits *waits = &rt->asks.waits;
    size_t n = 0;
    const uint64_t now = tr_runtime_clock(rt);
    tr_lock(&rt->asks.lock);
    for (tr_list *at = waits->all.next; at != &waits->all; at = at->next) {
        const tr_wait *wait = TR_OWNER(at, tr_wait, all);
        const troupe_ref who = wait->by ? tr_actor_ref(wait->by) : TROUPE_NOBODY;
        for (tr_list *to = wait->edges.next; to != &wait->edges; to = to->next) {
            const tr_edge *edge = TR_OWNER(to, tr_edge, of_wait);
            if (edge->settled) continue;
            if (n < room)
                out[n] = (troupe_wait){who, edge->aim.whom, edge->aim.what,
                                       now > wait->since ? (now - wait->since) / TR_MS : 0};
            n++;
        }
    }
    tr_unlock(&rt->asks.lock);
    return n;
}

/* --- Circles ---------------------------------------------------------------------------------- */

/* The wait that must be over before an edge can be settled; NULL: there is none. */
static tr_wait *behind(const tr_waits *waits, const tr_edge *edge) {
    const tr_aim *aim = &edge->aim;
    if (edge->settled || edge->moving) return NULL;
    if (edge->kept && aim->what == TROUPE_WAIT_ANSWER) return NULL;
    tr_map_entry *entry = tr_map_find(&waits->by_actor, aim->whom.id);
    tr_wait *next = entry ? TR_OWNER(entry, tr_wait, by_actor) : NULL;
    if (!next || !next->placed || next->by->rt->node != aim->whom.node) return NULL;
    if (aim->what == TROUPE_WAIT_START) return next->starting ? next : NULL;
    /* Else it has room, and says so in a moment. */
    if (aim->what == TROUPE_WAIT_ROOM && !tr_mailbox_wanted(&next->by->task.box)) return NULL;
    if (next->wake) return next;
    const bool end = aim->what == TROUPE_WAIT_STOP || aim->what == TROUPE_WAIT_END;
    return end && next->stops ? next : NULL;
}

/* How many of its edges can't be settled as long as the doomed ones wait. */
static size_t stuck_edges(const tr_waits *waits, const tr_wait *wait) {
    size_t stuck = 0;
    for (tr_list *at = wait->edges.next; at != &wait->edges; at = at->next) {
        const tr_wait *next = behind(waits, TR_OWNER(at, tr_edge, of_wait));
        stuck += next && next->doomed;
    }
    return stuck;
}

/* Whether those that are not stuck can't end it: neither all with answers, nor all with none. */
static bool is_stuck(const tr_waits *waits, const tr_wait *wait) {
    const size_t stuck = stuck_edges(waits, wait), free = wait->waiting - stuck;
    const size_t need = wait->want - wait->answered;
    if (wait->ended || tr_wait_settled(wait)) return false;
    return wait->want ? free < need && stuck >= need : stuck > 0;
}

/* Marks all waits that no answer from outside of them can end: all are taken for doomed, until
 * those that can go on are none. */
static void find_doomed(tr_waits *waits) {
    tr_list *const end = &waits->suspended;
    for (tr_list *at = end->next; at != end; at = at->next)
        TR_OWNER(at, tr_wait, suspended)->doomed = true;
    for (bool changed = true; changed;) {
        changed = false;
        for (tr_list *at = end->next; at != end; at = at->next) {
            tr_wait *wait = TR_OWNER(at, tr_wait, suspended);
            if (!wait->doomed || (wait->placed && is_stuck(waits, wait))) continue;
            wait->doomed = false;
            changed = true;
        }
    }
}

static void see_none(tr_waits *waits) {
    for (tr_list *at = waits->suspended.next; at != &waits->suspended; at = at->next)
        TR_OWNER(at, tr_wait, suspended)->seen = false;
}

/* Whether the waits lead from one back to `goal`; `via` says how. */
static bool leads_to(const tr_waits *waits, tr_wait *from, const tr_wait *goal) {
    from->seen = true;
    for (tr_list *at = from->edges.next; at != &from->edges; at = at->next) {
        from->via = TR_OWNER(at, tr_edge, of_wait);
        tr_wait *next = behind(waits, from->via);
        if (!next || !next->doomed) continue;
        if (next == goal || (!next->seen && leads_to(waits, next, goal))) return true;
    }
    return false;
}

/* Whether a wait is in a circle of doomed ones, which is found by their `via` then. */
static bool in_circle(tr_waits *waits, tr_wait *me) {
    find_doomed(waits);
    if (!me->doomed) return false;
    see_none(waits);
    return leads_to(waits, me, me);
}

static tr_wait *next_in_circle(const tr_waits *waits, const tr_wait *wait) {
    return behind(waits, wait->via);
}

/* --- What only the waiting one can see -------------------------------------------------------- */

static bool is_question_of(const tr_link *link, uint64_t asker) {
    const troupe_msg *msg = (const void *)link; /* see tr_msg_of */
    return (msg->flags & TR_MSG_ASK) && !(msg->flags & TR_MSG_FOREIGN) && msg->sender == asker;
}

/* Whether the actor has a question yet to answer: it is in its hand, or in its mailbox. */
static bool has_question(const troupe_self *self, uint64_t asker) {
    const uint32_t in_hand = tr_load32_relaxed(&self->in_hand);
    const bool own = (in_hand & TR_MSG_ASK) && !(in_hand & TR_MSG_FOREIGN);
    const bool open = !tr_actor_answered(self) && !(in_hand & TR_KEPT);
    if (own && open && tr_load64_relaxed(&self->sender_id) == asker) return true;
    return tr_mailbox_any(&self->task.box, is_question_of, asker);
}

/* Finds out of each question that leads to this wait, which is the calling thread's, whether it is
 * yet to be answered, or was handled and kept for later: that one may be answered by somebody
 * else, so it is no edge of a circle. Mail can only come while it waits, so what is found stays
 * so. Writes down the path, too. All under the lock by which mail and bond of a blocking actor may
 * be taken away. */
static void look_around(troupe *rt, tr_wait *me) {
    tr_waits *waits = &rt->asks.waits;
    tr_lock(&rt->sched.blocking.lock);
    if (!me->known) tr_actor_path(me->by, me->path, sizeof me->path);
    me->known = true;
    for (tr_list *at = waits->suspended.next; at != &waits->suspended; at = at->next) {
        tr_wait *wait = TR_OWNER(at, tr_wait, suspended);
        for (tr_list *to = wait->edges.next; to != &wait->edges; to = to->next) {
            tr_edge *edge = TR_OWNER(to, tr_edge, of_wait);
            if (!wait->placed || behind(waits, edge) != me || edge->found_in == me->number)
                continue;
            if (has_question(me->by, edge->asker))
                edge->found_in = me->number;
            else
                edge->kept = true;
        }
    }
    tr_unlock(&rt->sched.blocking.lock);
}

/* Has those in the circle look that have not since they were led to. False: all have. */
static bool others_look(const tr_waits *waits, tr_wait *me) {
    bool some = false;
    tr_wait *wait = me;
    do {
        tr_wait *next = next_in_circle(waits, wait);
        bool sure =
            wait->via->found_in == next->number || wait->via->aim.what != TROUPE_WAIT_ANSWER;
        if (!next->known || !sure) {
            tr_waits_stir(next);
            some = true;
        }
        wait = next;
    } while (wait != me);
    return some;
}

/* --- Telling ---------------------------------------------------------------------------------- */

/* A circle as it is told, once the lock has been let go. */
typedef struct tr_circle {
    char path[TR_WAIT_PATH], text[RING_ROOM];
    const char *behaviour, *doing, *next;
    troupe_ref who;
    uint32_t life;
    uint64_t for_ms;
} tr_circle;

static uint64_t ms_since(uint64_t now, uint64_t since) {
    return now > since ? (now - since) / TR_MS : 0;
}

/* Adds "a waits for b: an answer, 12 ms". */
static size_t add_edge(const tr_waits *waits, const tr_wait *wait, uint64_t now, char *text,
                       size_t used) {
    if (used >= RING_ROOM) return used;
    int n = snprintf(text + used, RING_ROOM - used, "%s%s waits for %s: %s, %llu ms",
                     used ? "; " : "", wait->path, next_in_circle(waits, wait)->path,
                     troupe_wait_text(wait->via->aim.what),
                     (unsigned long long)ms_since(now, wait->since));
    return n > 0 ? used + (size_t)n : used;
}

/* Adds one step of a circle to what that is known by. */
static uint64_t mix(uint64_t number, uint64_t next) {
    uint64_t x = (number << 32 ^ next) * UINT64_C(0x9E3779B97F4A7C15);
    return (x ^ x >> 29) * UINT64_C(0xBF58476D1CE4E5B9);
}

/* Writes a circle down, from its youngest wait on. False: just this one has been told. A wait may
 * come into another one later: if it waits for several, or what it waits for was passed on. */
static bool write_down(const tr_waits *waits, tr_wait *from, uint64_t now, tr_circle *out) {
    size_t used = 0, count = 0;
    uint64_t which = 0;
    tr_wait *wait = from;
    *out = (tr_circle){.for_ms = 0};
    do {
        if (count++ < NAMED_MOST) used = add_edge(waits, wait, now, out->text, used);
        if (ms_since(now, wait->since) > out->for_ms) out->for_ms = ms_since(now, wait->since);
        which += mix(wait->number, next_in_circle(waits, wait)->number);
        wait = next_in_circle(waits, wait);
    } while (wait != from);
    which |= 1;
    if (from->told == which) return false;
    from->told = which;
    if (count > NAMED_MOST && used < RING_ROOM)
        snprintf(out->text + used, RING_ROOM - used, "; and %zu more", count - NAMED_MOST);
    memcpy(out->path, from->path, sizeof out->path);
    out->behaviour = from->by->what->name ? from->by->what->name : "actor";
    out->doing = tr_actor_doing(from->by);
    out->who = tr_actor_ref(from->by);
    out->life = tr_load32_relaxed(&from->by->lives);
    return true;
}

static void tell(troupe *rt, const tr_circle *circle) {
    troupe_report report = tr_report_blank(TROUPE_REPORT_DEADLOCK, TROUPE_ERROR);
    report.path = circle->path;
    report.behaviour = circle->behaviour;
    report.who = circle->who;
    report.life = circle->life;
    report.doing = circle->doing;
    report.for_ms = circle->for_ms;
    report.why = TROUPE_DEADLOCK;
    report.text = circle->text;
    report.next = circle->next;
    report.hint = troupe_hint(TROUPE_DEADLOCK);
    tr_report_tell(rt, &report, "deadlock: %s; %s", circle->text, circle->next);
}

/* The wait that began last, in a circle: of those of threads. There is one, since supervisors wait
 * for what is below them only. */
static tr_wait *youngest(const tr_waits *waits, tr_wait *me) {
    tr_wait *best = NULL, *at = me;
    do {
        if (at->wake && (!best || at->number > best->number)) best = at;
        at = next_in_circle(waits, at);
    } while (at != me);
    return best;
}

/* Ends the wait of that number, if it is in a circle still. If not, since one of the others went on
 * while that was told, it may have come into one again meanwhile. */
static void break_it(tr_waits *waits, uint64_t number) {
    for (tr_list *at = waits->suspended.next; at != &waits->suspended; at = at->next) {
        tr_wait *wait = TR_OWNER(at, tr_wait, suspended);
        if (wait->number != number) continue;
        if (in_circle(waits, wait)) {
            wait->ended = TROUPE_DEADLOCK;
            tr_cond_wake(wait->wake);
        } else {
            wait->told = 0;
            tr_waits_stir(wait);
        }
        return;
    }
}

/* Looks whether a wait of which all is known closes a circle, and deals with that. */
static void look(troupe *rt, tr_wait *me) {
    tr_waits *waits = &rt->asks.waits;
    tr_circle circle;
    if (!in_circle(waits, me) || others_look(waits, me)) return;
    tr_wait *last = youngest(waits, me);
    const uint64_t number = last->number;
    if (!write_down(waits, last, tr_runtime_clock(rt), &circle)) return;
    circle.next = rt->config.break_deadlocks ? "the first of these waits ends with DEADLOCK"
                                             : "each waits until its deadline";
    tr_unlock(&rt->asks.lock);
    tell(rt, &circle); /* before anybody goes on */
    tr_lock(&rt->asks.lock);
    if (rt->config.break_deadlocks) break_it(waits, number);
}

/* --- Supervisors ------------------------------------------------------------------------------ */

/* Actors that are to say what they wait for, if they are supervisors. */
typedef struct tr_calls {
    uint64_t id[TR_CHANGE_MOST];
    size_t count;
} tr_calls;

/* Collects whose start or end is waited for, from a wait on. */
static void collect(const tr_waits *waits, tr_wait *from, tr_calls *calls) {
    from->seen = true;
    for (tr_list *at = from->edges.next; at != &from->edges; at = at->next) {
        const tr_edge *edge = TR_OWNER(at, tr_edge, of_wait);
        const tr_aim *aim = &edge->aim;
        const bool change = aim->what != TROUPE_WAIT_ANSWER && aim->what != TROUPE_WAIT_ROOM;
        const bool here = aim->whom.node == from->by->rt->node;
        if (!edge->settled && change && here && calls->count < TR_CHANGE_MOST)
            calls->id[calls->count++] = aim->whom.id;
        tr_wait *next = behind(waits, edge);
        if (next && !next->seen) collect(waits, next, calls);
    }
}

/* Has the supervisors whose start or end this wait leads to say what they wait for. Lets the lock
 * go for that. */
static void call_supervisors(troupe *rt, tr_wait *me) {
    tr_waits *waits = &rt->asks.waits;
    tr_calls calls = {.count = 0};
    see_none(waits);
    collect(waits, me, &calls);
    if (!calls.count) return;
    tr_unlock(&rt->asks.lock);
    for (size_t i = 0; i < calls.count; i++) tr_actor_ask(rt, calls.id[i], TR_CONTROL_SAY);
    tr_lock(&rt->asks.lock);
}

void tr_waits_look(troupe *rt, tr_wait *me) {
    tr_waits *waits = &rt->asks.waits;
    me->look = false;
    if (in_circle(waits, me)) look_around(rt, me);
    if (in_circle(waits, me))
        look(rt, me);
    else
        call_supervisors(rt, me);
}

/* Enters one. False: no memory. */
static bool enter_change(troupe *rt, tr_wait *wait, troupe_self *self) {
    tr_waits *waits = &rt->asks.waits;
    *wait = (tr_wait){.by = self, .since = tr_runtime_clock(rt), .placed = true, .known = true};
    tr_list_init(&wait->all);
    tr_list_init(&wait->suspended);
    tr_list_init(&wait->edges);
    if (!tr_map_add(&waits->by_actor, self->id, &wait->by_actor)) {
        wait->by = NULL;
        return false;
    }
    tr_list_add(&waits->suspended, &wait->suspended);
    wait->number = ++waits->number;
    tr_actor_path(self, wait->path, sizeof wait->path);
    return true;
}

void tr_waits_change(troupe *rt, tr_change *change, troupe_self *self, bool stops) {
    tr_wait *wait = &change->wait;
    if (!wait->by && !enter_change(rt, wait, self)) return;
    wait->starting = !self->ready;
    wait->stops = stops;
    tr_list_init(&wait->edges);
    wait->waiting = 0;
    for (size_t i = 0; i < change->count; i++)
        tr_waits_add(wait, &change->edge[i], 0, change->aim[i]);
    look(rt, wait);
}

void tr_waits_changed(tr_waits *waits, tr_change *change) {
    if (change->wait.by) tr_waits_close(waits, &change->wait);
    change->wait.by = NULL;
}
