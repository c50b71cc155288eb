/* Ties: what monitors and links have in common, on the side of what is left of them. */
#include <criterion/criterion.h>

#include "actors/actor.h"
#include "actors/find.h"
#include "actors/send.h"
#include "test/support/orders.h"
#include "test/support/player.h"

TestSuite(tie, .timeout = 100);

static const player ann = {.id = "ann"}, ben = {.id = "ben"};

static const troupe_self *self_of(troupe_ref who) {
    return tr_table_find(&stage_rt()->table, who.id);
}

/* What `ben` keeps of those who come and go: nothing. */
Test(tie, case_20_one_that_is_watched_and_linked_keeps_nothing_of_those_who_ended) {
    troupe *rt = stage_open(TROUPE_STEPPED);
    troupe_ref b = stage_enter(&ben);
    cue(b, CUE_TRAP, 1);
    size_t blocks = 0;
    for (int i = 0; i < 100000; i++) {
        troupe_ref a = stage_enter(&ann);
        cue_about(a, CUE_WATCH, 1, b);
        cue_about(a, CUE_LINK, 2, b);
        if (i % 3 == 0) cue_about(b, CUE_LINK, 2, a);
        cue(a, CUE_EXIT, TROUPE_OK);
        (void)stage_run();
        cr_assert(tr_list_empty(&self_of(b)->watchers));
        cr_assert(tr_list_empty(&self_of(b)->watching));
        stage_forget();
        if (i == 5000) blocks = counting_heap_look(stage_heap()).blocks;
    }
    cr_assert_eq(rt->ties.all.count, 0);
    cr_assert_eq(counting_heap_look(stage_heap()).blocks, blocks, "it grows");
    cue(b, CUE_SAY, 1);
    stage_expect("ben:1");
    stage_close();
}

/* Both ends of everything die at the same moment, with signals under way and in the mail. */
static void all_at_once(unsigned workers) {
    troupe *rt = stage_open(workers);
    for (int round = 0; round < (stage_is_stepped() ? 2 : 50); round++) {
        troupe_ref who[6];
        for (int i = 0; i < 6; i++) who[i] = stage_enter(i % 2 ? &ann : &ben);
        for (int i = 0; i < 6; i++) {
            cue(who[i], CUE_TRAP, i % 3 == 0);
            cue_about(who[i], CUE_LINK, 0, who[(i + 1) % 6]);
            cue_about(who[i], CUE_LINK, 0, who[(i + 2) % 6]);
            cue_about(who[i], CUE_WATCH, 0, who[(i + 3) % 6]);
        }
        for (int i = 0; i < 6; i++) (void)(i % 2 ? troupe_kill : troupe_stop)(rt, who[i]);
        for (int i = 0; i < 6; i++) stage_await_gone(who[i]);
        stage_forget();
        cr_assert_eq(rt->ties.all.count, 0);
    }
    stage_close();
}

Test(tie, case_23_all_that_are_tied_to_each_other_end_at_once) {
    in_all_orders(all_at_once);
}

/* A signal that was under way while its receiver ended, and another came into its place. */
Test(tie, a_signal_that_comes_too_late_is_a_dead_letter_and_no_business_of_the_next) {
    troupe *rt = stage_open(TROUPE_STEPPED);
    troupe_ref b = stage_enter(&ben), a = stage_enter(&ann);
    troupe_msg *late = NULL;
    tr_signal what = {.to = b.id, .from = a};
    cr_assert_eq(tr_signal_make(rt, &troupe_exit_type, what, 0, &late), TROUPE_OK);
    ((struct troupe_exit *)tr_msg_body(late))->why = TROUPE_USER;
    cr_assert_eq(troupe_kill(rt, b), TROUPE_OK);
    stage_await_gone(b);
    cr_assert_eq(tr_send_signal(rt, TR_SEND_FREE, &late), TROUPE_GONE);
    troupe_ref next = stage_enter(&ben);
    cr_assert_eq((uint32_t)next.id, (uint32_t)b.id);
    troupe_self *self = tr_table_find(&rt->table, next.id);
    cr_assert_eq(late->generation, 0);
    cr_assert_eq(tr_route_push(&rt->sched, &self->task, &late->link, false), TR_PUSH_OK);
    cue(next, CUE_SAY, 1);
    stage_expect("start(ben) start(ann) start(ben) ben:1");
    cr_assert_eq(stage_dead_letters(), 1);
    stage_close();
}

/* What is in the mail of one that ends becomes dead letters, as all mail does. */
Test(tie, signals_that_nobody_receives_are_dead_letters) {
    troupe *rt = stage_open(TROUPE_STEPPED);
    troupe_ref a = stage_enter(&ann), b = stage_enter(&ben);
    stage_expect("start(ann) start(ben)");
    cue_about(a, CUE_LINK, 0, b);
    cue_about(a, CUE_WATCH, 0, b);
    (void)stage_run();
    cr_assert_eq(troupe_kill(rt, b), TROUPE_OK);
    cr_assert_eq(troupe_step(rt, 1), 1);
    cr_assert_eq(troupe_kill(rt, a), TROUPE_OK);
    stage_await_gone(a);
    cr_assert_eq(stage_dead_letters(), 2);
    cr_assert_eq(rt->ties.all.count, 0);
    stage_close();
}
