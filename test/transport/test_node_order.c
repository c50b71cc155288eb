/* What one actor says to another on another node, in whatever way, comes in the order in which it
 * was said. In simulation only: what comes when is to be left to chance, and to be replayed. */
#include <troupe/ask.h>
#include <troupe/link.h>
#include <troupe/room.h>

#include "test/transport/node_hands.h"

TestSuite(node_order, .timeout = 120, .fini = scene_say_seed);

enum { SEEDS = 200, MANY = 80, BURST = 8, KID_MAIL = 3, END = TROUPE_USER + 9999 };

static const troupe_type go_type = TROUPE_SIGNAL_TYPE("go");

/* What one side has done and the other has seen, of one scene. */
static struct book {
    bool broken;               /* connections break */
    uint64_t said, asked, met; /* kids that were spawned */
    bool linked;               /* when it ended */
    bool over;                 /* the listener has heard of that */
    bool exited;               /* by a link */
    uint64_t answered[MANY];
    uint64_t next, heard, lost; /* of the listener; `lost`: how often it was told of a loss */
    uint64_t lost_at;           /* how often it had been when the last one came */
    uint64_t kids_mail, kids_over;
} book;

/* --- Kids: spawned over there by the speaker; they say back what they hear -------------------- */

struct kid {
    uint64_t next;
};

static troupe_err kid_receive(troupe_self *self, void *state, troupe_msg **msg) {
    struct kid *kid = state;
    const struct count *count = troupe_as(*msg, &count_type);
    if (!count) return TROUPE_OK;
    cr_assert_eq(count->n, kid->next++, "a kid's mail is in order");
    return troupe_tell(self, troupe_sender(self), &count_type, count);
}

static const troupe_behaviour kid_behaviour = {
    .name = "kid", .state_size = sizeof(struct kid), .receive = kid_receive};

/* --- The speaker ------------------------------------------------------------------------------ */

struct speaker {
    troupe_ref to;
    struct {
        troupe_ref who;
        uint64_t monitor, heard;
    } kid[MANY];
    size_t kids;
};

static troupe_err again(troupe_self *self, unsigned ms) {
    troupe_msg *msg = NULL;
    troupe_err err = troupe_make(troupe_runtime(self), &go_type, NULL, &msg);
    if (!err) err = troupe_set_timer(self, 1, ms, 0, &msg);
    troupe_drop(&msg);
    return err;
}

/* Asks with the next number. */
static troupe_err ask_next(troupe_self *self, const struct speaker *speaker) {
    troupe_msg *msg = NULL;
    const struct order order = {ORDER_ANSWER, book.said, TROUPE_NOBODY};
    troupe_err err = troupe_make(troupe_runtime(self), &order_type, &order, &msg);
    if (!err) err = troupe_request(self, speaker->to, &msg, 100000, book.said);
    book.asked += !err;
    troupe_drop(&msg);
    return err;
}

/* Changes what has no number. */
static void tie_or_spawn(troupe_self *self, const struct speaker *speaker) {
    uint64_t number;
    switch (troupe_random(troupe_runtime(self)) % 4) {
    case 0:
        book.linked = troupe_link(self, speaker->to) == TROUPE_OK;
        break;
    case 1:
        (void)troupe_unlink(self, speaker->to);
        book.linked = false;
        break;
    default:
        if (speaker->kids + book.met < MANY)
            book.met += troupe_spawn_on(self, "right", "kid", NULL, &number) == TROUPE_OK;
    }
}

static troupe_err say_next(troupe_self *self, const struct speaker *speaker) {
    switch (troupe_random(troupe_runtime(self)) % 4) {
    case 0:
        return ask_next(self, speaker);
    case 1:
        return troupe_exit_signal(self, speaker->to, (troupe_err)(TROUPE_USER + book.said));
    case 2:
        tie_or_spawn(self, speaker);
        return TROUPE_LATER;
    default:
        return troupe_tell(self, speaker->to, &count_type, &(struct count){0, book.said});
    }
}

static troupe_err speak(troupe_self *self, const struct speaker *speaker) {
    for (int i = 0; i < BURST && book.said < MANY; i++) {
        troupe_err err = say_next(self, speaker);
        if (err == TROUPE_LATER) continue;
        if (err) {
            cr_assert(err == TROUPE_FULL || (err == TROUPE_NOCONNECTION && book.broken));
            return again(self, err == TROUPE_FULL ? 1 : 20);
        }
        book.said++;
    }
    if (book.said < MANY) return again(self, 0);
    troupe_exit(self, (troupe_err)END);
    return TROUPE_OK;
}

/* A kid is there: it gets some mail, is watched, and shall end behind that mail. */
static troupe_err greet_kid(troupe_self *self, struct speaker *speaker,
                            const struct troupe_far_answer *answer) {
    if (answer->why) return TROUPE_OK;
    size_t at = speaker->kids++;
    speaker->kid[at].who = answer->who;
    for (uint64_t n = 0; n < KID_MAIL; n++) {
        troupe_err err = troupe_tell(self, answer->who, &count_type, &(struct count){2, n});
        cr_assert(!err || book.broken);
    }
    troupe_err err = troupe_monitor(self, answer->who, &speaker->kid[at].monitor);
    if (!err) err = troupe_exit_signal(self, answer->who, (troupe_err)END);
    return book.broken ? TROUPE_OK : err;
}

static troupe_err hear_kid(struct speaker *speaker, troupe_ref who, const struct count *count) {
    for (size_t i = 0; i < speaker->kids; i++) {
        if (!troupe_same(speaker->kid[i].who, who)) continue;
        cr_assert_eq(count->n, speaker->kid[i].heard++, "what a kid says is in order");
        book.kids_mail++;
    }
    return TROUPE_OK;
}

static troupe_err hear_kids_end(struct speaker *speaker, const struct troupe_down *down) {
    for (size_t i = 0; i < speaker->kids; i++) {
        if (speaker->kid[i].monitor != down->monitor) continue;
        book.kids_over++;
        if (book.broken) continue;
        cr_assert_eq(down->why, (uint32_t)END);
        cr_assert_eq(speaker->kid[i].heard, (uint64_t)KID_MAIL, "its end is behind its mail");
    }
    return TROUPE_OK;
}

static troupe_err speaker_receive(troupe_self *self, void *state, troupe_msg **msg) {
    struct speaker *speaker = state;
    uint64_t tag;
    const void *body;
    if (troupe_answered(self, &tag)) {
        cr_assert(tag < MANY && !book.answered[tag], "one end of each question");
        book.answered[tag] = 1;
        return TROUPE_OK;
    }
    if ((body = troupe_as(*msg, &troupe_far_answer_type))) return greet_kid(self, speaker, body);
    if ((body = troupe_as(*msg, &troupe_down_type))) return hear_kids_end(speaker, body);
    if ((body = troupe_as(*msg, &count_type))) return hear_kid(speaker, troupe_sender(self), body);
    if (!speaker->to.id) { /* its first message is the listener's */
        speaker->to = troupe_sender(self);
        troupe_trap_exits(self, book.broken);
        book.linked = true;
    }
    return speak(self, speaker);
}

static const troupe_behaviour speaker_behaviour = {
    .name = "speaker", .state_size = sizeof(struct speaker), .receive = speaker_receive};

/* --- The listener ----------------------------------------------------------------------------- */

static void hear_number(uint64_t n) {
    cr_assert(!book.over, "%u behind the end", (unsigned)n);
    cr_assert_geq(n, book.next, "%u, not %u", (unsigned)n, (unsigned)book.next);
    if (n > book.next) cr_assert(book.broken && book.lost > book.lost_at, "it is told of a loss");
    book.next = n + 1;
    book.heard++;
    book.lost_at = book.lost;
}

static troupe_err watch_speaker(troupe_self *self, troupe_ref speaker) {
    uint64_t monitor;
    return troupe_monitor(self, speaker, &monitor);
}

static troupe_err hear_end(troupe_self *self, const struct troupe_down *down) {
    if (down->why != TROUPE_NOCONNECTION) {
        cr_assert(down->why == (uint32_t)END || (book.broken && down->why == TROUPE_GONE), "%u",
                  down->why);
        book.over = true;
        return TROUPE_OK;
    }
    cr_assert(book.broken);
    book.lost++;
    return again(self, 5);
}

static troupe_err listener_receive(troupe_self *self, void *state, troupe_msg **msg) {
    troupe_ref *speaker = state;
    const struct count *count = troupe_as(*msg, &count_type);
    const struct order *order = troupe_as(*msg, &order_type);
    const struct troupe_exit *exit = troupe_as(*msg, &troupe_exit_type);
    const struct troupe_down *down = troupe_as(*msg, &troupe_down_type);
    const struct act *act = troupe_as(*msg, &act_type);
    if (count) hear_number(count->n);
    if (order) {
        hear_number(order->n);
        return troupe_answer(self, &count_type, &(struct count){0, order->n});
    }
    if (exit && !exit->link) hear_number(exit->why - TROUPE_USER);
    if (exit && exit->link && exit->why == (uint32_t)END) book.exited = true;
    if (down) return hear_end(self, down);
    if (troupe_as(*msg, &go_type)) return watch_speaker(self, *speaker);
    if (!act) return TROUPE_OK;
    *speaker = *(const troupe_ref *)(uintptr_t)act->ctx;
    troupe_trap_exits(self, true);
    troupe_err err = watch_speaker(self, *speaker);
    if (!err) err = troupe_link(self, *speaker);
    if (!err) err = troupe_tell(self, *speaker, &order_type, &(struct order){0, 0, *speaker});
    return err ? err : troupe_answer(self, &act_type, &(struct act){0, 0});
}

static troupe_behaviour listener_behaviour = {
    .name = "listener", .state_size = sizeof(troupe_ref), .receive = listener_receive};

/* --- Scenes ----------------------------------------------------------------------------------- */

static void begin(party pair[2], bool broken) {
    memset(&book, 0, sizeof book);
    book.broken = broken;
    for (int i = 0; i < 2; i++)
        party_open_as(&pair[i], i ? "right" : "left",
                      (troupe_node_config){.heartbeat_ms = 50, .lost_ms = 500, .redial_ms = 10});
    party_listen(&pair[1], false);
    cr_assert_eq(troupe_offer(pair[1].node, &kid_behaviour, NULL), TROUPE_OK);
    party_meet(&pair[0], &pair[1]);
    cr_assert_eq(troupe_keep_connected(pair[0].node, pair[1].url), TROUPE_OK);
    listener_behaviour.mailbox_limit = 1 + troupe_sim_choose(scene_sim, 20);
    troupe_ref speaker, listener;
    cr_assert_eq(troupe_spawn(pair[0].rt, &speaker_behaviour, NULL, &speaker), TROUPE_OK);
    cr_assert_eq(troupe_spawn(pair[1].rt, &listener_behaviour, NULL, &listener), TROUPE_OK);
    act_as(&pair[1], listener, NULL, &speaker);
}

SIMULATED(node_order, case_05_messages_asks_exits_links_monitors_and_spawns_are_in_line, SEEDS) {
    (void)tcp;
    party pair[2];
    begin(pair, false);
    SCENE_AWAIT(book.over);
    troupe_sim_run(scene_sim, 1000);
    cr_assert_eq(book.heard, (uint64_t)MANY, "none is lost");
    cr_assert_eq(book.exited, book.linked, "a link that is there tells, one that is not does not");
    cr_assert_eq(book.lost, 0u);
    pair_close(pair);
}

SIMULATED(node_order, case_02_over_broken_connections_what_comes_is_in_line_and_a_gap_was_told,
          SEEDS) {
    (void)tcp;
    party pair[2];
    begin(pair, true);
    SCENE_AWAIT(book.linked); /* it has been told whom to speak to */
    scene_sim->faults.chance = (troupe_faults){.disconnect = 3000, .part = 100, .stall = 100};
    for (uint64_t until = patience(); book.said < MANY;) scene_go_on(until);
    troupe_sim_calm(scene_sim);
    SCENE_AWAIT(book.over);
    cr_assert_leq(book.heard, (uint64_t)MANY);
    if (!book.lost) cr_assert_eq(book.heard, (uint64_t)MANY);
    pair_close(pair);
}
