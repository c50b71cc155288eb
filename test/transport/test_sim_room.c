/* Room over nodes, in simulations: who has used up its credit hears of the next one, once. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <troupe/remote.h>
#include <troupe/simulation.h>
#include <troupe/troupe.h>

#include "actors/runtime.h"

TestSuite(sim_room, .timeout = 100);

struct target {
    troupe_ref who;
};
static const troupe_type target_type = TROUPE_TYPE(target, TROUPE_FIELD(target, who));

typedef struct side {
    troupe *rt;
    troupe_node *node;
    troupe_ref who;
} side;

static troupe_sim *sim;
static side a, b;
static char diary[256];
static unsigned got;

/* Told of whom, it sends until that is FULL, and wishes to hear of room. */
static troupe_err fill(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    const struct troupe_room *room = troupe_as(*msg, &troupe_room_type);
    const struct target *to = troupe_as(*msg, &target_type);
    size_t used = strlen(diary);
    if (room) {
        cr_assert(troupe_same(room->who, troupe_sender(self)));
        (void)snprintf(diary + used, sizeof diary - used, "room(%s) ",
                       troupe_errname((troupe_err)room->why));
        return TROUPE_OK;
    }
    troupe_err err = TROUPE_OK;
    for (unsigned n = 0; !err; n++) err = troupe_tell(self, to->who, &target_type, to);
    cr_assert_eq(err, TROUPE_FULL);
    for (int i = 0; i < 2; i++) cr_assert_eq(troupe_notify_room(self, to->who), TROUPE_OK);
    return TROUPE_OK;
}

static troupe_err take(troupe_self *self, void *state, troupe_msg **msg) {
    (void)self, (void)state, (void)msg;
    got++;
    return TROUPE_OK;
}

static void quiet(void *ctx, troupe_level level, const char *line) {
    (void)ctx, (void)level, (void)line;
}

static void open_side(side *it, const char *name, const troupe_behaviour *what) {
    const troupe_config config = {.log = quiet};
    const troupe_node_config node = {.name = name, .secret = "0123456789abcdef", .secret_size = 16};
    cr_assert_eq(troupe_sim_runtime(sim, &config, &it->rt), TROUPE_OK);
    cr_assert_eq(troupe_node_open(it->rt, &node, &it->node), TROUPE_OK);
    cr_assert_eq(troupe_register_type(it->rt, &target_type), TROUPE_OK);
    cr_assert_eq(troupe_spawn(it->rt, what, NULL, &it->who), TROUPE_OK);
}

static void send_all(void) {
    troupe_msg *msg = NULL;
    cr_assert_eq(troupe_make(a.rt, &target_type, &(struct target){b.who}, &msg), TROUPE_OK);
    cr_assert_eq(troupe_post(a.rt, a.who, &msg), TROUPE_OK);
}

/* Plays a scene in many orders; it may close the second side. */
static void in_orders(void (*scene)(void)) {
    static const troupe_behaviour fills = {.name = "fills", .mailbox_limit = 1, .receive = fill},
                                  takes = {.name = "takes", .mailbox_limit = 1, .receive = take};
    for (uint64_t seed = 1; seed <= 20; seed++) {
        const troupe_sim_config config = {.seed = seed};
        char url[64];
        cr_assert_eq(troupe_sim_open(&config, &sim), TROUPE_OK);
        open_side(&a, "a", &fills);
        open_side(&b, "b", &takes);
        cr_assert_eq(troupe_listen(b.node, "tcp://127.0.0.1:0", url, sizeof url), TROUPE_OK);
        cr_assert_eq(troupe_connect(a.node, url, 5000), TROUPE_OK);
        diary[0] = '\0';
        scene();
        troupe_sim_run(sim, 2000);
        cr_assert_eq(a.rt->rooms.by_target.count + a.rt->rooms.by_actor.count, 0);
        troupe_close(&a.rt);
        troupe_close(&b.rt);
        cr_assert_eq(troupe_sim_leaks(sim), 0);
        troupe_sim_close(&sim);
    }
}

static void credit(void) {
    for (int i = 0; i < 3; i++) {
        got = 0;
        send_all();
        troupe_sim_run(sim, 500);
        cr_assert_gt(got, 0);
        cr_assert_str_eq(diary, "room(OK) ");
        diary[0] = '\0';
    }
}

Test(sim_room, new_credit_is_told_once) {
    in_orders(credit);
}

/* The window is not worked off when its actor ends: what is on the way is answered by its end. */
static void ended(void) {
    cr_assert_eq(troupe_kill(b.rt, b.who), TROUPE_OK);
    send_all();
    troupe_sim_run(sim, 500);
    cr_assert_str_eq(diary, "room(GONE) ");
}

Test(sim_room, an_end_is_told) {
    in_orders(ended);
}

static void lost(void) {
    send_all();
    while (!a.rt->rooms.by_target.count) cr_assert_gt(troupe_step(a.rt, 1), 0);
    tr_port_crash(&b.rt);
    troupe_sim_run(sim, 10000);
    cr_assert_str_eq(diary, "room(NOCONNECTION) ");
}

Test(sim_room, a_lost_node_is_told) {
    in_orders(lost);
}

/* A thread that posts waits for credit as for room. */
static void threads(void) {
    got = 0;
    for (int i = 0; i < 100; i++) {
        troupe_msg *msg = NULL;
        cr_assert_eq(troupe_make(a.rt, &target_type, &(struct target){b.who}, &msg), TROUPE_OK);
        cr_assert_eq(troupe_post_wait(a.rt, b.who, &msg, 5000), TROUPE_OK);
    }
    troupe_sim_run(sim, 500);
    cr_assert_eq(got, 100);
}

Test(sim_room, a_post_waits_for_credit) {
    in_orders(threads);
}
