/* A node with a small tree, for the tests of the console: shop (a supervisor) over till, cellar (a
 * supervisor over keg) and two dynamic children of crew; and guest, whom nobody supervises. */
#ifndef TROUPE_TEST_CONSOLE_SCENE_H
#define TROUPE_TEST_CONSOLE_SCENE_H

#include <troupe/console.h>
#include <troupe/supervisor.h>

#include "test/transport/node_scene.h"

struct greet {
    const char *who;
    uint32_t times;
};
static const troupe_type greet_type =
    TROUPE_TYPE(greet, TROUPE_FIELD(greet, who), TROUPE_FIELD_OR(greet, times, 1));
struct greeted {
    uint32_t sum;
};
static const troupe_type greeted_type = TROUPE_TYPE(greeted, TROUPE_FIELD(greeted, sum));

/* It counts greetings, and answers how many there were. */
static inline troupe_err clerk_receive(troupe_self *self, void *state, troupe_msg **msg) {
    uint32_t *sum = state;
    const struct greet *greet = troupe_as(*msg, &greet_type);
    if (!greet) return TROUPE_BADTYPE;
    if (strcmp(greet->who, "nobody") == 0) return TROUPE_FAILED;
    *sum += greet->times;
    if (troupe_same(troupe_sender(self), TROUPE_NOBODY)) return TROUPE_OK;
    const struct greeted answer = {*sum};
    return troupe_answer(self, &greeted_type, &answer);
}

static const troupe_behaviour clerk = {
    .name = "clerk", .state_size = sizeof(uint32_t), .mailbox_limit = 8, .receive = clerk_receive};

static inline troupe_ref tree_open(troupe *rt) {
    static const troupe_child keg = {.id = "keg", .what = &clerk};
    static const troupe_supervision cellar = {.child = &keg, .children = 1};
    static const troupe_child model = {.id = "mate", .what = &clerk};
    static const troupe_supervision crew = {
        .child = &model, .children = 1, .strategy = TROUPE_SIMPLE_ONE_FOR_ONE};
    static const troupe_child child[] = {
        {.id = "till", .what = &clerk, .name = "till"},
        {.id = "cellar", .what = &troupe_supervisor, .arg = &cellar},
        {.id = "crew", .what = &troupe_supervisor, .arg = &crew, .name = "crew"},
    };
    static const troupe_supervision shop = {
        .child = child, .children = 3, .name = "shop", .max_restarts = 9, .within_ms = 60000};
    troupe_ref top, who, mate;
    cr_assert_eq(troupe_supervise(rt, &shop, PATIENCE_MS, &top), TROUPE_OK);
    cr_assert_eq(troupe_whereis(rt, "crew", &who), TROUPE_OK);
    for (int i = 0; i < 2; i++)
        cr_assert_eq(troupe_start_dynamic_child(rt, who, NULL, PATIENCE_MS, &mate), TROUPE_OK);
    cr_assert_eq(troupe_spawn(rt, &clerk, NULL, &who), TROUPE_OK);
    cr_assert_eq(troupe_register(rt, who, "guest"), TROUPE_OK);
    cr_assert_eq(troupe_register_type(rt, &greet_type), TROUPE_OK);
    return top;
}

#endif
