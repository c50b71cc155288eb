/* Memory that runs out under nodes: on the side that calls, or on the other. A call then says so,
 * or the connection is lost; nothing hangs, nothing is left, and both nodes work afterwards. */
#include <criterion/criterion.h>
#include <spawn.h>
#include <sys/wait.h>

#include "test/transport/far.h"

TestSuite(oom, .timeout = 120, .fini = scene_say_seed);

/* Over a real connection, and in a simulation. */
static void anywhere(void (*rounds)(bool tcp)) {
    rounds(false);
    simulate(rounds, SEEDS);
}

/* --- Becoming a node, and listening ----------------------------------------------------------- */

static void open_nodes(bool tcp) {
    (void)tcp;
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

Test(oom, troupe_node_open) {
    anywhere(open_nodes);
}

/* A node that listens, and at how many sockets. */
struct listening {
    party p;
    unsigned sockets;
};

static troupe_err listen_once_more(void *ctx) {
    struct listening *l = ctx;
    char url[TROUPE_URL_MAX + 1];
    (void)snprintf(url, sizeof url, "ipc://%s/%u", scene_sim ? "" : scene_dir(), l->sockets);
    troupe_err err = troupe_listen(l->p.node, url, NULL, 0);
    if (!scene_sim) cr_assert_eq(access(url + strlen("ipc://"), F_OK) == 0, err == TROUPE_OK);
    l->sockets += !err;
    return err;
}

static void listen_often(bool tcp) {
    (void)tcp;
    struct listening l = {.sockets = 0};
    party_open(&l.p, "left");
    exhaust_call(&l.p.heap, listen_once_more, NULL, &l);
    cr_assert_eq(l.sockets, EXHAUST_SWEEPS);
    party_close(&l.p);
    scene_end();
}

Test(oom, troupe_listen) {
    anywhere(listen_often);
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

/* Whether that can be the outcome of a connect. A peer without memory is tried again. */
static bool may_be(const far *f, bool refused, troupe_err err) {
    if (err == TROUPE_TIMEOUT) return f->side == 1 && f->x.all;
    return err == TROUPE_OK || (refused && f->side == 0 && err == TROUPE_NOMEM);
}

static void connect_often(bool tcp) {
    far f = {.tcp = tcp};
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

Test(oom, troupe_connect) {
    anywhere(connect_often);
}

/* It accepts, and closes at once: so it may be tried again. */
ANYWHERE(oom, a_listener_without_memory_is_no_error_of_the_dialer, SEEDS) {
    far f = {.side = 1, .tcp = tcp};
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

/* A call, and what is asked of its outcome. */
typedef struct far_call {
    void (*call)(troupe_self *self, void *far);
    void (*judge)(far *f); /* may be NULL */
    bool as_actor;
} far_call;
static far_call far_what;

/* Makes it on either side's last memory. */
static void far_rounds(bool tcp) {
    far f = {.tcp = tcp};
    for (f.side = 0; f.side < 2; f.side++)
        for (f.x = (exhaust){0}; exhaust_next(&f.x); far_close(&f)) {
            far_open(&f);
            const struct order body = {ORDER_ANSWER, 1, TROUPE_NOBODY};
            cr_assert_eq(troupe_make(f.pair[0].rt, &order_type, &body, &f.msg), TROUPE_OK);
            far_make(&f, far_what.call, far_what.as_actor);
            far_works(&f);
            if (far_what.judge) far_what.judge(&f);
        }
    scene_end();
}

static void far_each(far_call what) {
    far_what = what;
    anywhere(far_rounds);
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
    far_each((far_call){far_send, judge_send, true});
}

Test(oom, troupe_post) {
    far_each((far_call){far_send, judge_send, false});
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
    far_each((far_call){far_tell, judge_tell, true});
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
    far_each((far_call){far_ask, NULL, false});
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
    far_each((far_call){far_lookup, NULL, false});
}

/* Whether an actor's question was asked, it has one answer. */
static void judge_question(far *f) {
    if (!f->err) notes_await(f->notes[0], 1);
    uint64_t n = 1;
    cr_assert_eq(ask_by(&f->pair[0], f->mine, ORDER_ANSWER, &n), TROUPE_OK);
    cr_assert_eq(notes_count(f->notes[0]), f->err ? 0u : 1u);
}

static void far_whereis(troupe_self *self, void *ctx) {
    far *f = ctx;
    far_begin(f);
    far_done(f, troupe_whereis_on(self, "right", "hand", &f->monitor));
    cr_assert(f->err == TROUPE_OK || f->err == TROUPE_NOMEM || f->err == TROUPE_NOCONNECTION, "%s",
              troupe_errname(f->err));
}

Test(oom, troupe_whereis_on) {
    far_each((far_call){far_whereis, judge_question, true});
}

static troupe_err ignore(troupe_self *self, void *state, troupe_msg **msg) {
    (void)self, (void)state, (void)msg;
    return TROUPE_OK;
}
static const troupe_behaviour offered = {.name = "offered", .receive = ignore};

static void far_spawn(troupe_self *self, void *ctx) {
    far *f = ctx;
    troupe_ref who = TROUPE_NOBODY;
    troupe_err offer = troupe_offer(f->pair[1].node, &offered, &order_type);
    cr_assert(!offer || f->side == 1); /* if not, it is NOTFOUND */
    far_begin(f);
    far_done(f, self ? troupe_spawn_on(self, "right", "offered", &f->msg, &f->monitor)
                     : troupe_spawn_at(f->pair[0].node, "right", "offered", &f->msg, PATIENCE_MS,
                                       &who));
    cr_assert_eq(f->msg == NULL, f->err == TROUPE_OK);
    bool cut = !self && f->err == TROUPE_NOCONNECTION; /* no memory for the answer, in pieces */
    cr_assert(f->side == 1 || !f->err || cut || f->err == TROUPE_NOMEM, "%s",
              troupe_errname(f->err));
    if (!self) cr_assert_eq(who.id == 0, f->err != TROUPE_OK);
}

Test(oom, troupe_spawn_on) {
    far_each((far_call){far_spawn, judge_question, true});
}

Test(oom, troupe_spawn_at) {
    far_each((far_call){far_spawn, NULL, false});
}

static void offer_once(bool tcp) {
    (void)tcp;
    for (exhaust x = {0}; exhaust_next(&x);) {
        party p;
        party_open(&p, "p");
        exhaust_from(&x, &p.heap);
        troupe_err err = troupe_offer(p.node, &offered, &order_type);
        cr_assert_eq(err, exhaust_to(&x) ? TROUPE_NOMEM : TROUPE_OK);
        cr_assert_eq(troupe_offer(p.node, &offered, &order_type), err ? TROUPE_OK : TROUPE_TAKEN);
        party_close(&p);
    }
}

Test(oom, troupe_offer) {
    anywhere(offer_once);
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

static bool far_by_reply;

static void far_answer(bool tcp) {
    static const troupe_behaviour answerer = {
        .state_size = sizeof(void *), .start = answering_start, .receive = answering_receive};
    far f = {.tcp = tcp};
    for (f.x = (exhaust){0}; exhaust_next(&f.x); far_close(&f)) {
        far_open(&f);
        party_meet(&f.pair[0], &f.pair[1]);
        const struct answering a = {&f.x, &f.pair[1].heap, far_by_reply};
        const struct order body = {ORDER_ANSWER, 1, TROUPE_NOBODY};
        troupe_ref who;
        cr_assert_eq(troupe_spawn(f.pair[1].rt, &answerer, &a, &who), TROUPE_OK);
        cr_assert_eq(troupe_make(f.pair[0].rt, &order_type, &body, &f.msg), TROUPE_OK);
        cr_assert_eq(troupe_ask(f.pair[0].rt, who, &f.msg, PATIENCE_MS), TROUPE_OK);
        cr_assert_not_null(troupe_as(f.msg, &order_type));
        cr_assert_eq(troupe_stop(f.pair[1].rt, who), TROUPE_OK);
        /* Then its callback is over, and memory is there again. */
        SCENE_AWAIT(troupe_mailbox(f.pair[1].rt, who, NULL, NULL) == TROUPE_GONE);
        far_works(&f);
    }
    scene_end();
}

Test(oom, troupe_reply) {
    far_by_reply = true;
    anywhere(far_answer);
}

Test(oom, troupe_answer) {
    far_by_reply = false;
    anywhere(far_answer);
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
    far_each((far_call){far_monitor, judge_monitor, true});
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
    far_each((far_call){far_demonitor, NULL, true});
}
