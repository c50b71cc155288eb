/* The keeper of a child elsewhere: an actor whose life is that of an actor of another node. */
#include <stdio.h>
#include <string.h>
#include <troupe/ask.h>
#include <troupe/room.h>
#include <troupe/stash.h>

#include "serial/codec.h"
#include "serial/type.h"
#include "transport/far.h"
#include "transport/node.h"

enum {
    WAIT_MS = 5000,
    STOP_MS = 4000,
    LEASE_MS = 5000,
    LEASE_LEAST_MS = 1000,
    AGAIN_MS = 50,         /* what can't be done now is tried again */
    ANSWER_MS = 0x7fffffff /* of a host: it always answers, or is lost */
};

typedef enum phase {
    SEEKING,  /* a node, and its host */
    ASKING,   /* who the host is */
    CLEARING, /* waits until no earlier life can be elsewhere */
    STARTING,
    RUNNING
} phase;

/* The tags of requests, and the keys of timers. */
enum { CLEAR = 1, START, AWAIT, AGAIN };

static const troupe_type again_type = TROUPE_SIGNAL_TYPE("far again");
static const troupe_type where_type = TROUPE_SIGNAL_TYPE("far where");
struct far_where {
    const char *node;
    troupe_ref who;
    uint64_t token;
};
static const troupe_type here_type =
    TROUPE_TYPE(far_where, TROUPE_FIELD(far_where, node), TROUPE_FIELD(far_where, who),
                TROUPE_FIELD(far_where, token));

/* One life of a keeper. */
typedef struct keeper {
    struct troupe_node *node;
    const troupe_far *what;
    tr_far_home *home;
    phase phase;
    char peer[TROUPE_NAME_MAX + 1]; /* that it is on, or shall be */
    uint64_t question;              /* who its host is */
    uint64_t until;                 /* a node must be found by then */
    troupe_ref steward, child;
    bool awaits;   /* it has asked how it ends */
    bool full;     /* it waits to hear of room: mail is set aside */
    bool stopping; /* and `stopped`: the host was told */
    bool stopped;
} keeper;

static unsigned or_else(unsigned ms, unsigned standard) {
    return ms ? ms : standard;
}

static unsigned stop_ms(const troupe_far *what) {
    return or_else(what->stop_ms, STOP_MS);
}

/* After the loss of its node no life can be there any more so much later; 0: nobody asks. */
static uint64_t fence_ms(const troupe_far *what) {
    if (what->lease_ms == TROUPE_NO_LEASE) return 0;
    uint64_t lease = or_else(what->lease_ms, LEASE_MS);
    uint64_t stop = what->stop_ms == TROUPE_BRUTAL ? 0 : stop_ms(what);
    return lease + lease / 16 + stop + TR_FAR_LATE_MS;
}

static uint64_t now(const keeper *k) {
    return troupe_now(k->node->rt);
}

/* --- Its start -------------------------------------------------------------------------------- */

static bool is_sound(const troupe_far *what) {
    if (!what || !what->id || !*what->id || strlen(what->id) > TROUPE_NAME_MAX) return false;
    if (!what->what || !*what->what || strlen(what->what) > TROUPE_NAME_MAX) return false;
    if (what->node && strlen(what->node) > TROUPE_NAME_MAX) return false;
    if (what->lease_ms && what->lease_ms < LEASE_LEAST_MS) return false;
    return what->stop_ms != TROUPE_FOREVER;
}

typedef struct leaving {
    struct troupe_node *node;
    tr_far_home *home;
} leaving;

static void leave(void *arg) {
    const leaving *it = arg;
    tr_far_home_leave(it->node, it->home);
}

/* Takes the book of this child, until the end of this life. */
static troupe_err take_home(troupe_self *self, keeper *k) {
    leaving *it = troupe_alloc(self, sizeof *it);
    if (!it) return TROUPE_NOMEM;
    troupe_err err = tr_far_home_take(k->node, k->what->id, &k->home);
    if (err) return err;
    *it = (leaving){k->node, k->home};
    err = troupe_defer(self, leave, it);
    if (err) leave(it);
    return err;
}

static troupe_err have_again(troupe_self *self, unsigned ms) {
    troupe_msg *msg = NULL;
    troupe_err err = troupe_make(troupe_runtime(self), &again_type, NULL, &msg);
    if (!err) err = troupe_set_timer(self, AGAIN, ms, 0, &msg);
    troupe_drop(&msg);
    return err;
}

static const char *where(const keeper *k) {
    return *k->peer ? k->peer : k->what->node ? k->what->node : "?";
}

static troupe_err fail(troupe_self *self, const keeper *k, troupe_err why, const char *what) {
    return troupe_fail(self, why, "%s on node %s %s: %s", k->what->what, where(k), what,
                       troupe_strerror(why));
}

/* --- Which node ------------------------------------------------------------------------------- */

static size_t fewest(const troupe_candidate *nodes, size_t count) {
    size_t least = 0;
    for (size_t i = 1; i < count; i++)
        if (nodes[i].children < nodes[least].children) least = i;
    return least;
}

/* Lets it be chosen; NOCONNECTION: there is none. */
static troupe_err choose(troupe_self *self, keeper *k) {
    size_t room = troupe_peers(k->node, NULL, 0);
    if (!room) return TROUPE_NOCONNECTION;
    troupe_peer *peers = troupe_alloc(self, room * sizeof *peers);
    troupe_candidate *nodes = troupe_alloc(self, room * sizeof *nodes);
    if (!peers || !nodes) {
        troupe_free(self, peers);
        troupe_free(self, nodes);
        return TROUPE_NOMEM;
    }
    size_t count = troupe_peers(k->node, peers, room);
    if (count > room) count = room;
    for (size_t i = 0; i < count; i++)
        nodes[i] = (troupe_candidate){peers[i].name, peers[i].node,
                                      tr_far_home_count(k->node, peers[i].node, k->home)};
    size_t at = count;
    if (count)
        at = k->what->choose ? k->what->choose(k->what->ctx, nodes, count) : fewest(nodes, count);
    if (at < count) (void)snprintf(k->peer, sizeof k->peer, "%s", peers[at].name);
    troupe_free(self, peers);
    troupe_free(self, nodes);
    return at < count ? TROUPE_OK : TROUPE_NOCONNECTION;
}

/* Waits for a node, or gives up. */
static troupe_err wait_for_node(troupe_self *self, keeper *k) {
    k->phase = SEEKING;
    if (now(k) >= k->until) return fail(self, k, TROUPE_NOCONNECTION, "could not start");
    return have_again(self, AGAIN_MS);
}

/* A former process of this node may have left a life on any node; so where the next one is chosen,
 * all leases of then must be over. On a fixed node its host sees to that. 0: they are. */
static unsigned wait_for_leases(const keeper *k) {
    uint64_t over = tr_after_ms(k->node->far.opened, (unsigned)fence_ms(k->what));
    bool known = k->what->node || k->home->token || !fence_ms(k->what);
    return known || now(k) >= over ? 0 : (unsigned)((over - now(k)) / TR_MS + 1);
}

static troupe_err seek(troupe_self *self, keeper *k) {
    troupe_err err = TROUPE_OK;
    unsigned leases_ms = wait_for_leases(k);
    if (leases_ms) {
        k->phase = SEEKING;
        k->until = tr_after_ms(now(k), leases_ms + or_else(k->what->wait_ms, WAIT_MS));
        return have_again(self, leases_ms);
    }
    if (k->what->node)
        (void)snprintf(k->peer, sizeof k->peer, "%s", k->what->node);
    else
        err = choose(self, k);
    if (!err) err = troupe_whereis_on(self, k->peer, TR_FAR_HOST, &k->question);
    if (err == TROUPE_NOCONNECTION || err == TROUPE_FULL) return wait_for_node(self, k);
    if (err) return fail(self, k, err, "could not start");
    k->phase = ASKING;
    return TROUPE_OK;
}

/* --- No life before it ------------------------------------------------------------------------ */

/* The old node is lost: since now at the latest nobody renews its lease. */
static void lose(keeper *k) {
    if (!k->home->clear_at) k->home->clear_at = tr_after_ms(now(k), (unsigned)fence_ms(k->what));
}

static struct far_about about(troupe_self *self, const keeper *k, uint32_t act) {
    return (struct far_about){act, k->what->id, troupe_me(self), k->home->token};
}

/* Sends a request to the host that has the child, or had it. */
static troupe_err request(troupe_self *self, const keeper *k, uint32_t act, uint64_t tag) {
    const struct far_about body = about(self, k, act);
    troupe_msg *msg = NULL;
    troupe_err err = troupe_make(k->node->rt, &tr_far_about_type, &body, &msg);
    if (!err) err = troupe_request(self, k->home->host, &msg, ANSWER_MS, tag);
    troupe_drop(&msg);
    return err;
}

/* Makes sure that no earlier life is left on another host, then looks for a node anew. */
static troupe_err clear_old(troupe_self *self, keeper *k) {
    k->phase = CLEARING;
    if (k->home->clear_at && now(k) >= k->home->clear_at) {
        tr_far_home_clear(k->node, k->home);
    } else {
        troupe_err err = request(self, k, FAR_CLEAR, CLEAR);
        if (!err) return TROUPE_OK;
        if (err == TROUPE_NOCONNECTION || err == TROUPE_GONE) lose(k);
        return have_again(self, AGAIN_MS);
    }
    k->until = tr_after_ms(now(k), or_else(k->what->wait_ms, WAIT_MS));
    return seek(self, k);
}

/* --- Its actor -------------------------------------------------------------------------------- */

static troupe_err send_start(troupe_self *self, keeper *k, const tr_buffer *arg) {
    const troupe_far *what = k->what;
    unsigned lease = what->lease_ms == TROUPE_NO_LEASE ? 0 : or_else(what->lease_ms, LEASE_MS);
    const struct far_start body = {
        .id = what->id,
        .what = what->what,
        .type = what->type ? tr_types_hash(tr_port_types(k->node->rt), what->type) : 0,
        .arg = {arg->data, arg->size},
        .keeper = troupe_me(self),
        .steward = k->steward,
        .token = k->home->token,
        .stop_ms = stop_ms(what),
        .lease_ms = lease};
    troupe_msg *msg = NULL;
    troupe_err err = troupe_make(k->node->rt, &tr_far_start_type, &body, &msg);
    if (!err) err = troupe_request(self, k->home->host, &msg, ANSWER_MS, START);
    troupe_drop(&msg);
    return err;
}

static troupe_err start_there(troupe_self *self, keeper *k, troupe_ref host) {
    const troupe_far *what = k->what;
    tr_buffer arg = {.heap = k->node->heap};
    troupe_err err = TROUPE_OK;
    if (what->type) err = tr_pack(what->type, what->arg, k->node->message_limit, &arg);
    if (!err) {
        tr_far_home_enter(k->node, k->home, host);
        err = send_start(self, k, &arg);
    }
    tr_buffer_fini(&arg);
    k->phase = STARTING;
    if (err == TROUPE_FULL || err == TROUPE_NOCONNECTION || err == TROUPE_GONE) {
        if (err != TROUPE_FULL) lose(k);
        return wait_for_node(self, k);
    }
    return err ? fail(self, k, err, "could not start") : TROUPE_OK;
}

/* What came of the question for the host. */
static troupe_err hear_host(troupe_self *self, keeper *k, const struct troupe_far_answer *answer) {
    if (k->phase != ASKING || answer->number != k->question) return TROUPE_OK; /* of another life */
    troupe_err why = (troupe_err)answer->why;
    if (why == TROUPE_NOCONNECTION) return wait_for_node(self, k);
    if (why == TROUPE_NOTFOUND) return troupe_fail(self, why, "node %s hosts no children", k->peer);
    if (why) return fail(self, k, why, "could not start");
    if (k->home->maybe && !troupe_same(k->home->host, answer->who)) return clear_old(self, k);
    return start_there(self, k, answer->who);
}

/* Its end, or that of the connection. */
static troupe_err ended(troupe_self *self, keeper *k, troupe_err why, bool lost) {
    if (lost)
        lose(k);
    else
        tr_far_home_clear(k->node, k->home);
    bool clean = why == TROUPE_OK || why == TROUPE_SHUTDOWN;
    if (!k->stopping && !(clean && k->phase == RUNNING))
        return fail(self, k, why, k->phase == RUNNING ? "ended" : "could not start");
    troupe_exit(self, k->stopping ? TROUPE_SHUTDOWN : why);
    return TROUPE_OK;
}

/* Asks to be told of its end; what can't be sent now is sent later. */
static troupe_err await_end(troupe_self *self, keeper *k) {
    troupe_err err = request(self, k, FAR_AWAIT, AWAIT);
    k->awaits = !err;
    if (err == TROUPE_NOCONNECTION || err == TROUPE_GONE)
        return ended(self, k, TROUPE_NOCONNECTION, true);
    return err ? have_again(self, AGAIN_MS) : TROUPE_OK;
}

static troupe_err run(troupe_self *self, keeper *k, troupe_ref who) {
    k->phase = RUNNING;
    k->child = who;
    troupe_ready(self);
    (void)troupe_unstash_all(self);
    tr_port_log(k->node->rt, TROUPE_INFO, "%s runs on node %s, as life %llu of far child %s",
                k->what->what, k->peer, (unsigned long long)k->home->token, k->what->id);
    return await_end(self, k);
}

/* --- What it hears ---------------------------------------------------------------------------- */

static troupe_err hear_told(troupe_self *self, keeper *k, uint64_t tag,
                            const struct far_told *told) {
    troupe_err why = (troupe_err)told->why;
    if (tag == CLEAR) {
        if (why) return have_again(self, AGAIN_MS);
        tr_far_home_clear(k->node, k->home);
        k->until = tr_after_ms(now(k), or_else(k->what->wait_ms, WAIT_MS));
        return seek(self, k);
    }
    if (tag == START && !why) return run(self, k, told->who);
    return ended(self, k, why, false);
}

/* No answer will come. */
static troupe_err hear_nothing(troupe_self *self, keeper *k, uint64_t tag, troupe_err why) {
    bool lost = why == TROUPE_NOCONNECTION || why == TROUPE_GONE || why == TROUPE_FAILED;
    if (tag == CLEAR) {
        if (lost) lose(k);
        return have_again(self, AGAIN_MS);
    }
    if (tag == AWAIT && why == TROUPE_TIMEOUT) return await_end(self, k);
    return ended(self, k, lost ? TROUPE_NOCONNECTION : why, lost);
}

static troupe_err hear_answer(troupe_self *self, keeper *k, uint64_t tag, const troupe_msg *msg) {
    const struct troupe_unanswered *none = troupe_as(msg, &troupe_unanswered_type);
    const struct far_told *told = troupe_as(msg, &tr_far_told_type);
    if (told) return hear_told(self, k, tag, told);
    return hear_nothing(self, k, tag, none ? (troupe_err)none->why : TROUPE_BADTYPE);
}

static troupe_err tell_to_stop(troupe_self *self, keeper *k) {
    const struct far_about body = about(self, k, FAR_STOP);
    troupe_err err = troupe_tell(self, k->home->host, &tr_far_about_type, &body);
    k->stopped = err != TROUPE_FULL && err != TROUPE_NOMEM; /* else it is lost, which is told */
    return k->stopped ? TROUPE_OK : have_again(self, AGAIN_MS);
}

static troupe_err go_on_again(troupe_self *self, keeper *k) {
    if (k->stopping && !k->stopped) return tell_to_stop(self, k);
    switch (k->phase) {
    case SEEKING:
        return seek(self, k);
    case CLEARING:
        return clear_old(self, k);
    case RUNNING:
        k->full = false;
        (void)troupe_unstash_all(self);
        return k->awaits ? TROUPE_OK : await_end(self, k);
    default:
        return TROUPE_OK;
    }
}

/* Mail for the actor; what can't go now is set aside, in order. */
static troupe_err pass_on(troupe_self *self, keeper *k, troupe_msg **msg) {
    if (k->phase != RUNNING || k->full) return troupe_stash(self, msg);
    troupe_err err = troupe_forward(self, k->child, msg);
    switch (err) {
    case TROUPE_OK:
        return TROUPE_OK;
    case TROUPE_FULL:
        k->full = true;
        if (troupe_notify_room(self, k->child) == TROUPE_NOMEM) err = have_again(self, AGAIN_MS);
        break;
    case TROUPE_NOMEM:
        k->full = true;
        err = have_again(self, AGAIN_MS);
        break;
    case TROUPE_GONE:
    case TROUPE_NOCONNECTION: /* it waits for the next life */
        k->full = true;
        break;
    default:
        tr_port_log(k->node->rt, TROUPE_WARN, "far child %s: %s can't go to node %s: %s",
                    k->what->id, troupe_type_name(*msg), k->peer, troupe_strerror(err));
        return TROUPE_OK;
    }
    return err == TROUPE_NOMEM ? err : troupe_stash(self, msg);
}

static troupe_err say_where(troupe_self *self, const keeper *k) {
    bool runs = k->phase == RUNNING;
    const struct far_where here = {runs ? k->peer : "", runs ? k->child : TROUPE_NOBODY,
                                   runs ? k->home->token : 0};
    troupe_err err = troupe_answer(self, &here_type, &here);
    (void)err; /* who asked is told BROKEN, and the child lives on */
    return TROUPE_OK;
}

/* --- The actor -------------------------------------------------------------------------------- */

static troupe_err keeper_start(troupe_self *self, void *state, const void *arg) {
    keeper *k = state;
    k->what = arg;
    k->node = tr_node_of(troupe_runtime(self));
    if (!is_sound(k->what) || !k->node)
        return troupe_fail(self, TROUPE_INVALID, "no sound description of a child elsewhere");
    troupe_err err = tr_far_host(k->node, &k->steward);
    if (!err) err = take_home(self, k);
    if (!err && k->what->url) {
        err = troupe_keep_connected(k->node, k->what->url);
        if (err == TROUPE_TAKEN) err = TROUPE_OK;
    }
    if (err)
        return troupe_fail(self, err, "far child %s can't be kept: %s", k->what->id,
                           troupe_strerror(err));
    k->until = tr_after_ms(now(k), or_else(k->what->wait_ms, WAIT_MS));
    err = seek(self, k);
    return err ? err : TROUPE_LATER;
}

static troupe_err keeper_receive(troupe_self *self, void *state, troupe_msg **msg) {
    keeper *k = state;
    uint64_t tag;
    const void *body;
    if (troupe_answered(self, &tag)) return hear_answer(self, k, tag, *msg);
    if ((body = troupe_as(*msg, &troupe_far_answer_type))) return hear_host(self, k, body);
    if (troupe_as(*msg, &again_type)) return go_on_again(self, k);
    if (troupe_as(*msg, &where_type)) return say_where(self, k);
    if (!troupe_as(*msg, &troupe_room_type)) return pass_on(self, k, msg);
    k->full = false;
    (void)troupe_unstash_all(self);
    return TROUPE_OK;
}

static troupe_err keeper_stopping(troupe_self *self, void *state) {
    keeper *k = state;
    if (k->phase != STARTING && k->phase != RUNNING) return TROUPE_OK;
    if (k->stopping) return TROUPE_LATER;
    k->stopping = true;
    troupe_err err = tell_to_stop(self, k);
    return err ? err : TROUPE_LATER;
}

const troupe_behaviour troupe_far_child = {
    .name = "far child",
    .state_size = sizeof(keeper),
    .mailbox_limit = TROUPE_MAILBOX_DEFAULT,
    .stash_limit = TROUPE_MAILBOX_DEFAULT, /* all of it: what tells it to go on holds no place */
    .start = keeper_start,
    .receive = keeper_receive,
    .stopping = keeper_stopping,
};

troupe_err troupe_far_child_at(troupe *rt, troupe_ref who, unsigned timeout_ms,
                               troupe_far_place *out) {
    troupe_msg *msg = NULL;
    troupe_err err = troupe_make(rt, &where_type, NULL, &msg);
    if (!err) err = troupe_ask(rt, who, &msg, timeout_ms);
    const struct far_where *here = err ? NULL : troupe_as(msg, &here_type);
    if (!err && !here) err = TROUPE_BADTYPE;
    if (here) {
        *out = (troupe_far_place){.who = here->who, .token = here->token};
        (void)snprintf(out->node, sizeof out->node, "%s", here->node);
    }
    troupe_drop(&msg);
    return err;
}
