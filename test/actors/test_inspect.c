/* Looking at actors while they run. */
#include <criterion/criterion.h>
#include <string.h>
#include <troupe/inspect.h>

#include "base/os.h"
#include "test/support/family.h"
#include "test/support/player.h"
#include "test/support/stage.h"

TestSuite(inspect, .timeout = 60);

static const player ann = {.id = "ann"}, bob = {.id = "bob"};

static troupe_actor_info look(troupe_ref who) {
    troupe_actor_info info;
    cr_assert_eq(troupe_inspect(stage_rt(), who, &info), TROUPE_OK);
    cr_assert(troupe_same(info.who, who));
    return info;
}

Test(inspect, one_that_rests_is_told_with_its_mailbox) {
    (void)stage_open(TROUPE_STEPPED);
    troupe_ref who;
    cr_assert_eq(troupe_spawn(stage_rt(), &player_with_4, &ann, &who), TROUPE_OK);
    stage_expect("start(ann)");
    troupe_actor_info info = look(who);
    cr_assert_str_eq(info.path, info.behaviour);
    cr_assert_str_eq(info.name, "");
    cr_assert(info.top && !info.supervisor && !info.running && !info.ending);
    cr_assert_eq(info.lives, 1);
    cr_assert_eq(info.limit, 4);
    cr_assert_eq(info.waiting + info.handled, 0);
    cr_assert_eq(info.oldest_ms, -1);
    cue(who, CUE_SAY, 1);
    *stage_clock() += 7 * TR_MS;
    cue(who, CUE_SAY, 2);
    *stage_clock() += 5 * TR_MS;
    info = look(who);
    cr_assert_eq(info.waiting, 2);
    cr_assert_eq(info.peak, 2);
    cr_assert_eq(info.oldest_ms, 12, "%lld", (long long)info.oldest_ms);
    cr_assert_str_eq(info.doing, "cue");
    stage_expect("ann:1 ann:2");
    info = look(who);
    cr_assert_eq(info.handled, 2);
    cr_assert_eq(info.waiting, 0);
    cr_assert_eq(info.peak, 2);
    stage_close();
}

Test(inspect, a_child_has_its_path_and_its_lives) {
    (void)stage_open(STAGE_SIMULATED);
    const troupe_child child = kid(&ann, TROUPE_PERMANENT);
    troupe_ref top = family(&child, 1, 9, 1000), who;
    stage_expect("start(ann)");
    cr_assert_eq(troupe_whereis(stage_rt(), "ann", &who), TROUPE_OK);
    cue(who, CUE_RETURN, TROUPE_FAILED);
    stage_expect("stop(ann,FAILED) start(ann)");
    troupe_actor_info info = look(who);
    cr_assert_str_eq(info.path, "supervisor/ann");
    cr_assert_str_eq(info.name, "ann");
    cr_assert(!info.top);
    cr_assert_eq(info.lives, 2);
    info = look(top);
    cr_assert(info.top && info.supervisor);
    cr_assert_str_eq(info.path, "supervisor");
    stage_close();
}

Test(inspect, one_in_a_callback_is_said_to_run) {
    (void)stage_open(2);
    troupe_ref who = stage_enter(&ann);
    stage_expect("start(ann)");
    stage_hold(who);
    cue(who, CUE_SAY, 1);
    uint64_t until = tr_after_ms(tr_clock(), 20000);
    while (!look(who).running) cr_assert_lt(tr_clock(), until);
    troupe_actor_info info = look(who);
    cr_assert_str_eq(info.doing, "cue");
    cr_assert_geq(info.waiting, 1);
    cr_assert_geq(info.oldest_ms, 0);
    stage_let_go(who);
    stage_expect("ann:1");
    stage_close();
}

Test(inspect, who_has_ended_is_gone) {
    (void)stage_open(TROUPE_STEPPED);
    troupe_ref who = stage_enter(&ann), other = stage_enter(&bob);
    troupe_actor_info info;
    cr_assert_eq(troupe_kill(stage_rt(), who), TROUPE_OK);
    stage_run();
    cr_assert_eq(troupe_inspect(stage_rt(), who, &info), TROUPE_GONE);
    cr_assert_eq(troupe_inspect(stage_rt(), TROUPE_NOBODY, &info), TROUPE_GONE);
    other.node++;
    cr_assert_eq(troupe_inspect(stage_rt(), other, &info), TROUPE_GONE);
    stage_close();
}

/* Of a thousand each is listed once, whatever the pages are; those that have ended are not. */
Test(inspect, all_are_listed_page_by_page) {
    enum { ALL = 1000 };
    static troupe_ref all[ALL], seen[ALL];
    (void)stage_open(TROUPE_STEPPED);
    for (int i = 0; i < ALL; i++) all[i] = stage_enter(&ann);
    for (int i = 0; i < ALL; i += 2) cr_assert_eq(troupe_kill(stage_rt(), all[i]), TROUPE_OK);
    stage_run();
    for (size_t page = 1; page < 2 * ALL; page = page * 3 + 1) {
        uint32_t from = 0;
        size_t count = 0, more;
        while ((more = troupe_actors(stage_rt(), &from, seen + count,
                                     ALL - count < page ? ALL - count : page)))
            count += more;
        cr_assert_eq(count, ALL / 2);
        for (size_t i = 0; i < count; i++) cr_assert(troupe_same(seen[i], all[2 * i + 1]));
        cr_assert_eq(troupe_actors(stage_rt(), &from, seen, ALL), 0);
    }
    stage_forget();
    stage_close();
}
