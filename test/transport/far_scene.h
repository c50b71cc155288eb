/* Children on other nodes, for tests: what they do is written down, and how many of each live. */
#ifndef TROUPE_TEST_FAR_SCENE_H
#define TROUPE_TEST_FAR_SCENE_H

#include <troupe/far_child.h>
#include <troupe/supervisor.h>

#include "test/transport/node_hands.h"
#include "transport/node.h"

enum { FAR_KIDS = 4, FAR_PLACES = 8, KID_STOP_MS = 200 };

/* All lives of the kids, by their number and the runtime that they are in. */
static struct far_world {
    tr_mutex lock;
    uint64_t alive[FAR_KIDS][FAR_PLACES]; /* the runtime's incarnation; 0: free */
    size_t starts[FAR_KIDS], twice;
    uint64_t token[FAR_KIDS], stopped; /* when the last one ended by its stop: the order of ends */
    uint64_t order[16];
    size_t orders;
    notes *notes;
} world;

static inline void world_open(void) {
    memset(&world, 0, sizeof world);
    tr_mutex_init(&world.lock);
    world.notes = notes_open();
}

static inline void world_close(void) {
    notes_close(world.notes);
    tr_mutex_fini(&world.lock);
}

/* How many lives of a kid there are. */
static inline size_t world_alive(size_t kid) {
    size_t n = 0;
    tr_lock(&world.lock);
    for (size_t i = 0; i < FAR_PLACES; i++) n += world.alive[kid][i] != 0;
    tr_unlock(&world.lock);
    return n;
}

static inline size_t world_starts(size_t kid) {
    tr_lock(&world.lock);
    size_t n = world.starts[kid];
    tr_unlock(&world.lock);
    return n;
}

/* A node has died, and with it all that lived there. */
static inline void world_dies(uint64_t node) {
    tr_lock(&world.lock);
    for (size_t k = 0; k < FAR_KIDS; k++)
        for (size_t i = 0; i < FAR_PLACES; i++)
            if (world.alive[k][i] == node) world.alive[k][i] = 0;
    tr_unlock(&world.lock);
}

static inline void world_order(uint64_t n) {
    tr_lock(&world.lock);
    if (world.orders < 16) world.order[world.orders++] = n;
    tr_unlock(&world.lock);
}

/* --- A kid: counts what it gets, and says of each life when it begins and ends ---------------- */

struct kid {
    uint64_t number, n;
    uint64_t *life;
};

static inline void kid_over(void *arg) {
    tr_lock(&world.lock);
    *(uint64_t *)arg = 0;
    tr_unlock(&world.lock);
}

static inline troupe_err kid_start(troupe_self *self, void *state, const void *arg) {
    struct kid *kid = state;
    const struct count *count = arg;
    if (count->from == 13) return troupe_fail(self, TROUPE_USER, "no good number");
    kid->number = count->from;
    uint64_t token = 0;
    cr_assert_eq(troupe_far_token(self, &token), TROUPE_OK);
    tr_lock(&world.lock);
    for (size_t i = 0; i < FAR_PLACES; i++) {
        uint64_t *place = &world.alive[kid->number][i];
        if (*place)
            world.twice++;
        else if (!kid->life)
            kid->life = place;
    }
    cr_assert_not_null(kid->life);
    *kid->life = troupe_me(self).node;
    world.starts[kid->number]++;
    cr_assert_gt(token, world.token[kid->number], "tokens go up");
    world.token[kid->number] = token;
    tr_unlock(&world.lock);
    troupe_err err = troupe_defer(self, kid_over, kid->life);
    if (err) kid_over(kid->life);
    return err;
}

static inline troupe_err kid_receive(troupe_self *self, void *state, troupe_msg **msg) {
    struct kid *kid = state;
    const struct count *count = troupe_as(*msg, &count_type);
    const struct order *o = troupe_as(*msg, &order_type);
    if (count)
        notes_write(world.notes, (note){A_COUNT, count->from, count->n, troupe_sender(self), 0});
    if (!o) return TROUPE_OK;
    if (o->what == ORDER_ANSWER)
        return troupe_answer(self, &count_type, &(struct count){kid->number, o->n + 1});
    if (o->what == ORDER_FAIL) return (troupe_err)o->n;
    if (o->what == ORDER_QUIT) troupe_exit(self, (troupe_err)o->n);
    return TROUPE_OK;
}

/* It takes its time, so that who does not wait for its end is seen. */
static inline troupe_err kid_stopping(troupe_self *self, void *state) {
    troupe_msg *msg = NULL;
    const struct order body = {ORDER_QUIT, TROUPE_SHUTDOWN, TROUPE_NOBODY};
    (void)state;
    troupe_err err = troupe_make(troupe_runtime(self), &order_type, &body, &msg);
    if (!err) err = troupe_send_after(self, KID_STOP_MS, troupe_me(self), &msg, NULL);
    troupe_drop(&msg);
    return err ? err : TROUPE_LATER;
}

static inline void kid_stop(troupe_self *self, void *state, troupe_err why) {
    (void)self, (void)why;
    world_order(((struct kid *)state)->number);
}

static const troupe_behaviour kid_behaviour = {.name = "kid",
                                               .state_size = sizeof(struct kid),
                                               .mailbox_limit = 8,
                                               .start = kid_start,
                                               .receive = kid_receive,
                                               .stopping = kid_stopping,
                                               .stop = kid_stop};

/* --- Nodes ------------------------------------------------------------------------------------ */

/* In a simulation silence is a loss sooner. */
static inline void far_open(party *p, const char *name, bool tcp) {
    party_open_as(p, name,
                  scene_sim ? (troupe_node_config){.heartbeat_ms = 100, .lost_ms = 1000}
                            : (troupe_node_config){.name = name});
    party_listen(p, tcp);
}

/* One that may have kids. */
static inline void far_open_host(party *p, const char *name, bool tcp) {
    far_open(p, name, tcp);
    cr_assert_eq(troupe_offer(p->node, &kid_behaviour, &count_type), TROUPE_OK);
    cr_assert_eq(troupe_host_children(p->node), TROUPE_OK);
}

/* Kid number 0 to 3 on the node of that name. */
static inline troupe_far far_kid(const struct count *number, const char *node) {
    static const char *const ids[] = {"kid 0", "kid 1", "kid 2", "kid 3"};
    return (troupe_far){.id = ids[number->from % FAR_KIDS],
                        .node = node,
                        .what = "kid",
                        .type = &count_type,
                        .arg = number,
                        .wait_ms = 3000,
                        .stop_ms = 500,
                        .lease_ms = 2000};
}

/* A supervisor with one child, under the name "kid". */
static inline troupe_ref far_supervise(party *p, const troupe_far *what, unsigned most) {
    const troupe_child child = {.id = "kid",
                                .what = &troupe_far_child,
                                .arg = what,
                                .name = "kid",
                                .backoff_ms = 20,
                                .backoff_max_ms = 200};
    const troupe_supervision all = {
        .child = &child, .children = 1, .max_restarts = most, .within_ms = 10000};
    troupe_ref top;
    cr_assert_eq(troupe_supervise(p->rt, &all, PATIENCE_MS, &top), TROUPE_OK);
    return top;
}

static inline troupe_ref far_keeper(party *p) {
    troupe_ref keeper;
    cr_assert_eq(troupe_whereis(p->rt, "kid", &keeper), TROUPE_OK);
    return keeper;
}

/* Whether kid 0 answers by way of its keeper. */
static inline bool far_answers(party *p) {
    troupe_ref keeper;
    uint64_t n = 5;
    if (troupe_whereis(p->rt, "kid", &keeper)) return false;
    troupe_msg *msg;
    const struct order body = {ORDER_ANSWER, n, TROUPE_NOBODY};
    cr_assert_eq(troupe_make(p->rt, &order_type, &body, &msg), TROUPE_OK);
    troupe_err err = troupe_ask(p->rt, keeper, &msg, 100);
    troupe_drop(&msg);
    return !err;
}

#endif
