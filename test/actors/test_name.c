#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "actors/runtime.h"
#include "test/support/player.h"
#include "test/support/stage.h"

TestSuite(name, .timeout = 60);

static const player ann = {.id = "ann"}, ben = {.id = "ben"};

Test(name, is_found_while_the_actor_lives) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    troupe_ref a = stage_enter(&ann), found = {5, 5};
    cr_assert_eq(troupe_whereis(rt, "ann", &found), TROUPE_NOTFOUND);
    cr_assert_eq(found.id, 5);
    cr_assert_eq(troupe_register(rt, a, "ann"), TROUPE_OK);
    cr_assert_eq(troupe_whereis(rt, "ann", &found), TROUPE_OK);
    cr_assert(troupe_same(found, a));
    cr_assert_eq(troupe_whereis(rt, "an", &found), TROUPE_NOTFOUND);
    cr_assert_eq(troupe_kill(rt, a), TROUPE_OK);
    (void)stage_run();
    cr_assert_eq(troupe_whereis(rt, "ann", &found), TROUPE_NOTFOUND);
    cr_assert_eq(troupe_register(rt, a, "ann"), TROUPE_GONE);
    stage_close();
}

Test(name, is_one_actors_and_an_actor_has_one) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    troupe_ref a = stage_enter(&ann), b = stage_enter(&ben), found;
    cr_assert_eq(troupe_register(rt, a, "x"), TROUPE_OK);
    cr_assert_eq(troupe_register(rt, a, "x"), TROUPE_OK, "it has it already");
    cr_assert_eq(troupe_register(rt, b, "x"), TROUPE_TAKEN);
    cr_assert_eq(troupe_register(rt, a, "y"), TROUPE_TAKEN);
    cr_assert_eq(troupe_register(rt, b, "y"), TROUPE_OK);
    cr_assert_eq(troupe_stop(rt, a), TROUPE_OK);
    (void)stage_run();
    troupe_ref c = stage_enter(&ann);
    cr_assert_eq(troupe_register(rt, c, "x"), TROUPE_OK);
    cr_assert_eq(troupe_whereis(rt, "x", &found), TROUPE_OK);
    cr_assert(troupe_same(found, c));
    stage_close();
}

Test(name, is_checked) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    troupe_ref a = stage_enter(&ann), found;
    char name[TROUPE_NAME_MAX + 2];
    memset(name, 'n', sizeof name);
    name[TROUPE_NAME_MAX + 1] = '\0';
    cr_assert_eq(troupe_register(rt, a, NULL), TROUPE_INVALID);
    cr_assert_eq(troupe_register(rt, a, ""), TROUPE_INVALID);
    cr_assert_eq(troupe_register(rt, a, name), TROUPE_INVALID);
    name[TROUPE_NAME_MAX] = '\0';
    cr_assert_eq(troupe_register(rt, a, name), TROUPE_OK);
    name[0] = 'm';
    cr_assert_eq(troupe_whereis(rt, name, &found), TROUPE_NOTFOUND);
    name[0] = 'n';
    cr_assert_eq(troupe_whereis(rt, name, &found), TROUPE_OK);
    cr_assert_eq(troupe_register(rt, TROUPE_NOBODY, "z"), TROUPE_GONE);
    cr_assert_eq(troupe_register(rt, (troupe_ref){a.node + 1, a.id}, "z"), TROUPE_GONE);
    stage_close();
}

Test(name, is_a_copy) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    char text[] = "borrowed";
    troupe_ref a = stage_enter(&ann), found;
    cr_assert_eq(troupe_register(rt, a, text), TROUPE_OK);
    memset(text, 'x', sizeof text - 1);
    cr_assert_eq(troupe_whereis(rt, "borrowed", &found), TROUPE_OK);
    stage_close();
}

Test(name, many_at_once) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    enum { MANY = 2000 };
    static troupe_ref who[MANY];
    char name[16];
    for (unsigned i = 0; i < MANY; i++) {
        who[i] = stage_enter(&ann);
        stage_forget();
        snprintf(name, sizeof name, "n%u", i);
        cr_assert_eq(troupe_register(rt, who[i], name), TROUPE_OK);
    }
    for (unsigned i = 0; i < MANY; i += 2) cr_assert_eq(troupe_kill(rt, who[i]), TROUPE_OK);
    (void)stage_run();
    for (unsigned i = 0; i < MANY; i++) {
        troupe_ref found;
        snprintf(name, sizeof name, "n%u", i);
        troupe_err err = troupe_whereis(rt, name, &found);
        cr_assert_eq(err, i % 2 ? TROUPE_OK : TROUPE_NOTFOUND);
        if (!err) cr_assert(troupe_same(found, who[i]));
        stage_forget();
    }
    for (unsigned i = 1; i < MANY; i += 2) cr_assert_eq(troupe_kill(rt, who[i]), TROUPE_OK);
    (void)stage_run();
    stage_close();
}

static void take_name(troupe_self *self) {
    troupe *rt = troupe_runtime(self);
    troupe_ref found;
    stage_say("%s", troupe_errname(troupe_register(rt, troupe_me(self), "own")));
    cr_assert_eq(troupe_whereis(rt, "own", &found), TROUPE_OK);
    cr_assert(troupe_same(found, troupe_me(self)));
}

Test(name, can_be_taken_in_start_and_is_free_if_start_fails) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    const player bad = {.id = "bad", .at_start = take_name, .start = TROUPE_INVALID};
    const player good = {.id = "good", .at_start = take_name};
    troupe_ref who;
    cr_assert_eq(troupe_spawn(rt, &player_behaviour, &bad, &who), TROUPE_INVALID);
    stage_expect("start(bad) OK");
    who = stage_enter(&good);
    stage_expect("start(good) OK");
    cr_assert(troupe_same(stage_find("own"), who));
    stage_close();
}

static void *register_often(void *arg) {
    troupe *rt = arg;
    for (int i = 0; i < 500; i++) {
        troupe_ref who = stage_enter(&ann), found;
        troupe_err err = troupe_register(rt, who, "wanted");
        cr_assert(err == TROUPE_OK || err == TROUPE_TAKEN);
        if (!err) {
            cr_assert_eq(troupe_whereis(rt, "wanted", &found), TROUPE_OK);
            cr_assert(troupe_same(found, who));
        }
        cr_assert_eq(troupe_kill(rt, who), TROUPE_OK);
        err = troupe_register(rt, who, "late"); /* it ends now, or has ended */
        cr_assert(err == TROUPE_OK || err == TROUPE_TAKEN || err == TROUPE_GONE);
        stage_forget();
    }
    return NULL;
}

Test(name, racing_with_each_other_and_with_ends) {
    troupe *rt = stage_open(2);
    pthread_t thread[3];
    for (int i = 0; i < 3; i++)
        cr_assert_eq(pthread_create(&thread[i], NULL, register_often, rt), 0);
    for (int i = 0; i < 3; i++) cr_assert_eq(pthread_join(thread[i], NULL), 0);
    stage_close();
}

/* With mail that has to be ended before the actor is buried. */
Test(name, is_free_as_soon_as_its_actor_is_gone) {
    troupe *rt = stage_open(2);
    for (int i = 0; i < 300; i++) {
        troupe_ref who = stage_enter(&ann);
        cr_assert_eq(troupe_register(rt, who, "ann"), TROUPE_OK, "round %d", i);
        for (int n = 0; n < 100; n++) cue(who, CUE_KEEP, 0);
        cr_assert_eq(troupe_kill(rt, who), TROUPE_OK);
        while (stage_there(who)) {
        }
    }
    stage_forget();
    stage_close();
}
