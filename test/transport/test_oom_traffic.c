/* Memory that runs out under two nodes whose actors do everything at once. */
#include "test/transport/far.h"

TestSuite(oom_traffic, .timeout = 120, .fini = scene_say_seed);

enum { WATCHED = 4, WORDS = 12, BLOBS = 3 };

struct traffic {
    far *far;
    troupe_ref speaker;                /* on the left: it monitors the watched and speaks to all */
    troupe_ref watched[WATCHED], slow; /* on the right; one has a mailbox of 2 */
    size_t monitors;                   /* that were made */
    notes *heard;                      /* by the slow one */
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
    notes_shut(t->heard, false); /* the slow one goes on */
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
    t->heard = notes_open();
    t->slow = hand_of(&f->pair[1], 2, t->heard);
    notes_shut(t->heard, true);
    party_meet(&f->pair[0], &f->pair[1]);
}

/* Each call ends, each monitor that was made has exactly one `down`, what arrives is in order. */
static void traffic_on(unsigned side, bool tcp) {
    far f = {.side = side, .tcp = tcp};
    struct traffic t;
    for (f.x = (exhaust){0}; exhaust_next(&f.x); far_close(&f), notes_close(t.heard)) {
        traffic_open(&t, &f);
        traffic(&t);
        far_works(&f);
        cr_assert_eq(notes_count(f.notes[0]), t.monitors + 1);
        for (size_t i = 1; i < t.heard->used; i++)
            cr_assert_gt(t.heard->note[i].n, t.heard->note[i - 1].n);
    }
    scene_end();
}

ANYWHERE(oom_traffic, traffic_without_memory_here, SEEDS) {
    traffic_on(0, tcp);
}

ANYWHERE(oom_traffic, traffic_without_memory_there, SEEDS) {
    traffic_on(1, tcp);
}
