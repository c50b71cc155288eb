/* Ends across nodes: monitors, and the loss of a whole node, in order or not. */
#include "test/transport/node_hands.h"

TestSuite(node_ends, .timeout = 60, .fini = scene_say_seed);

/* --- Monitors --------------------------------------------------------------------------------- */

/* The n-th note must be the only `down` of that monitor. */
static void check_down(notes *all, size_t n, uint64_t monitor, troupe_ref who, troupe_err why) {
    notes_await(all, n + 1);
    cr_assert_eq(all->note[n].kind, A_DOWN);
    cr_assert_eq(all->note[n].n, monitor);
    cr_assert(troupe_same(all->note[n].who, who));
    cr_assert_eq(all->note[n].why, why, "%s", troupe_errname(all->note[n].why));
}

/* Ends the actor in the i-th way. The monitor is known to be in place. */
static troupe_err end_it(party *p, troupe_ref who, size_t way) {
    switch (way) {
    case 0:
        return order_to(p, who, ORDER_QUIT, 0);
    case 1:
        return order_to(p, who, ORDER_FAIL, TROUPE_USER + 5);
    case 2:
        return troupe_stop(p->rt, who);
    default:
        return troupe_kill(p->rt, who);
    }
}

ANYWHERE(node_ends, a_monitor_tells_how_an_actor_ended, 200) {
    static const troupe_err why[] = {TROUPE_OK, (troupe_err)(TROUPE_USER + 5), TROUPE_SHUTDOWN,
                                     TROUPE_KILLED};
    uint64_t n = 0;
    party pair[2];
    pair_open(pair, tcp);
    notes *all = notes_open(), *other = notes_open();
    troupe_ref watcher = hand_of(&pair[0], 16, all), who;
    for (size_t i = 0; i < 4; i++) {
        who = hand_of(&pair[1], 16, other);
        uint64_t monitor = watch_by(&pair[0], watcher, who);
        cr_assert_eq(ask_by(&pair[0], who, ORDER_ANSWER, &n), TROUPE_OK);
        cr_assert_eq(end_it(&pair[1], who, i), TROUPE_OK);
        check_down(all, i, monitor, who, why[i]);
    }
    check_down(all, 4, watch_by(&pair[0], watcher, who), who, TROUPE_GONE);
    const troupe_ref stranger = {4711, who.id};
    check_down(all, 5, watch_by(&pair[0], watcher, stranger), stranger, TROUPE_NOCONNECTION);
    who = hand_of(&pair[1], 16, other);
    cr_assert_eq(ask_by(&pair[0], who, ORDER_ANSWER, &n), TROUPE_OK);
    cr_assert_eq(notes_count(all), 6u, "one down a monitor");
    pair_close(pair);
    notes_close(all);
    notes_close(other);
}

/* A thread that joins an actor of another node, and the end of that. */
typedef struct joining {
    party *here, *there;
    troupe_ref who;
    size_t way;
    troupe_err err, why;
    troupe_msg *result;
} joining;

static void joining_wait(void *ctx) {
    joining *it = ctx;
    it->result = NULL;
    it->err = troupe_join(it->here->rt, it->who, PATIENCE_MS, &it->why, &it->result);
}

/* Its keeper's monitor has come over. */
static bool joining_waits(void *ctx) {
    tr_ties *ties = &((joining *)ctx)->there->rt->ties;
    tr_lock(&ties->lock);
    bool there = ties->all.count > 0;
    tr_unlock(&ties->lock);
    return there;
}

static void joining_act(void *ctx) {
    const joining *it = ctx;
    cr_assert_eq(end_it(it->there, it->who, it->way), TROUPE_OK);
}

ANYWHERE(node_ends, a_thread_joins_an_actor_of_another_node, 50) {
    static const troupe_err why[] = {TROUPE_OK, (troupe_err)(TROUPE_USER + 5), TROUPE_SHUTDOWN,
                                     TROUPE_KILLED};
    party pair[2];
    pair_open(pair, tcp);
    notes *all = notes_open();
    joining it = {.here = &pair[0], .there = &pair[1]};
    for (it.way = 0; it.way < 4; it.way++) {
        it.who = hand_of(&pair[1], 16, all);
        scene_beside(&(beside){
            .wait = joining_wait, .waits = joining_waits, .act = joining_act, .ctx = &it});
        cr_assert_eq(it.err, TROUPE_OK, "%s", troupe_errname(it.err));
        cr_assert_eq(it.why, why[it.way]);
        cr_assert_null(it.result, "what it leaves stays on its node");
        joining_wait(&it);
        cr_assert_eq(it.err, TROUPE_GONE);
    }
    it.who.node = 4711;
    joining_wait(&it);
    cr_assert_eq(it.err, TROUPE_NOCONNECTION);
    pair_close(pair);
    notes_close(all);
}

ANYWHERE(node_ends, each_of_many_monitors_fires_once_and_those_taken_back_do_not, 200) {
    enum { MANY = 50 };
    uint64_t monitor[MANY], n = 0;
    party pair[2];
    pair_open(pair, tcp);
    notes *all = notes_open(), *other = notes_open();
    troupe_ref watcher = hand_of(&pair[0], 4, all), who = hand_of(&pair[1], 16, other);
    for (int i = 0; i < MANY; i++) monitor[i] = watch_by(&pair[0], watcher, who);
    for (int i = 0; i < MANY; i += 2) {
        watching w = {.number = monitor[i]};
        act_as(&pair[0], watcher, unwatch_it, &w);
        cr_assert_eq(w.err, TROUPE_OK);
        act_as(&pair[0], watcher, unwatch_it, &w);
        cr_assert_eq(w.err, TROUPE_NOTFOUND);
    }
    n = TROUPE_USER;
    cr_assert_eq(ask_by(&pair[0], who, ORDER_FAIL, &n), TROUPE_FAILED);
    notes_await(all, MANY / 2);
    who = hand_of(&pair[1], 16, other);
    cr_assert_eq(ask_by(&pair[0], who, ORDER_ANSWER, &n), TROUPE_OK);
    cr_assert_eq(notes_count(all), (size_t)MANY / 2);
    for (size_t i = 0; i < MANY / 2; i++) cr_assert_eq(all->note[i].n % 2, monitor[1] % 2);
    cr_assert_eq(notes_downs(all, TROUPE_USER), (size_t)MANY / 2);
    pair_close(pair);
    notes_close(all);
    notes_close(other);
}

/* Sends as many counts as it is told to, and ends. */
static troupe_err speak(troupe_self *self, void *state, troupe_msg **msg) {
    const struct order *o = troupe_as(*msg, &order_type);
    (void)state;
    for (uint64_t n = 0; n < o->n; n++) {
        troupe_err err = troupe_tell(self, o->who, &count_type, &(struct count){0, n});
        if (err) return err;
    }
    troupe_exit(self, TROUPE_OK);
    return TROUPE_OK;
}
static const troupe_behaviour speaker = {.name = "speaker", .receive = speak};

/* `room`: the watcher's mailbox, smaller or larger than what is said. */
static void down_is_last(bool tcp, uint32_t room) {
    enum { WORDS = 14 };
    party pair[2];
    uint64_t n = 0;
    pair_open(pair, tcp);
    notes *all = notes_open(), *other = notes_open();
    troupe_ref watcher = hand_of(&pair[0], room, all), who;
    troupe_ref far = hand_of(&pair[1], 16, other);
    cr_assert_eq(troupe_spawn(pair[1].rt, &speaker, NULL, &who), TROUPE_OK);
    uint64_t monitor = watch_by(&pair[0], watcher, who);
    notes_shut(all, true);
    const struct order body = {ORDER_PASS, WORDS, watcher};
    troupe_msg *msg;
    cr_assert_eq(troupe_make(pair[0].rt, &order_type, &body, &msg), TROUPE_OK);
    cr_assert_eq(troupe_post(pair[0].rt, who, &msg), TROUPE_OK);
    SCENE_AWAIT(troupe_mailbox(pair[1].rt, who, NULL, NULL) == TROUPE_GONE); /* it has spoken */
    cr_assert_eq(ask_by(&pair[0], far, ORDER_ANSWER, &n), TROUPE_OK);        /* then all has come */
    notes_shut(all, false);
    notes_await(all, WORDS + 1);
    cr_assert_eq(notes_in_order(all, 0, 0), (size_t)WORDS);
    check_down(all, WORDS, monitor, who, TROUPE_OK);
    pair_close(pair);
    notes_close(all);
    notes_close(other);
}

ANYWHERE(node_ends, a_down_comes_behind_the_last_message, 200) {
    down_is_last(tcp, 100);
}

ANYWHERE(node_ends, a_down_comes_behind_the_last_message_that_waits_for_room, 200) {
    down_is_last(tcp, 2);
}

/* --- A link in the middle of what is said ----------------------------------------------------- */

enum { END = TROUPE_USER + 7 };

/* Says 0, links itself with that actor, says 1, and ends for a reason; n: sends that first. */
static troupe_err tie(troupe_self *self, void *state, troupe_msg **msg) {
    const struct order *o = troupe_as(*msg, &order_type);
    (void)state;
    troupe_err err = troupe_tell(self, o->who, &count_type, &(struct count){0, 0});
    if (!err) err = troupe_link(self, o->who);
    if (!err) err = troupe_tell(self, o->who, &count_type, &(struct count){0, 1});
    if (!err && o->n) err = troupe_exit_signal(self, o->who, (troupe_err)END);
    if (!err) troupe_exit(self, (troupe_err)END);
    return err;
}
static const troupe_behaviour tying = {.name = "tying", .receive = tie};

static void tie_to(party *p, troupe_ref listener, bool signal) {
    troupe_ref who;
    troupe_msg *msg;
    cr_assert_eq(troupe_spawn(p->rt, &tying, NULL, &who), TROUPE_OK);
    cr_assert_eq(troupe_make(p->rt, &order_type, &(struct order){0, signal, listener}, &msg),
                 TROUPE_OK);
    cr_assert_eq(troupe_post(p->rt, who, &msg), TROUPE_OK);
}

/* What was noted from `first` on: 0, 1, and then so many exits, for that reason. */
static void check_tied(notes *all, size_t first, size_t exits) {
    notes_await(all, first + 2 + exits);
    for (size_t i = 0; i < 2 + exits; i++) {
        const note *at = &all->note[first + i];
        cr_assert_eq(at->kind, i < 2 ? A_COUNT : AN_EXIT, "%zu", i);
        if (i < 2) cr_assert_eq(at->n, i);
        if (i >= 2) cr_assert_eq(at->why, (troupe_err)END, "%s", troupe_errname(at->why));
    }
}

/* A thousand times over real connections, with listeners that trap exits and others; to those that
 * have room for all, and for one. */
static void in_line(bool tcp, bool traps) {
    const size_t rounds = scene_sim ? 8 : 500;
    party pair[2];
    pair_open(pair, tcp);
    notes *all = notes_open(), *ends = notes_open();
    troupe_ref watcher = hand_of(&pair[1], 16, ends);
    for (size_t i = 0, first = 0; i < rounds; i++, first = notes_count(all)) {
        bool signal = i & 1;
        troupe_ref listener = hand_of(&pair[1], i & 2 ? 1 : 16, all);
        (void)watch_by(&pair[1], watcher, listener);
        if (traps) act_as(&pair[1], listener, trap_exits, NULL);
        tie_to(&pair[0], listener, signal);
        check_tied(all, first, traps ? 1u + signal : 0);
        if (traps) cr_assert_eq(troupe_stop(pair[1].rt, listener), TROUPE_OK);
        notes_await(ends, i + 1);
        cr_assert_eq(ends->note[i].why, traps ? TROUPE_SHUTDOWN : (troupe_err)END);
        cr_assert_eq(notes_count(all), first + 2 + (traps ? 1u + signal : 0));
    }
    pair_close(pair);
    notes_close(all);
    notes_close(ends);
}

ANYWHERE(node_ends, case_05_a_link_and_its_exit_are_in_line_with_messages, 100) {
    in_line(tcp, true);
}

ANYWHERE(node_ends, case_05_who_does_not_trap_ends_behind_what_was_said_before, 100) {
    in_line(tcp, false);
}

/* --- A node that closes ----------------------------------------------------------------------- */

static void close_it(void *it) {
    party_close(it);
}

ANYWHERE(node_ends, a_node_that_closes_says_how_its_actors_ended_and_goodbye, 200) {
    enum { ROUNDS = 10 };
    party left, right;
    party_open(&left, "left");
    notes *all = notes_open(), *other = notes_open();
    troupe_ref watcher = hand_of(&left, 16, all);
    for (size_t i = 0; i < ROUNDS; i++) { /* the last words must not be lost in any of them */
        party_open(&right, "right");
        party_listen(&right, tcp);
        party_meet(&left, &right);
        troupe_ref who = hand_of(&right, 16, other);
        uint64_t monitor = watch_by(&left, watcher, who);
        ask_until(&left, who, close_it, &right, TROUPE_NOCONNECTION);
        check_down(all, i, monitor, who, TROUPE_SHUTDOWN);
        party_await_log(&left, "node right is disconnected", i + 1);
        cr_assert_eq(count_to(&left, who, 1), TROUPE_NOCONNECTION);
    }
    cr_assert_eq(party_logged(&left, "lost"), 0u);
    cr_assert_eq(notes_count(all), (size_t)ROUNDS);
    party_close(&left);
    scene_end();
    notes_close(all);
    notes_close(other);
}

ANYWHERE(node_ends, what_was_sent_before_a_node_closes_arrives, 200) {
    enum { SPEAKERS = 40, WORDS = 14, ROUNDS = 10 };
    party left, right;
    party_open(&left, "left");
    notes *all = notes_open();
    troupe_ref listener = hand_of(&left, 4096, all);
    for (size_t i = 1; i <= ROUNDS; i++) {
        party_open(&right, "right");
        party_listen(&right, tcp);
        party_meet(&left, &right);
        const struct order body = {ORDER_PASS, WORDS, listener};
        troupe_msg *msg;
        troupe_ref who;
        cr_assert_eq(troupe_spawn(right.rt, &speaker, NULL, &who), TROUPE_OK);
        cr_assert_eq(troupe_make(right.rt, &order_type, &body, &msg), TROUPE_OK);
        cr_assert_eq(troupe_post(right.rt, who, &msg), TROUPE_OK);
        SCENE_AWAIT(troupe_mailbox(right.rt, who, NULL, NULL) == TROUPE_GONE);
        party_close(&right); /* with what it has said just handed over */
        notes_await(all, i * WORDS);
    }
    party_close(&left);
    scene_end();
    notes_close(all);
}

ANYWHERE(node_ends, case_28_a_hundred_connections_leave_nothing, 20) {
    party right, left;
    size_t descriptors = 0, threads = 0;
    counting_heap_state before = {0};
    notes *all = notes_open();
    party_open(&right, "right");
    party_listen(&right, tcp);
    troupe_ref hand = hand_of(&right, 16, all);
    cr_assert_eq(troupe_register(right.rt, hand, "hand"), TROUPE_OK);
    for (size_t i = 1; i <= 100; i++) {
        uint64_t n = i;
        party_open(&left, "left");
        party_listen(&left, tcp);
        party_meet(&left, &right); /* under the name of the one before, which has said goodbye */
        cr_assert_eq(ask_by(&left, found(&left, "right", "hand"), ORDER_ANSWER, &n), TROUPE_OK);
        party_close(&left);
        party_await_log(&right, "node left is disconnected", i);
        if (i == 10) {
            descriptors = descriptors_at_most(0 + 64);
            threads = entries_of("/proc/self/task");
            before = counting_heap_look(&right.heap);
        }
    }
    cr_assert_leq(descriptors_at_most(descriptors), descriptors);
    cr_assert_eq(entries_of("/proc/self/task"), threads);
    cr_assert_leq(counting_heap_look(&right.heap).bytes, before.bytes + 256 * 1024);
    party_close(&right);
    scene_end();
    notes_close(all);
}
