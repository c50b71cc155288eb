/* Nodes that have different versions of a type: what both know is understood, and what can't be is
 * told with the fields that differ, and costs nobody a connection. */
#include "serial/schema.h"
#include "test/transport/rogue.h"

TestSuite(node_versions, .timeout = 60, .fini = scene_say_seed);

enum { SEEDS = 20 };

enum ride { WALK, TRAIN };
enum new_ride { NEW_WALK, NEW_TRAIN, NEW_BIKE };
static const troupe_choice choice[] = {{"WALK", WALK}, {"TRAIN", TRAIN}, {"BIKE", NEW_BIKE}};
static const troupe_enum ride_enum = {choice, 2}, new_ride_enum = {choice, 3};

struct old_stop {
    const char *name;
};
struct old_trip {
    int32_t id;
    enum ride ride;
    TROUPE_MANY(struct old_stop) stops;
};
static const troupe_type old_stop_type =
    TROUPE_NAMED_TYPE("stop", old_stop, TROUPE_FIELD(old_stop, name));
static const troupe_type old_type = TROUPE_NAMED_TYPE(
    "trip", old_trip, TROUPE_FIELD(old_trip, id), TROUPE_FIELD_OF(old_trip, ride, &ride_enum),
    TROUPE_LIST_OF(old_trip, stops, &old_stop_type));

struct new_stop {
    const char *name;
    uint32_t minutes;
};
struct new_trip {
    int64_t id;
    enum new_ride ride;
    TROUPE_MANY(struct new_stop) stops;
    const char *currency;
};
static const troupe_type new_stop_type = TROUPE_NAMED_TYPE(
    "stop", new_stop, TROUPE_FIELD(new_stop, name), TROUPE_FIELD_OR(new_stop, minutes, 5));
static const troupe_type new_type = TROUPE_NAMED_TYPE(
    "trip", new_trip, TROUPE_FIELD(new_trip, id), TROUPE_FIELD_OF(new_trip, ride, &new_ride_enum),
    TROUPE_LIST_OF(new_trip, stops, &new_stop_type), TROUPE_FIELD_OR(new_trip, currency, "EUR"));

/* An older node's actor, and a newer one's: each answers with one that has the next number. */
static troupe_err receive_old(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    const struct old_trip *trip = troupe_as(*msg, &old_type);
    if (!trip) return TROUPE_OK;
    return troupe_answer(self, &old_type,
                         &(struct old_trip){trip->id + 1, trip->ride, {trip->stops.at, 1}});
}

static troupe_err receive_new(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    const struct new_trip *trip = troupe_as(*msg, &new_type);
    if (!trip) return TROUPE_OK;
    bool known = trip->stops.at[0].minutes == 5 && !strcmp(trip->currency, "EUR");
    return troupe_answer(
        self, &new_type,
        &(struct new_trip){trip->id + known, trip->ride, {trip->stops.at, 1}, "USD"});
}

static const troupe_behaviour old_actor = {.name = "old", .receive = receive_old};
static const troupe_behaviour new_actor = {.name = "new", .receive = receive_new};

static void know(party *p, const troupe_type *type) {
    cr_assert_eq(troupe_register_type(p->rt, type), TROUPE_OK);
}

static troupe_ref start(party *p, const troupe_behaviour *what) {
    troupe_ref who;
    cr_assert_eq(troupe_spawn(p->rt, what, NULL, &who), TROUPE_OK);
    return who;
}

static troupe_err ask(party *p, troupe_ref who, const troupe_type *type, const void *body,
                      troupe_msg **msg) {
    cr_assert_eq(troupe_make(p->rt, type, body, msg), TROUPE_OK);
    return troupe_ask(p->rt, who, msg, PATIENCE_MS);
}

/* The newer one asks the older one, and is answered. */
static void new_asks(party *p, troupe_ref who, int64_t id) {
    static const struct new_stop stops[] = {{"a", 7}, {"b", 8}};
    troupe_msg *msg;
    cr_assert_eq(ask(p, who, &new_type, &(struct new_trip){id, NEW_TRAIN, {stops, 2}, "CHF"}, &msg),
                 TROUPE_OK);
    const struct new_trip *trip = troupe_as(msg, &new_type);
    cr_assert_not_null(trip);
    cr_assert(trip->id == id + 1 && trip->ride == NEW_TRAIN && trip->stops.count == 1);
    cr_assert_str_eq(trip->stops.at[0].name, "a");
    cr_assert_eq(trip->stops.at[0].minutes, 5u, "which the older one has not");
    cr_assert_str_eq(trip->currency, "EUR");
    troupe_drop(&msg);
}

/* And the other way. */
static void old_asks(party *p, troupe_ref who, int32_t id) {
    static const struct old_stop stops[] = {{"x"}, {"y"}};
    troupe_msg *msg;
    cr_assert_eq(ask(p, who, &old_type, &(struct old_trip){id, WALK, {stops, 2}}, &msg), TROUPE_OK);
    const struct old_trip *trip = troupe_as(msg, &old_type);
    cr_assert_not_null(trip);
    cr_assert(trip->id == id + 1 && trip->ride == WALK && trip->stops.count == 1);
    cr_assert_str_eq(trip->stops.at[0].name, "x");
    troupe_drop(&msg);
}

/* The left node is the newer one. */
static void versions_open(party pair[2], bool tcp, const troupe_type *left,
                          const troupe_type *right) {
    party_open(&pair[0], "left");
    party_open(&pair[1], "right");
    if (left) know(&pair[0], left);
    if (right) know(&pair[1], right);
    party_listen(&pair[1], tcp);
    party_meet(&pair[0], &pair[1]);
}

ANYWHERE(node_versions, understand_each_other_both_ways, SEEDS) {
    party pair[2];
    versions_open(pair, tcp, &new_type, &old_type);
    const troupe_ref old = start(&pair[1], &old_actor), new = start(&pair[0], &new_actor);
    for (int i = 0; i < 3; i++) {
        new_asks(&pair[0], old, i);
        old_asks(&pair[1], new, i);
    }
    for (int i = 0; i < 2; i++)
        cr_assert_eq(party_logged(&pair[i], "can't be delivered"), 0u, "%s", pair[i].log);
    pair_close(pair);
}

/* The schemas go with the first message, as types become known after they have met. */
ANYWHERE(node_versions, may_be_registered_later, SEEDS) {
    party pair[2];
    troupe_msg *msg;
    versions_open(pair, tcp, NULL, NULL);
    const troupe_ref old = start(&pair[1], &old_actor);
    const struct new_trip trip = {.id = 1};
    cr_assert_eq(ask(&pair[0], old, &new_type, &trip, &msg), TROUPE_UNKNOWN_TYPE);
    party_await_log(&pair[1], "its type trip (", 1);
    know(&pair[0], &new_type);
    know(&pair[1], &old_type);
    new_asks(&pair[0], old, 1);
    pair_close(pair);
}

/* What one has that the other can't say is told by its value, message by message. */
ANYWHERE(node_versions, are_told_of_values_that_do_not_fit, SEEDS) {
    party pair[2];
    troupe_msg *msg;
    versions_open(pair, tcp, &new_type, &old_type);
    const troupe_ref old = start(&pair[1], &old_actor);
    struct new_trip trip = {.id = INT64_C(1) << 40};
    cr_assert_eq(ask(&pair[0], old, &new_type, &trip, &msg), TROUPE_MALFORMED);
    party_await_log(&pair[1], "trip.id: expected i32, got 1099511627776", 1);
    trip = (struct new_trip){.ride = NEW_BIKE};
    cr_assert_eq(ask(&pair[0], old, &new_type, &trip, &msg), TROUPE_MALFORMED);
    party_await_log(&pair[1], "trip.ride: expected a choice of the enum, got 2", 1);
    new_asks(&pair[0], old, 1);
    pair_close(pair);
}

struct other_trip {
    const char *id;
    enum ride ride;
    TROUPE_MANY(struct old_stop) places;
};
static const troupe_type other_type = TROUPE_NAMED_TYPE(
    "trip", other_trip, TROUPE_FIELD(other_trip, id), TROUPE_FIELD_OF(other_trip, ride, &ride_enum),
    TROUPE_LIST_OF(other_trip, places, &old_stop_type));

/* Both say so when they meet, before anything is sent, and never again. */
ANYWHERE(node_versions, that_are_different_types_are_told_with_their_fields, SEEDS) {
    party pair[2];
    troupe_msg *msg;
    versions_open(pair, tcp, &other_type, &old_type);
    party_await_log(&pair[1],
                    "node left can't be delivered: trip is another type here: id is i32 here, text "
                    "there, stops is called places there",
                    1);
    party_await_log(&pair[0],
                    "node right can't be delivered: trip is another type here: id is text here, "
                    "i32 there, places is called stops there",
                    1);
    const troupe_ref old = start(&pair[1], &old_actor);
    for (unsigned i = 0; i < 20; i++) { /* more than the first credit */
        const struct other_trip trip = {.id = "one"};
        cr_assert_eq(ask(&pair[0], old, &other_type, &trip, &msg), TROUPE_UNKNOWN_TYPE);
        cr_assert_eq(dead_letters(pair[1].rt), i + 1u);
    }
    cr_assert_eq(party_logged(&pair[1], "another type here"), 1u);
    cr_assert_eq(party_logged(&pair[1], "can't be delivered"), 1u);
    cr_assert_eq(party_logged(&pair[1], "is cut"), 0u);
    notes *all = notes_open();
    uint64_t n = 1;
    cr_assert_eq(ask_by(&pair[0], hand_of(&pair[1], 4, all), ORDER_ANSWER, &n), TROUPE_OK);
    pair_close(pair);
    notes_close(all);
}

static const troupe_type strict_type = TROUPE_NAMED_TYPE(
    "trip", new_trip, TROUPE_FIELD(new_trip, id), TROUPE_FIELD_OF(new_trip, ride, &new_ride_enum),
    TROUPE_LIST_OF(new_trip, stops, &new_stop_type), TROUPE_REQUIRED_FIELD(new_trip, currency));

/* The newer one can't do without; the older one can do with it. */
ANYWHERE(node_versions, one_of_which_asks_for_more_hear_one_way_only, SEEDS) {
    party pair[2];
    troupe_msg *msg;
    versions_open(pair, tcp, &strict_type, &old_type);
    party_await_log(&pair[0], "trip is another type here: currency is required here, and not there",
                    1);
    const troupe_ref new = start(&pair[0], &new_actor);
    cr_assert_eq(ask(&pair[1], new, &old_type, &(struct old_trip){.id = 1}, &msg),
                 TROUPE_UNKNOWN_TYPE);
    cr_assert_eq(party_logged(&pair[1], "can't be delivered"), 0u);
    pair_close(pair);
}

/* --- What a peer may say ---------------------------------------------------------------------- */

ANYWHERE(node_versions, a_schema_that_is_not_what_its_hash_is_made_of_is_a_violation, SEEDS) {
    party node;
    rogue r;
    party_open(&node, "node");
    party_listen(&node, tcp);
    rogue_open(&r, &node);
    rogue_say(&r, &(tr_frame){.kind = TR_FRAME_SCHEMA, .type = 5, .tail = "abc", .tail_size = 3});
    party_await_log(&node, "is cut: a frame of kind 40", 1);
    rogue_close(&r);
    party_close(&node);
    scene_end();
}

ANYWHERE(node_versions, a_thousand_schemas_cost_no_more_than_their_limit, 4) {
    enum { MORE = 192 << 10 }; /* buffers; what is told is a million bytes */
    static unsigned char bytes[1000];
    party node;
    rogue r;
    party_open(&node, "node");
    party_listen(&node, tcp);
    rogue_open(&r, &node);
    const size_t before = counting_heap_look(&node.heap).bytes;
    for (uint32_t i = 0; i < 1000; i++) {
        memcpy(bytes, &i, sizeof i);
        const uint64_t hash = tr_hash_bytes(tr_hash_text(""), bytes, sizeof bytes);
        rogue_say(&r, &(tr_frame){.kind = TR_FRAME_SCHEMA,
                                  .type = hash,
                                  .tail = bytes,
                                  .tail_size = sizeof bytes});
    }
    rogue_say(&r, &(tr_frame){.kind = TR_FRAME_LOOKUP, .number = 1, .tail = "x", .tail_size = 1});
    (void)rogue_expect(&r, TR_FRAME_FOUND); /* so it has read all that came before */
    cr_assert_leq(counting_heap_look(&node.heap).bytes, before + TR_SCHEMAS_SIZE_MOST + MORE);
    rogue_say(&r, &(tr_frame){.kind = TR_FRAME_GOODBYE});
    rogue_close(&r);
    party_close(&node);
    scene_end();
}
