#include <criterion/criterion.h>

#include "actors/find.h"
#include "actors/runtime.h"
#include "actors/actor.h"
#include "test/support/player.h"
#include "test/support/stage.h"

TestSuite(table, .timeout = 60);

static const player ann = {.id = "ann"};

static uint32_t place(troupe_ref who) {
    return (uint32_t)who.id;
}

static uint32_t generation(troupe_ref who) {
    return (uint32_t)(who.id >> 32);
}

static void end(troupe_ref who) {
    cr_assert_eq(troupe_kill(stage_rt(), who), TROUPE_OK);
    stage_await_gone(who);
}

Test(table, an_actor_is_found_by_its_own_generation_alone) {
    troupe *rt = stage_open(TROUPE_STEPPED);
    troupe_ref who = stage_enter(&ann);
    cr_assert_eq(place(who), 0);
    cr_assert_eq(generation(who), 1);
    troupe_self *self = tr_table_find(&rt->table, who.id);
    cr_assert_not_null(self);
    cr_assert_eq(self, tr_table_at(&rt->table, 0));
    cr_assert_null(tr_table_find(&rt->table, who.id + 1), "a place that was never used");
    cr_assert_null(tr_table_at(&rt->table, 1));
    for (uint64_t g = 0; g < 4; g++)
        if (g != 1) cr_assert_null(tr_table_find(&rt->table, g << 32));
    end(who);
    cr_assert_null(tr_table_find(&rt->table, who.id));
    cr_assert_eq(tr_table_at(&rt->table, 0), self, "the memory stays");
    stage_close();
}

Test(table, each_use_of_a_place_has_the_next_generation) {
    troupe *rt = stage_open(TROUPE_STEPPED);
    for (uint32_t g = 1; g < 500; g++) {
        troupe_ref who = stage_enter(&ann);
        cr_assert_eq(place(who), 0);
        cr_assert_eq(generation(who), g);
        end(who);
    }
    cr_assert_eq(tr_load32_relaxed(&rt->table.used), 1);
    stage_close();
}

/* A ref with the generation that comes next is somebody's guess: nobody has it yet. */
Test(table, nobody_is_found_in_a_place_before_it_is_taken) {
    troupe *rt = stage_open(TROUPE_STEPPED);
    troupe_ref who = stage_enter(&ann), watcher = stage_enter(&ann);
    end(who);
    const troupe_ref next = {who.node, who.id + (UINT64_C(1) << 32)};
    cr_assert_null(tr_table_find(&rt->table, next.id));
    cr_assert_eq(troupe_stop(rt, next), TROUPE_GONE);
    cr_assert_eq(troupe_kill(rt, next), TROUPE_GONE);
    cr_assert_eq(troupe_register(rt, next, "early"), TROUPE_GONE);
    cue_about(watcher, CUE_WATCH, 1, next);
    stage_expect("start(ann) start(ann) down(ann,1,GONE)");
    who = stage_enter(&ann);
    cr_assert(troupe_same(who, next));
    cue(who, CUE_SAY, 3);
    stage_expect("start(ann) ann:3");
    stage_close();
}

Test(table, a_free_place_says_how_its_last_actor_ended) {
    troupe *rt = stage_open(TROUPE_STEPPED);
    troupe_ref who = stage_enter(&ann);
    cr_assert_eq(tr_table_ended(&rt->table, who.id), TROUPE_GONE, "it lives");
    cr_assert_eq(troupe_stop(rt, who), TROUPE_OK);
    stage_await_gone(who);
    cr_assert_eq(tr_table_ended(&rt->table, who.id), TROUPE_STOPPED);
    cr_assert_eq(tr_table_ended(&rt->table, who.id + (UINT64_C(1) << 32)), TROUPE_GONE);
    cr_assert_eq(tr_table_ended(&rt->table, who.id - (UINT64_C(1) << 32)), TROUPE_GONE);
    cr_assert_eq(tr_table_ended(&rt->table, who.id + 1), TROUPE_GONE, "never used");
    const troupe_ref next = stage_enter(&ann);
    cr_assert_eq(tr_table_ended(&rt->table, who.id), TROUPE_GONE, "taken again");
    end(next);
    cr_assert_eq(tr_table_ended(&rt->table, next.id), TROUPE_GONE, "killed");
    stage_forget();
    stage_close();
}

/* Forces a free place's generation. */
static void age(troupe_ref who, uint32_t to) {
    troupe_self *self = tr_table_at(&stage_rt()->table, place(who));
    uint64_t control = tr_load64_relaxed(&self->task.control);
    tr_store64_relaxed(&self->task.control, (uint64_t)to << 32 | (uint32_t)control);
}

Test(table, case_26_a_place_whose_generations_are_used_up_is_not_used_again) {
    troupe *rt = stage_open(TROUPE_STEPPED);
    troupe_ref first = stage_enter(&ann);
    end(first);
    age(first, UINT32_MAX - 2);
    for (uint32_t g = UINT32_MAX - 2; g != 0; g++) {
        troupe_ref who = stage_enter(&ann);
        cr_assert_eq(place(who), 0);
        cr_assert_eq(generation(who), g);
        cue(who, CUE_SAY, 1);
        (void)stage_run();
        end(who);
        cr_assert_eq(troupe_stop(rt, who), TROUPE_GONE);
    }
    troupe_ref next = stage_enter(&ann);
    cr_assert_eq(place(next), 1, "its place would alias");
    for (uint64_t g = 0; g < 3; g++) cr_assert_null(tr_table_find(&rt->table, g << 32));
    cr_assert_null(tr_table_find(&rt->table, (uint64_t)UINT32_MAX << 32));
    end(next);
    cr_assert_eq(place(stage_enter(&ann)), 1);
    stage_close();
}

Test(table, grows_by_chunks_and_keeps_what_is_there) {
    troupe *rt = stage_open(TROUPE_STEPPED);
    enum { MANY = 64 + 128 + 256 + 5 };
    static troupe_ref who[MANY];
    static troupe_self *self[MANY];
    for (uint32_t i = 0; i < MANY; i++) {
        who[i] = stage_enter(&ann);
        stage_forget();
        cr_assert_eq(place(who[i]), i);
        self[i] = tr_table_find(&rt->table, who[i].id);
        for (uint32_t j = i; j < i; j++) cr_assert_neq(self[i], self[j]);
        cr_assert_eq((uintptr_t)self[i] % _Alignof(troupe_self), 0);
    }
    for (uint32_t i = 0; i < MANY; i++) {
        cr_assert_eq(tr_table_find(&rt->table, who[i].id), self[i]);
        cr_assert_eq((uint32_t)self[i]->id, i);
    }
    cr_assert_eq(tr_table_live(&rt->table), MANY);
    for (uint32_t i = 0; i < MANY; i++) cr_assert_eq(troupe_kill(rt, who[i]), TROUPE_OK);
    (void)stage_run();
    cr_assert_eq(tr_table_live(&rt->table), 0);
    stage_close();
}

Test(table, the_places_of_askers_are_never_given_away) {
    troupe *rt = stage_open(TROUPE_STEPPED);
    troupe_ref who = stage_enter(&ann), other;
    const uint32_t used = tr_load32_relaxed(&rt->table.used);
    tr_store32_relaxed(&rt->table.used, TR_PLACE_ASKS);
    cr_assert_eq(troupe_spawn(rt, &player_behaviour, &ann, &other), TROUPE_NOMEM);
    tr_store32_relaxed(&rt->table.used, used);
    cr_assert(stage_there(who));
    stage_close();
}

Test(table, waits_until_one_or_all_have_ended) {
    troupe *rt = stage_open(2);
    troupe_ref who = stage_enter(&ann), other = stage_enter(&ann);
    cr_assert_not(tr_table_wait(&rt->table, who.id, tr_clock()));
    cr_assert_eq(troupe_kill(rt, who), TROUPE_OK);
    cr_assert(tr_table_wait(&rt->table, who.id, TR_NEVER));
    cr_assert_not(tr_table_wait(&rt->table, 0, tr_clock()));
    cr_assert_eq(troupe_kill(rt, other), TROUPE_OK);
    cr_assert(tr_table_wait(&rt->table, 0, TR_NEVER));
    stage_close();
}
