/* Looking after the links of a node: heartbeats, deadlines, the ends of links. By a thread of its
 * own, the keeper, or by events of a simulation. */
#include <stdio.h>

#include "base/check.h"
#include "transport/groups.h"
#include "transport/question.h"

enum {
    TICK_MOST_MS = 500,  /* so that a handshake's deadline is met closely enough */
    HANDSHAKE_MS = 2000, /* for a peer to prove itself */
    HEARTBEAT_MS = 1000,
    BEATS = 4,           /* a heartbeat: one that is late, or lost with a tick, is not missed */
    SPREAD = 10,         /* of the heartbeat is the least deviation: 100 ms, as Akka has it */
    PHI = 800            /* hundredths, as Akka and Cassandra have it */
};

troupe_err tr_node_limits(const troupe_node_config *config, tr_suspicion_limits *out) {
    uint64_t heartbeat_ms = config->heartbeat_ms ? config->heartbeat_ms : HEARTBEAT_MS;
    uint64_t lost_ms = config->lost_ms ? config->lost_ms : 3 * heartbeat_ms;
    uint64_t sure_ms = config->suspect_ms ? config->suspect_ms : lost_ms - lost_ms / 5;
    if (sure_ms > lost_ms || config->suspicion > TR_SUSPICION_MOST) return TROUPE_INVALID;
    *out = (tr_suspicion_limits){.beat = heartbeat_ms * TR_MS / BEATS,
                                 .spread = heartbeat_ms * TR_MS / SPREAD,
                                 .sure = sure_ms * TR_MS,
                                 .lost = lost_ms * TR_MS,
                                 .phi = config->suspicion ? config->suspicion : PHI};
    return TROUPE_OK;
}

uint32_t tr_node_heartbeat_ms(const struct troupe_node *node) {
    return (uint32_t)(node->limits.beat * BEATS / TR_MS);
}

/* --- Waiting and waking ----------------------------------------------------------------------- */

uint64_t tr_node_clock(const struct troupe_node *node) {
    return tr_port_clock(node->rt);
}

bool tr_node_wait(struct troupe_node *node, uint64_t deadline) {
    if (!node->sim) return tr_cond_wait(&node->changed, &node->lock, deadline);
    tr_unlock(&node->lock);
    bool moved = tr_sim_advance(node->sim, deadline);
    tr_lock(&node->lock);
    return moved && tr_node_clock(node) < deadline;
}

void tr_node_wake(struct troupe_node *node) {
    if (node->sim)
        tr_sim_set(node->sim, &node->tend, tr_node_clock(node));
    else
        tr_cond_wake(&node->work);
}

/* --- The links -------------------------------------------------------------------------------- */

/* The end of a link whose stream is closed: everything that depends on it learns so. */
static void lost(tr_peer_link *link, bool was_up, bool orderly) {
    struct troupe_node *node = link->node;
    tr_lock(&link->in_lock);
    tr_incoming_fini(&link->incoming);
    tr_unlock(&link->in_lock);
    if (!was_up) return;
    tr_link_lose(link);
    tr_promises_lost(link);
    tr_port_log(node->rt, orderly ? TROUPE_INFO : TROUPE_WARN, "node %s is %s",
                link->shake.peer.name, orderly ? "disconnected" : "lost");
    tr_port_node_lost(node->rt, link->shake.peer.node);
    tr_question_lost(link);
}

/* Does what is due for one link, under the lock, which it may let go meanwhile. True: look again
 * from the beginning. */
static bool reap(struct troupe_node *node, tr_peer_link *link) {
    if (link->closed && link->state != TR_LINK_DOWN) {
        bool was_up = link->state == TR_LINK_UP, orderly = link->orderly;
        link->state = TR_LINK_DOWN;
        link->losing = was_up;
        link->refs++;
        tr_unlock(&node->lock);
        lost(link, was_up, orderly);
        tr_lock(&node->lock);
        link->losing = false;
        link->refs--;
        tr_cond_wake_all(&node->changed);
        tr_keep_wake(node);
        return true;
    }
    if (link->state == TR_LINK_DOWN && link->refs == 1) {
        tr_list_remove(&link->of_node);
        tr_node_forget_heard(node);
        tr_unlock(&node->lock);
        tr_link_free(link);
        tr_lock(&node->lock);
        tr_cond_wake_all(&node->changed);
        return true;
    }
    return false;
}

static void reap_all(struct troupe_node *node) {
    tr_list *at = node->links.next;
    while (at != &node->links)
        at = reap(node, TR_OWNER(at, tr_peer_link, of_node)) ? node->links.next : at->next;
}

/* --- Peers that say too much ------------------------------------------------------------------ */

void tr_node_spent(tr_peer_link *link, uint64_t frames, uint64_t bytes) {
    struct troupe_node *node = link->node;
    if (!node->rates.frames && !node->rates.bytes) return;
    uint64_t until = tr_quota_take(&link->quota, &node->rates, tr_node_clock(node), frames, bytes);
    if (!until) return;
    link->net->hold(link->stream, true); /* before the keeper may let it go */
    tr_lock(&node->lock);
    bool over = node->over;
    if (!over) link->held_until = until;
    if (!over) tr_node_wake(node);
    tr_unlock(&node->lock);
    if (over) link->net->hold(link->stream, false); /* its goodbye has to be heard */
}

/* Has the peers read again whose time has come, under the lock, which is let go for each. When the
 * next one's comes. */
static uint64_t let_go(struct troupe_node *node) {
    uint64_t next = TR_NEVER, now = tr_node_clock(node);
    if (!node->rates.frames && !node->rates.bytes) return next;
    for (tr_list *at = node->links.next; at != &node->links; at = at->next) {
        tr_peer_link *link = TR_OWNER(at, tr_peer_link, of_node);
        if (!link->held_until || link->closed) continue;
        if (link->held_until > now && !node->over) {
            if (link->held_until < next) next = link->held_until;
            continue;
        }
        link->held_until = 0;
        link->refs++;
        tr_unlock(&node->lock);
        uint64_t heard = tr_load64_relaxed(&link->heard);
        tr_link_excuse(link, heard, now - heard); /* it could not be heard meanwhile */
        link->net->hold(link->stream, false);
        tr_lock(&node->lock);
        link->refs--; /* only this thread frees it: `at` is still in the list */
    }
    return next;
}

/* Gives up a peer that was silent for too long. When it would be, if nothing comes. */
static uint64_t judge(tr_peer_link *link, uint64_t now) {
    uint64_t heard = tr_load64_relaxed(&link->heard), patience;
    uint64_t silence = now > heard ? now - heard : 0, judge_at = link->node->judge_at;
    unsigned phi;
    if (!tr_link_judge(link, silence, &patience, &phi)) return TR_NEVER;
    uint64_t at = heard + patience + 1;
    if (at < judge_at) at = judge_at;
    if (now < at) return at;
    char why[96];
    (void)snprintf(why, sizeof why,
                   "nothing was heard of it for too long: %u ms, suspicion %u.%02u",
                   (unsigned)(silence / TR_MS), phi / 100, phi % 100);
    tr_link_break(link, why);
    return TR_NEVER;
}

/* So much was sent to the peer, and is not acknowledged, that no more is: that is said once. */
static void report_full(tr_peer_link *link) {
    tr_lock(&link->out_lock);
    const bool full = link->outgoing.refused && !link->full_told;
    if (full) link->full_told = true;
    tr_unlock(&link->out_lock);
    if (!full) return;
    const tr_trouble trouble = {link->shake.peer.name,
                                "it acknowledges too little of what is sent to it, or too many of "
                                "its actors are sent to",
                                "what is sent to it is FULL until it does", TROUPE_FULL};
    tr_port_trouble(link->node->rt, &trouble, "node %s: %s; %s", trouble.peer, trouble.text,
                    trouble.next);
}

/* Once a tick: says that we live, if a heartbeat is due, and gives up a peer of which nothing is
 * heard. When that would be. */
static uint64_t tick(tr_peer_link *link, uint64_t now, bool beat) {
    struct troupe_node *node = link->node;
    tr_lock(&node->lock);
    tr_link_state state = link->state;
    bool refused = link->outcome != TROUPE_LATER, closed = link->closed;
    bool held = link->held_until != 0; /* so its silence is ours */
    tr_unlock(&node->lock);
    if (state == TR_LINK_SHAKING && now > tr_after_ms(link->since, HANDSHAKE_MS)) {
        if (!refused)
            tr_node_refused(link, TROUPE_TIMEOUT, "the peer did not prove itself in time");
        tr_link_cut(link);
    }
    if (state != TR_LINK_UP || closed) return TR_NEVER;
    tr_link_acknowledge(link);
    report_full(link);
    tr_link_trim(link);
    tr_promises_tick(link);
    tr_groups_tell_peer(link); /* what could not be told before */
    /* Whatever else is said: what comes as regularly as that is what the peer can judge us by. */
    if (beat) (void)tr_link_say(link, &(tr_frame){.kind = TR_FRAME_PING});
    return held ? TR_NEVER : judge(link, now);
}

/* This node was not able to listen from when it should have woken until now: it was stopped, or the
 * machine slept, or had no time for it. Who was not heard meanwhile is not judged by that. And
 * nothing is said before what has come is looked at: to say something to a peer that has closed
 * would throw its last words away. */
static void stood_still(struct troupe_node *node, uint64_t since, uint64_t now) {
    for (tr_peer_link *link = NULL; (link = tr_node_next(node, link));)
        tr_link_excuse(link, since, now - since);
    node->beat_at = now + node->limits.beat;
    node->judge_at = now + 2 * node->limits.beat;
}

/* What is due for all links. When there is more to do. */
static uint64_t tick_all(struct troupe_node *node, uint64_t now) {
    uint64_t soonest = TR_NEVER;
    bool beat = now >= node->beat_at;
    if (beat) node->beat_at += node->limits.beat;
    if (node->beat_at <= now) node->beat_at = now + node->limits.beat;
    tr_spawner_tend(node);
    for (tr_peer_link *link = NULL; (link = tr_node_next(node, link));) {
        uint64_t at = tick(link, now, beat);
        if (at < soonest) soonest = at;
    }
    return node->beat_at < soonest ? node->beat_at : soonest;
}

/* What the keeper does whenever it wakes, under the lock. When it has to wake next. */
static uint64_t tend(struct troupe_node *node) {
    for (;;) {
        reap_all(node);
        tr_groups_tell_all(node);
        uint64_t now = tr_node_clock(node), due = node->due;
        if (now < due) break;
        uint64_t next, most = tr_after_ms(now, TICK_MOST_MS);
        tr_unlock(&node->lock);
        if (now - due < 2 * node->limits.beat) {
            next = tick_all(node, now);
        } else {
            stood_still(node, due, now);
            next = node->beat_at;
        }
        tr_lock(&node->lock);
        node->due = next < most ? next : most;
    }
    uint64_t held = let_go(node);
    uint64_t redial = node->sim ? tr_keep_look(node) : TR_NEVER; /* else on a thread of its own */
    /* Without links there is nothing to do, and no reason to wake up. */
    uint64_t next = tr_list_empty(&node->links) ? TR_NEVER : node->due;
    if (held < next) next = held;
    return next < redial ? next : redial;
}

static bool is_over(const struct troupe_node *node) {
    return node->over && tr_list_empty(&node->links);
}

static void *keep(void *arg) {
    struct troupe_node *node = arg;
    tr_lock(&node->lock);
    for (uint64_t next = tend(node); !is_over(node); next = tend(node))
        (void)tr_cond_wait(&node->work, &node->lock, next);
    tr_unlock(&node->lock);
    return NULL;
}

/* The same as an event of a simulation. */
static void tend_once(void *ctx) {
    struct troupe_node *node = ctx;
    tr_lock(&node->lock);
    uint64_t next = tend(node);
    if (!is_over(node) && next != TR_NEVER) tr_sim_set(node->sim, &node->tend, next);
    tr_unlock(&node->lock);
}

bool tr_node_tend(struct troupe_node *node) {
    node->due = node->beat_at = tr_node_clock(node);
    if (!node->sim) return tr_thread_start(&node->keeper, "troupe:node", keep, node);
    tr_list_init(&node->tend.of_sim);
    node->tend.agent = node->me.node;
    node->tend.run = tend_once;
    node->tend.ctx = node;
    return true;
}

void tr_node_leave(struct troupe_node *node) {
    if (node->sim)
        tr_sim_unset(&node->tend);
    else
        tr_thread_join(&node->keeper);
}
