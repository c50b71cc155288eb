/* Exit signals without a link over real connections, and in a simulation: what a signal does is
 * heard of by a monitor. The rules one by one are in test_sim_exit.c. */
#include <troupe/link.h>

#include "test/transport/node_hands.h"

TestSuite(node_exit, .timeout = 60, .fini = scene_say_seed);

/* Watches who it is told to, sends that one a message and an exit signal, and writes down how it
 * ended. */
static troupe_err hunt(troupe_self *self, void *state, troupe_msg **msg) {
    notes *all = *(notes **)state;
    const struct order *order = troupe_as(*msg, &order_type);
    const struct troupe_down *down = troupe_as(*msg, &troupe_down_type);
    if (down) {
        notes_write(all, (note){.kind = A_DOWN, .who = down->who, .why = (troupe_err)down->why});
        return TROUPE_OK;
    }
    troupe_err err = troupe_monitor(self, order->who, NULL);
    if (!err) err = troupe_tell(self, order->who, &count_type, &(struct count){.n = order->n});
    if (!err) err = troupe_exit_signal(self, order->who, (troupe_err)order->n);
    return err;
}

static troupe_err start(troupe_self *self, void *state, const void *arg) {
    (void)self;
    *(const void **)state = arg;
    return TROUPE_OK;
}

static const troupe_behaviour hunter = {
    .name = "hunter", .state_size = sizeof(notes *), .start = start, .receive = hunt};

ANYWHERE(node_exit, a_signal_ends_an_actor_of_another_node, 200) {
    static const troupe_err whys[] = {TROUPE_USER, TROUPE_KILL, TROUPE_SHUTDOWN};
    static const troupe_err heard[] = {TROUPE_USER, TROUPE_KILLED, TROUPE_SHUTDOWN};
    party pair[2];
    pair_open(pair, tcp);
    notes *all = notes_open();
    troupe_ref from;
    cr_assert_eq(troupe_spawn(pair[0].rt, &hunter, all, &from), TROUPE_OK);
    for (unsigned i = 0; i < 3; i++) {
        troupe_ref target = hand_of(&pair[1], 1, all);
        troupe_msg *msg = NULL;
        const struct order body = {.n = whys[i], .who = target};
        cr_assert_eq(troupe_make(pair[0].rt, &order_type, &body, &msg), TROUPE_OK);
        cr_assert_eq(troupe_post(pair[0].rt, from, &msg), TROUPE_OK);
        SCENE_AWAIT(notes_downs(all, heard[i]) == 1);
        cr_assert_eq(troupe_mailbox(pair[1].rt, target, NULL, NULL), TROUPE_GONE);
    }
    pair_close(pair);
    notes_close(all);
}

ANYWHERE(node_exit, a_stop_and_a_kill_reach_an_actor_of_another_node, 200) {
    party pair[2];
    pair_open(pair, tcp);
    notes *all = notes_open(), *other = notes_open();
    troupe_ref watcher = hand_of(&pair[0], 16, all), target = TROUPE_NOBODY;
    for (size_t i = 0; i < 4; i++) {
        target = hand_of(&pair[1], 1, other);
        (void)watch_by(&pair[0], watcher, target);
        cr_assert_eq(i % 2 ? troupe_kill(pair[0].rt, target) : troupe_stop(pair[0].rt, target),
                     TROUPE_OK);
        notes_await(all, i + 1);
        cr_assert_eq(all->note[i].why, i % 2 ? TROUPE_KILLED : TROUPE_SHUTDOWN);
    }
    cr_assert_eq(troupe_stop(pair[0].rt, target), TROUPE_OK, "that it has ended is known there");
    uint64_t n = 1;
    cr_assert_eq(ask_by(&pair[0], hand_of(&pair[1], 1, other), ORDER_ANSWER, &n), TROUPE_OK);
    target.node = 4711;
    cr_assert_eq(troupe_stop(pair[0].rt, target), TROUPE_NOCONNECTION);
    cr_assert_eq(troupe_kill(pair[0].rt, target), TROUPE_NOCONNECTION);
    pair_close(pair);
    notes_close(all);
    notes_close(other);
}
