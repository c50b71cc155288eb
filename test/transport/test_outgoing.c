/* What the sending side keeps until it is acknowledged. */
#include <criterion/criterion.h>

#include "actors/port.h"
#include "serial/envelope.h"
#include "test/support/stage.h"
#include "transport/outgoing.h"

TestSuite(outgoing, .timeout = 60);

struct number {
    uint64_t n;
};
static const troupe_type number_type = TROUPE_TYPE(number, TROUPE_FIELD(number, n));

static tr_outgoing out;

static void out_open(void) {
    (void)stage_open(TROUPE_STEPPED);
    tr_outgoing_init(&out, tr_port_heap(stage_rt()));
}

/* What is still kept goes with it. */
static void out_close(void) {
    tr_outgoing_fini(&out);
    stage_close();
}

static uint64_t lost_n[32], lost_from[32], lost_to[32];
static size_t losses;

static void on_lost(void *ctx, uint64_t target, troupe_msg *msg) {
    cr_assert_eq(ctx, &out);
    lost_n[losses] = ((const struct number *)troupe_as(msg, &number_type))->n;
    lost_from[losses] = msg->sender;
    lost_to[losses++] = target;
    troupe_drop(&msg);
}

/* Sends a message of that size to somebody, by the credit alone. */
static troupe_err keep(uint64_t target, uint64_t n, size_t size) {
    troupe_err err = tr_outgoing_may_send(&out, target);
    if (err) return err;
    troupe_msg *msg;
    cr_assert_eq(troupe_make(stage_rt(), &number_type, &(struct number){n}, &msg), TROUPE_OK);
    tr_outgoing_keep(&out, target, 100 + n, size, &msg);
    cr_assert_null(msg);
    return TROUPE_OK;
}

Test(outgoing, what_is_not_acknowledged_is_known_when_it_is_lost) {
    out_open();
    for (uint64_t n = 1; n <= 6; n++) {
        cr_assert_eq(keep(9, n, 40), TROUPE_OK);
        if (n == 3) tr_outgoing_sent(&out, 9); /* a signal has a number, and is not kept */
    }
    cr_assert_eq(keep(8, 20, 40), TROUPE_OK);
    cr_assert_eq(keep(7, 30, 40), TROUPE_OK);
    tr_outgoing_acked(&out, 9, 4); /* three and the signal */
    tr_outgoing_acked(&out, 9, 2); /* an old one */
    tr_outgoing_acked(&out, 6, 2); /* nobody that was sent to */
    tr_outgoing_gone(&out, 7, TROUPE_GONE); /* they are accounted for there */
    losses = 0;
    tr_outgoing_lose(&out, on_lost, &out);
    cr_assert_eq(losses, 4u);
    for (uint64_t n = 4, next = 0; next < losses; next++) {
        bool other = lost_to[next] == 8;
        cr_assert_eq(lost_to[next], other ? 8u : 9u);
        cr_assert_eq(lost_n[next], other ? 20u : n);
        cr_assert_eq(lost_from[next], 100 + lost_n[next]);
        n += !other;
    }
    tr_outgoing_lose(&out, on_lost, &out);
    cr_assert_eq(losses, 4u, "once");
    cr_assert_eq(keep(9, 7, 40), TROUPE_OK);
    tr_outgoing_acked(&out, 9, 4711); /* more than were sent: all of them */
    tr_outgoing_lose(&out, on_lost, &out);
    cr_assert_eq(losses, 4u);
    out_close();
}

Test(outgoing, what_is_kept_has_a_limit_in_bytes) {
    out_open();
    for (uint64_t n = 1; n <= 9; n++) cr_assert_eq(keep(9, n, 1 << 20), n < 9 ? 0 : TROUPE_FULL);
    cr_assert_eq(keep(8, 1, 40), TROUPE_OK, "another actor is another limit");
    cr_assert_not(tr_outgoing_has_room(&out, 9));
    cr_assert_not(tr_outgoing_has_room(&out, 6), "nothing was sent to it");
    tr_outgoing_acked(&out, 9, 1);
    cr_assert(tr_outgoing_has_room(&out, 9));
    cr_assert_eq(keep(9, 9, 100 << 20), TROUPE_OK, "one that is larger than that goes, too");
    cr_assert_eq(keep(9, 10, 1), TROUPE_FULL);
    tr_outgoing_acked(&out, 9, 9);
    cr_assert_eq(keep(9, 10, 1), TROUPE_OK);
    tr_outgoing_gone(&out, 9, TROUPE_GONE);
    cr_assert_not(tr_outgoing_has_room(&out, 9));
    out_close();
}

Test(outgoing, that_an_actor_has_ended_says_how) {
    out_open();
    for (uint64_t id = 1; id <= 3; id++) cr_assert_eq(tr_outgoing_may_send(&out, id), TROUPE_OK);
    tr_outgoing_gone(&out, 1, TROUPE_STOPPED);
    tr_outgoing_gone(&out, 1, TROUPE_GONE); /* the first word counts */
    tr_outgoing_gone(&out, 2, TROUPE_FAILED); /* whatever a peer may say */
    for (uint64_t id = 1; id <= 4; id++)
        cr_assert_eq(tr_outgoing_ended(&out, id), id == 1 ? TROUPE_STOPPED : TROUPE_GONE);
    cr_assert_eq(tr_outgoing_may_send(&out, 1), TROUPE_GONE, "a send is told as ever");
    out_close();
}

/* A peer that acknowledges nothing, and names one actor of its own after the other. */
Test(outgoing, what_is_kept_for_all_actors_has_a_limit_too) {
    enum { ACTORS = TR_KEPT_ALL / TR_KEPT_MOST };
    out_open();
    for (uint64_t id = 1; id <= ACTORS; id++)
        cr_assert_eq(keep(id, 1, TR_KEPT_MOST), TROUPE_OK);
    cr_assert_not(tr_outgoing_eased(&out), "nobody was refused");
    cr_assert_eq(keep(ACTORS + 1, 1, 40), TROUPE_FULL);
    cr_assert_not(tr_outgoing_has_room(&out, 1));
    cr_assert_not(tr_outgoing_eased(&out));
    tr_outgoing_acked(&out, 7, 1);
    cr_assert(tr_outgoing_eased(&out), "whoever waits may try again");
    cr_assert_not(tr_outgoing_eased(&out), "once");
    cr_assert_eq(keep(ACTORS + 1, 1, TR_KEPT_MOST), TROUPE_OK);
    cr_assert_eq(keep(7, 2, 40), TROUPE_FULL);
    tr_outgoing_gone(&out, 8, TROUPE_GONE);
    cr_assert_eq(keep(8, 2, 40), TROUPE_GONE);
    cr_assert_eq(keep(7, 2, 40), TROUPE_OK);
    out_close();
}

Test(outgoing, a_peer_may_name_so_many_actors_and_no_more) {
    enum { MORE = TR_TARGETS_MOST - 2 };
    out_open();
    cr_assert_eq(keep(1, 1, 40), TROUPE_OK);
    out.by_target.count += MORE; /* as if there were so many; to make them takes long */
    cr_assert_eq(keep(2, 1, 40), TROUPE_OK);
    cr_assert_eq(keep(3, 1, 40), TROUPE_FULL);
    cr_assert_eq(keep(1, 2, 40), TROUPE_OK, "one that is known is served");
    out.by_target.count -= MORE;
    out_close();
}


/* What is acknowledged goes with the next messages, one for each, or when it is asked for. */
Test(outgoing, what_is_acknowledged_is_dropped_by_who_sends_or_by_a_trim) {
    out_open();
    for (uint64_t n = 1; n <= 8; n++) cr_assert_eq(keep(9, n, 40), TROUPE_OK);
    const size_t units = out.kept_units;
    tr_outgoing_acked(&out, 9, 4);
    cr_assert_eq(out.kept_units, units, "not by who has heard of it");
    for (uint64_t n = 9; n <= 12; n++) {
        cr_assert_eq(keep(9, n, 40), TROUPE_OK);
        cr_assert_eq(out.kept_units, units);
    }
    cr_assert_eq(keep(9, 13, 40), TROUPE_OK);
    cr_assert_gt(out.kept_units, units, "those were all");
    tr_outgoing_acked(&out, 9, 12);
    tr_outgoing_trim(&out);
    cr_assert_eq(out.kept_units, units / 8);
    losses = 0;
    tr_outgoing_lose(&out, on_lost, &out);
    cr_assert_eq(losses, 1u);
    cr_assert_eq(lost_n[0], 13u);
    out_close();
}
