/* Memory that runs out under nodes: on the side that calls, or on the other. A call then says so,
 * or the connection is lost; nothing hangs, nothing is left, and both nodes work afterwards. */
#include <criterion/criterion.h>
#include <spawn.h>
#include <sys/wait.h>

#include "test/support/exhaust.h"
#include "test/transport/node_scene.h"

TestSuite(oom, .timeout = 120);

/* --- Becoming a node, and listening ----------------------------------------------------------- */

Test(oom, troupe_node_open) {
    const troupe_node_config config = {
        .name = "left", .secret = node_secret, .secret_size = sizeof node_secret};
    for (exhaust x = {0}; exhaust_next(&x);) {
        party p;
        party_open_runtime(&p, "left");
        exhaust_from(&x, &p.heap);
        troupe_err err = troupe_node_open(p.rt, &config, &p.node);
        cr_assert_eq(err, exhaust_to(&x) ? TROUPE_NOMEM : TROUPE_OK);
        cr_assert_eq(p.node == NULL, err != TROUPE_OK);
        if (err) cr_assert_eq(troupe_node_open(p.rt, &config, &p.node), TROUPE_OK);
        party_close(&p);
    }
}

/* A node that listens, and at how many sockets. */
struct listening {
    party p;
    unsigned sockets;
};

static troupe_err listen_once_more(void *ctx) {
    struct listening *l = ctx;
    char url[TROUPE_URL_MAX + 1];
    (void)snprintf(url, sizeof url, "ipc://%s/%u", scene_dir(), l->sockets);
    troupe_err err = troupe_listen(l->p.node, url, NULL, 0);
    cr_assert_eq(access(url + strlen("ipc://"), F_OK) == 0, err == TROUPE_OK);
    l->sockets += !err;
    return err;
}

Test(oom, troupe_listen) {
    struct listening l = {.sockets = 0};
    party_open(&l.p, "left");
    exhaust_call(&l.p.heap, listen_once_more, NULL, &l);
    cr_assert_eq(l.sockets, EXHAUST_SWEEPS);
    party_close(&l.p);
    scene_end();
}

/* In a process of its own: Criterion uses nng, too. Its status says what it found. */
Test(takes_nothing, troupe_transport_fini) {
    char path[4096];
    ssize_t size = readlink("/proc/self/exe", path, sizeof path - 1);
    cr_assert_gt(size, 0);
    path[size] = 0;
    char *name = strrchr(path, '/') + 1;
    (void)snprintf(name, sizeof path - (size_t)(name - path), "troupe_helper_transport_fini");
    char *const argv[] = {path, NULL};
    pid_t pid;
    int status;
    cr_assert_eq(posix_spawn(&pid, path, NULL, NULL, argv, environ), 0);
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert_eq(status, 0, "%#x", (unsigned)status);
}

/* A large message. */
struct blob {
    troupe_bytes bytes;
};
static const troupe_type blob_type = TROUPE_TYPE(blob, TROUPE_FIELD(blob, bytes));
static char bytes[100000];

/* --- Two nodes -------------------------------------------------------------------------------- */

/* A call across: the left one makes it. */
typedef struct far {
    party pair[2];
    notes *notes[2];
    troupe_ref mine, theirs; /* hands */
    exhaust x;
    bool tcp;
    unsigned side; /* whose memory is refused */
    troupe_msg *msg;
    uint64_t monitor;
    troupe_err err;
} far;

static void far_open(far *f) {
    for (int i = 0; i < 2; i++) f->notes[i] = notes_open();
    party_open(&f->pair[0], "left");
    party_open(&f->pair[1], "right");
    party_listen(&f->pair[1], f->tcp);
    f->mine = hand_of(&f->pair[0], 16, f->notes[0]);
    f->theirs = hand_of(&f->pair[1], 16, f->notes[1]);
    cr_assert_eq(troupe_register(f->pair[1].rt, f->theirs, "hand"), TROUPE_OK);
    f->msg = NULL;
    f->monitor = 0;
    f->err = TROUPE_OK;
}

/* Connects, if they are not connected, and sees that both sides work. */
static void far_works(far *f) {
    uint64_t until = patience();
    troupe_ref who = hand_of(&f->pair[1], 16, f->notes[1]);
    for (troupe_err err = TROUPE_LATER; err;) {
        uint64_t n = 1;
        cr_assert_lt(tr_clock(), until, "%s", troupe_errname(err));
        err = ask_by(&f->pair[0], who, ORDER_ANSWER, &n);
        cr_assert(err == TROUPE_OK || err == TROUPE_NOCONNECTION, "%s", troupe_errname(err));
        /* REFUSED: the other side has not noticed yet that the connection is lost. */
        troupe_err met = err ? troupe_connect(f->pair[0].node, f->pair[1].url, PATIENCE_MS) : 0;
        cr_assert(met == TROUPE_OK || met == TROUPE_REFUSED, "%s", troupe_errname(met));
    }
}

static void far_close(far *f) {
    troupe_drop(&f->msg);
    for (int i = 0; i < 2; i++) party_close(&f->pair[i]);
    for (int i = 0; i < 2; i++) notes_close(f->notes[i]);
}

/* Whether that can be the outcome of a connect. A peer without memory is tried again. */
static bool may_be(const far *f, bool refused, troupe_err err) {
    if (err == TROUPE_TIMEOUT) return f->side == 1 && f->x.all;
    return err == TROUPE_OK || (refused && f->side == 0 && err == TROUPE_NOMEM);
}

Test(oom, troupe_connect) {
    far f = {0};
    for (f.side = 0; f.side < 2; f.side++)
        for (f.x = (exhaust){0}; exhaust_next(&f.x); far_close(&f)) {
            far_open(&f);
            unsigned ms = f.side == 1 && f.x.all ? 50 : PATIENCE_MS;
            exhaust_from(&f.x, &f.pair[f.side].heap);
            troupe_err err = troupe_connect(f.pair[0].node, f.pair[1].url, ms);
            bool refused = exhaust_to(&f.x);
            cr_assert(may_be(&f, refused, err), "side %u, %zu: %s", f.side, f.x.nth,
                      troupe_errname(err));
            far_works(&f);
            for (int i = 0; i < 2 && err != TROUPE_TIMEOUT; i++) {
                size_t connected = party_logged(&f.pair[i], "is connected");
                cr_assert_eq(connected, 1u, "side %u, %zu: half connected", f.side, f.x.nth);
                cr_assert_eq(party_logged(&f.pair[i], "refused: \n"), 0u, "and says why");
            }
        }
    scene_end();
}

/* It accepts, and closes at once: so it may be tried again. */
Test(oom, a_listener_without_memory_is_no_error_of_the_dialer) {
    far f = {.side = 1};
    far_open(&f);
    counting_heap_fail(&f.pair[1].heap, 1, SIZE_MAX);
    for (int i = 0; i < 150; i++)
        cr_assert_eq(troupe_connect(f.pair[0].node, f.pair[1].url, 3), TROUPE_TIMEOUT);
    counting_heap_fail(&f.pair[1].heap, 0, 0);
    far_works(&f);
    far_close(&f);
    scene_end();
}

/* Makes a call, and stays until all that it has begun is over. */
static void far_make(far *f, void (*call)(troupe_self *self, void *far), bool as_actor) {
    party_meet(&f->pair[0], &f->pair[1]);
    if (f->side == 1) exhaust_from(&f->x, &f->pair[1].heap);
    if (as_actor)
        act_as(&f->pair[0], f->mine, call, f);
    else
        call(NULL, f);
    if (f->side == 0) return;
    troupe_err err = ask_by(&f->pair[0], f->theirs, ORDER_ANSWER, &(uint64_t){1});
    cr_assert_neq(err, TROUPE_TIMEOUT);
    (void)exhaust_to(&f->x);
}

/* What `call` itself has the refusals between, if they are on its side. */
static void far_begin(far *f) {
    if (f->side == 0) exhaust_from(&f->x, &f->pair[0].heap);
}

static void far_done(far *f, troupe_err err) {
    f->err = err;
    bool refused = f->side == 0 && exhaust_to(&f->x);
    cr_assert(err == TROUPE_OK || f->side == 1 || refused);
    cr_assert_neq(err, TROUPE_TIMEOUT);
}

/* Makes a call on either side's last memory. */
static void far_each(void (*call)(troupe_self *self, void *far), bool as_actor,
                     void (*judge)(far *f)) {
    far f = {0};
    for (f.side = 0; f.side < 2; f.side++)
        for (f.x = (exhaust){0}; exhaust_next(&f.x); far_close(&f)) {
            far_open(&f);
            const struct order body = {ORDER_ANSWER, 1, TROUPE_NOBODY};
            cr_assert_eq(troupe_make(f.pair[0].rt, &order_type, &body, &f.msg), TROUPE_OK);
            far_make(&f, call, as_actor);
            far_works(&f);
            if (judge) judge(&f);
        }
    scene_end();
}

static bool is_order(const troupe_msg *msg) {
    const struct order *o = troupe_as(msg, &order_type);
    return o && o->what == ORDER_ANSWER && o->n == 1;
}

/* Has a large message sent, which nobody answers. */
static void far_blob(far *f, troupe_self *self) {
    const struct blob body = {{bytes, sizeof bytes}};
    troupe_drop(&f->msg);
    cr_assert_eq(troupe_make(f->pair[0].rt, &blob_type, &body, &f->msg), TROUPE_OK);
    far_begin(f);
    far_done(f, self ? troupe_send(self, f->theirs, &f->msg)
                     : troupe_post(f->pair[0].rt, f->theirs, &f->msg));
    cr_assert(f->err == TROUPE_OK || f->err == TROUPE_NOMEM);
    cr_assert_eq(f->msg == NULL, f->err == TROUPE_OK);
    if (f->msg)
        cr_assert_eq(((const struct blob *)troupe_as(f->msg, &blob_type))->bytes.size,
                     sizeof bytes);
}

static void far_send(troupe_self *self, void *ctx) {
    far_blob(ctx, self);
}

/* What was refused here is not begun either. */
static void judge_send(far *f) {
    if (f->side == 0) cr_assert_eq(party_logged(&f->pair[0], "is connected"), 1u, "%zu", f->x.nth);
}

Test(oom, troupe_send) {
    far_each(far_send, true, judge_send);
}

Test(oom, troupe_post) {
    far_each(far_send, false, judge_send);
}

static void far_tell(troupe_self *self, void *ctx) {
    far *f = ctx;
    far_begin(f);
    far_done(f, troupe_tell(self, f->theirs, &count_type, &(struct count){1, 0}));
    cr_assert(f->err == TROUPE_OK || f->err == TROUPE_NOMEM);
}

/* What was refused did not arrive, and what the caller's side took arrived. */
static void judge_tell(far *f) {
    if (f->err) cr_assert_eq(notes_count(f->notes[1]), 0u);
    if (!f->err && f->side == 0) notes_await(f->notes[1], 1);
}

Test(oom, troupe_tell) {
    far_each(far_tell, true, judge_tell);
}

/* With the message gone: the other side had no memory for it, or its actor failed on it. */
static void far_ask(troupe_self *self, void *ctx) {
    (void)self;
    far *f = ctx;
    far_begin(f);
    far_done(f, troupe_ask(f->pair[0].rt, f->theirs, &f->msg, PATIENCE_MS));
    if (f->side == 0 && f->err == TROUPE_NOMEM) cr_assert(!f->msg || is_order(f->msg));
    if (f->side == 1 && f->err) cr_assert_null(f->msg);
    cr_assert(f->err == TROUPE_OK || f->err == TROUPE_NOMEM || f->err == TROUPE_FAILED ||
                  f->err == TROUPE_NOCONNECTION,
              "%s", troupe_errname(f->err));
}

Test(oom, troupe_ask) {
    far_each(far_ask, false, NULL);
}

static void far_lookup(troupe_self *self, void *ctx) {
    (void)self;
    far *f = ctx;
    troupe_ref who = {7, 7};
    far_begin(f);
    far_done(f, troupe_lookup(f->pair[0].node, "right", "hand", PATIENCE_MS, &who));
    cr_assert(f->err == TROUPE_OK || f->err == TROUPE_NOMEM || f->err == TROUPE_NOCONNECTION, "%s",
              troupe_errname(f->err));
    cr_assert(troupe_same(who, f->err ? (troupe_ref){7, 7} : f->theirs));
}

Test(oom, troupe_lookup) {
    far_each(far_lookup, false, NULL);
}

/* --- Answers ---------------------------------------------------------------------------------- */

/* An actor on the right that answers the left one, and in its turn has no memory for that. */
struct answering {
    exhaust *x;
    counting_heap *heap;
    bool by_reply; /* else by troupe_answer */
};

static troupe_err answering_start(troupe_self *self, void *state, const void *arg) {
    (void)self;
    *(const struct answering **)state = arg;
    return TROUPE_OK;
}

static troupe_err answering_receive(troupe_self *self, void *state, troupe_msg **msg) {
    const struct answering *a = *(const struct answering **)state;
    exhaust_from(a->x, a->heap);
    troupe_err err = a->by_reply ? troupe_reply(self, msg)
                                 : troupe_answer(self, &order_type, &(struct order){.n = 1});
    bool refused = exhaust_to(a->x);
    cr_assert(err == TROUPE_OK || (refused && err == TROUPE_NOMEM), "%s", troupe_errname(err));
    if (err) cr_assert(is_order(*msg));
    return err ? troupe_reply(self, msg) : TROUPE_OK; /* the asker still waits */
}

static void far_answer(bool by_reply) {
    static const troupe_behaviour answerer = {
        .state_size = sizeof(void *), .start = answering_start, .receive = answering_receive};
    far f = {0};
    for (f.x = (exhaust){0}; exhaust_next(&f.x); far_close(&f)) {
        far_open(&f);
        party_meet(&f.pair[0], &f.pair[1]);
        const struct answering a = {&f.x, &f.pair[1].heap, by_reply};
        const struct order body = {ORDER_ANSWER, 1, TROUPE_NOBODY};
        troupe_ref who;
        cr_assert_eq(troupe_spawn(f.pair[1].rt, &answerer, &a, &who), TROUPE_OK);
        cr_assert_eq(troupe_make(f.pair[0].rt, &order_type, &body, &f.msg), TROUPE_OK);
        cr_assert_eq(troupe_ask(f.pair[0].rt, who, &f.msg, PATIENCE_MS), TROUPE_OK);
        cr_assert_not_null(troupe_as(f.msg, &order_type));
        cr_assert_eq(troupe_stop(f.pair[1].rt, who), TROUPE_OK);
        while (troupe_mailbox(f.pair[1].rt, who, NULL, NULL) != TROUPE_GONE) {
        } /* then its callback is over, and memory is there again */
        far_works(&f);
    }
    scene_end();
}

Test(oom, troupe_reply) {
    far_answer(true);
}

Test(oom, troupe_answer) {
    far_answer(false);
}

/* --- Monitors --------------------------------------------------------------------------------- */

static void far_monitor(troupe_self *self, void *ctx) {
    far *f = ctx;
    far_begin(f);
    far_done(f, troupe_monitor(self, f->theirs, &f->monitor));
    cr_assert(f->err == TROUPE_OK || f->err == TROUPE_NOMEM, "%s", troupe_errname(f->err));
    cr_assert_eq(f->monitor == 0, f->err != TROUPE_OK);
}

/* Exactly one `down` for each monitor, be it for a connection that was lost. */
static void judge_monitor(far *f) {
    (void)troupe_kill(f->pair[1].rt, f->theirs);
    if (!f->err) notes_await(f->notes[0], 1);
    uint64_t n = 1;
    cr_assert_eq(ask_by(&f->pair[0], f->mine, ORDER_ANSWER, &n), TROUPE_OK);
    cr_assert_eq(notes_count(f->notes[0]), f->err ? 0u : 1u);
}

Test(oom, troupe_monitor) {
    far_each(far_monitor, true, judge_monitor);
}

static void far_demonitor(troupe_self *self, void *ctx) {
    far *f = ctx;
    cr_assert_eq(troupe_monitor(self, f->theirs, &f->monitor), TROUPE_OK);
    far_begin(f);
    far_done(f, troupe_demonitor(self, f->monitor));
    cr_assert(f->err == TROUPE_OK || (f->side == 1 && f->err == TROUPE_NOTFOUND));
}

/* Without memory to tell it to the other side the connection is cut, which ends it as well. */
Test(oom, troupe_demonitor) {
    far_each(far_demonitor, true, NULL);
}

/* --- All at once ------------------------------------------------------------------------------ */

enum { WATCHED = 4, WORDS = 12, BLOBS = 3 };

struct traffic {
    far *far;
    troupe_ref speaker;                /* on the left: it monitors the watched and speaks to all */
    troupe_ref watched[WATCHED], slow; /* on the right; one has a mailbox of 2 */
    size_t monitors;                   /* that were made */
};

static void check_traffic(troupe_err err) {
    cr_assert(err == TROUPE_OK || err == TROUPE_NOMEM || err == TROUPE_FULL ||
                  err == TROUPE_NOCONNECTION || err == TROUPE_FAILED || err == TROUPE_GONE,
              "%s", troupe_errname(err));
}

static troupe_err speaker_start(troupe_self *self, void *state, const void *arg) {
    (void)self;
    *(struct traffic **)state = *(struct traffic *const *)arg;
    return TROUPE_OK;
}

/* At the first message, which is no `down`, it speaks, and writes down that it has. */
static troupe_err speaker_receive(troupe_self *self, void *state, troupe_msg **msg) {
    struct traffic *t = *(struct traffic **)state;
    const struct troupe_down *down = troupe_as(*msg, &troupe_down_type);
    uint64_t monitor;
    if (down) {
        notes_write(t->far->notes[0], (note){.kind = A_DOWN, .n = down->monitor});
        return TROUPE_OK;
    }
    for (int i = 0; i < WATCHED; i++)
        t->monitors += troupe_monitor(self, t->watched[i], &monitor) == TROUPE_OK;
    for (uint64_t i = 0; i < WORDS; i++)
        check_traffic(troupe_tell(self, t->slow, &count_type, &(struct count){1, i}));
    for (int i = 0; i < BLOBS; i++)
        check_traffic(
            troupe_tell(self, t->watched[0], &blob_type, &(struct blob){{bytes, sizeof bytes}}));
    notes_write(t->far->notes[0], (note){.kind = A_COUNT});
    return TROUPE_OK;
}

static troupe_err ask_if_memory(far *f, troupe_ref who) {
    troupe_msg *msg;
    const struct order body = {ORDER_ANSWER, 1, TROUPE_NOBODY};
    troupe_err err = troupe_make(f->pair[0].rt, &order_type, &body, &msg);
    if (!err) err = troupe_ask(f->pair[0].rt, who, &msg, PATIENCE_MS);
    troupe_drop(&msg);
    return err;
}

/* From the first call until all of it is over. */
static void traffic(struct traffic *t) {
    far *f = t->far;
    troupe_ref found_ref;
    const struct order body = {ORDER_ANSWER, 1, TROUPE_NOBODY};
    cr_assert_eq(troupe_make(f->pair[0].rt, &order_type, &body, &f->msg), TROUPE_OK);
    exhaust_from(&f->x, &f->pair[f->side].heap);
    cr_assert_eq(troupe_post(f->pair[0].rt, t->speaker, &f->msg), TROUPE_OK);
    notes_await(f->notes[0], 1);
    for (int i = 0; i < 2; i++) check_traffic(ask_if_memory(f, t->watched[i]));
    check_traffic(troupe_lookup(f->pair[0].node, "right", "hand", PATIENCE_MS, &found_ref));
    notes_shut(f->notes[1], false); /* the slow one goes on */
    for (int i = 0; i < WATCHED; i++) (void)troupe_kill(f->pair[1].rt, t->watched[i]);
    notes_await(f->notes[0], t->monitors + 1);
    check_traffic(ask_if_memory(f, t->slow));
    (void)exhaust_to(&f->x);
}

static void traffic_open(struct traffic *t, far *f) {
    static const troupe_behaviour speaker = {
        .state_size = sizeof(void *), .start = speaker_start, .receive = speaker_receive};
    *t = (struct traffic){.far = f};
    far_open(f);
    cr_assert_eq(troupe_spawn(f->pair[0].rt, &speaker, &t, &t->speaker), TROUPE_OK);
    for (int i = 0; i < 2; i++)
        cr_assert_eq(troupe_register_type(f->pair[i].rt, &blob_type), TROUPE_OK);
    for (int i = 0; i < WATCHED; i++) t->watched[i] = hand_of(&f->pair[1], 16, f->notes[1]);
    t->slow = hand_of(&f->pair[1], 2, f->notes[1]);
    notes_shut(f->notes[1], true);
    party_meet(&f->pair[0], &f->pair[1]);
}

/* Each call ends, each monitor that was made has exactly one `down`, what arrives is in order. */
static void traffic_on(unsigned side, bool tcp) {
    far f = {.side = side, .tcp = tcp};
    struct traffic t;
    for (f.x = (exhaust){0}; exhaust_next(&f.x); far_close(&f)) {
        traffic_open(&t, &f);
        traffic(&t);
        far_works(&f);
        cr_assert_eq(notes_count(f.notes[0]), t.monitors + 1);
        notes *heard = f.notes[1];
        for (size_t i = 1; i < heard->used; i++)
            cr_assert_gt(heard->note[i].n, heard->note[i - 1].n);
    }
    scene_end();
}

BOTH(oom, traffic_without_memory_here) {
    traffic_on(0, tcp);
}

BOTH(oom, traffic_without_memory_there) {
    traffic_on(1, tcp);
}
