/* Reports of what comes from other nodes, and of what can't go there: support/golden.h. In one
 * simulation each, so that they come in the same order always. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <troupe/supervisor.h>

#include "test/support/golden.h"
#include "test/transport/node_hands.h"

TestSuite(golden, .timeout = 60);

static void open_world(void) {
    const troupe_sim_config config = {.seed = 1};
    scene_report = golden_see;
    golden_forget();
    cr_assert_eq(troupe_sim_open(&config, &scene_sim), TROUPE_OK);
}

static void close_world(const char *name) {
    troupe_sim_close(&scene_sim);
    golden_expect("transport", name);
}

struct parcel {
    const char *text;
    uint32_t weight;
};
static const troupe_type parcel_type =
    TROUPE_TYPE(parcel, TROUPE_FIELD(parcel, text), TROUPE_FIELD(parcel, weight));

Test(golden, a_type_that_is_not_registered) {
    party pair[2];
    troupe_msg *msg;
    open_world();
    pair_open(pair, false);
    notes *all = notes_open();
    troupe_ref hand = hand_of(&pair[1], 4, all);
    const struct parcel parcel = {"glass", 7};
    cr_assert_eq(troupe_make(pair[0].rt, &parcel_type, &parcel, &msg), TROUPE_OK);
    cr_assert_eq(troupe_ask(pair[0].rt, hand, &msg, PATIENCE_MS), TROUPE_UNKNOWN_TYPE);
    pair_close(pair);
    notes_close(all);
    close_world("unregistered_type");
}

Test(golden, a_wrong_secret) {
    party left, right;
    open_world();
    party_open(&right, "right");
    party_listen(&right, false);
    party_open_as(&left, "left",
                  (troupe_node_config){.secret = "another secret!!", .secret_size = 16});
    cr_assert_eq(troupe_connect(left.node, right.url, PATIENCE_MS), TROUPE_REFUSED);
    party_close(&left);
    party_close(&right);
    scene_end();
    close_world("wrong_secret");
}

/* --- Encoding --------------------------------------------------------------------------------- */

/* Sends on what it gets; what can't be encoded fails it. */
static troupe_ref far_away;

static troupe_err carry(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    return troupe_send(self, far_away, msg);
}

Test(golden, a_message_that_can_not_be_encoded) {
    enum { MUCH = 100000 };
    party pair[2];
    troupe_ref root, who;
    troupe_msg *msg;
    open_world();
    party_open_as(&pair[0], "left", (troupe_node_config){.message_limit = MUCH / 2});
    party_open(&pair[1], "right");
    party_listen(&pair[1], false);
    party_meet(&pair[0], &pair[1]);
    notes *all = notes_open();
    far_away = hand_of(&pair[1], 16, all);
    const troupe_behaviour carrier = {.name = "carrier", .receive = carry};
    const troupe_child child = {.id = "carrier", .what = &carrier, .name = "carrier"};
    const troupe_supervision tree = {
        .child = &child, .children = 1, .max_restarts = 3, .within_ms = 5000, .name = "shop"};
    cr_assert_eq(troupe_supervise(pair[0].rt, &tree, 1000, &root), TROUPE_OK);
    cr_assert_eq(troupe_whereis(pair[0].rt, "carrier", &who), TROUPE_OK);

    char *text = malloc(MUCH);
    cr_assert_not_null(text);
    memset(text, 'x', MUCH - 1);
    text[MUCH - 1] = '\0';
    const struct parcel parcel = {text, 7};
    cr_assert_eq(troupe_make(pair[0].rt, &parcel_type, &parcel, &msg), TROUPE_OK);
    free(text);
    cr_assert_eq(troupe_ask(pair[0].rt, who, &msg, PATIENCE_MS), TROUPE_FAILED,
                 "its asker hears it");
    cr_assert_eq(dead_letters(pair[0].rt), 1u);

    /* it is there again, under its ref, and so is the connection */
    const struct count count = {1, 5};
    cr_assert_eq(troupe_make(pair[0].rt, &count_type, &count, &msg), TROUPE_OK);
    cr_assert_eq(troupe_post(pair[0].rt, who, &msg), TROUPE_OK);
    notes_await(all, 1);
    pair_close(pair);
    notes_close(all);
    close_world("encoding");
}
