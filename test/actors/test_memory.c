#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

#include "actors/actor.h"
#include "test/support/family.h"
#include "test/support/stage.h"

TestSuite(memory, .timeout = 60);

/* What an actor under test does at its start, and for each cue. */
static struct {
    void (*at_start)(troupe_self *self);
    void (*at_cue)(troupe_self *self);
    troupe_err start;
} act;

static troupe_err start(troupe_self *self, void *state, const void *arg) {
    (void)state;
    (void)arg;
    if (act.at_start) act.at_start(self);
    return act.start;
}

static troupe_err receive(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    (void)msg;
    if (act.at_cue) act.at_cue(self);
    return TROUPE_OK;
}

static void stop(troupe_self *self, void *state, troupe_err why) {
    (void)self;
    (void)state;
    stage_say("stop(%s)", troupe_errname(why));
}

static const troupe_behaviour free_actor = {
    .name = "free", .state_size = 100, .start = start, .receive = receive, .stop = stop};
static const troupe_behaviour bounded = {.name = "bounded",
                                         .state_size = 100,
                                         .memory_limit = 1000,
                                         .start = start,
                                         .receive = receive,
                                         .stop = stop};

static troupe_ref enter(const troupe_behaviour *what) {
    troupe_ref who = TROUPE_NOBODY;
    cr_assert_eq(troupe_spawn(stage_rt(), what, NULL, &who), TROUPE_OK);
    return who;
}

/* --- Memory ----------------------------------------------------------------------------------- */

static char *kept;

static void take_some(troupe_self *self) {
    char *one = troupe_alloc(self, 1), *many = troupe_alloc(self, 100000);
    kept = troupe_alloc(self, 50);
    cr_assert(one && many && kept);
    cr_assert_eq((uintptr_t)one % 16 + (uintptr_t)many % 16 + (uintptr_t)kept % 16, 0);
    memset(many, 1, 100000);
    memset(kept, 2, 50);
    *one = 1;
}

static void give_it_back(troupe_self *self) {
    troupe_free(self, kept);
    troupe_free(self, NULL);
    cr_assert_null(troupe_alloc(self, 0));
    cr_assert_null(troupe_alloc(self, SIZE_MAX));
}

Test(memory, goes_with_the_life_however_that_ends) {
    const troupe_err reasons[] = {TROUPE_OK, TROUPE_SHUTDOWN, TROUPE_KILLED};
    act.at_start = take_some;
    act.at_cue = give_it_back;
    for (size_t i = 0; i < 3; i++) {
        troupe *rt = stage_open(STAGE_SIMULATED);
        troupe_ref who = enter(&free_actor);
        cue(who, CUE_SAY, 0);
        (void)stage_run();
        if (reasons[i] == TROUPE_SHUTDOWN) cr_assert_eq(troupe_stop(rt, who), TROUPE_OK);
        if (reasons[i] == TROUPE_KILLED) cr_assert_eq(troupe_kill(rt, who), TROUPE_OK);
        (void)stage_run();
        stage_forget();
        stage_close(); /* which looks for what was not given back */
    }
}

Test(memory, goes_with_a_start_that_fails) {
    act.at_start = take_some;
    act.start = TROUPE_USER;
    troupe_ref who;
    (void)stage_open(STAGE_SIMULATED);
    cr_assert_eq(troupe_spawn(stage_rt(), &free_actor, NULL, &who), TROUPE_USER);
    stage_close();
}

static void grow(troupe_self *self) {
    char *text = troupe_resize(self, NULL, 10);
    cr_assert_not_null(text);
    memcpy(text, "0123456789", 10);
    text = troupe_resize(self, text, 5000);
    cr_assert_not_null(text);
    cr_assert_eq(memcmp(text, "0123456789", 10), 0);
    text = troupe_resize(self, text, 3);
    cr_assert_not_null(text);
    cr_assert_eq(memcmp(text, "012", 3), 0);
    troupe_free(self, text);
}

Test(memory, keeps_its_contents_when_it_is_resized) {
    act.at_start = grow;
    (void)stage_open(STAGE_SIMULATED);
    (void)enter(&free_actor);
    stage_close();
}

/* --- The budget ------------------------------------------------------------------------------- */

static void up_to_the_limit(troupe_self *self) {
    char *half = troupe_alloc(self, 450), *rest = troupe_alloc(self, 450);
    cr_assert(half && rest, "state and memory are 1000 bytes");
    troupe_free(self, half);
    half = troupe_alloc(self, 400);
    rest = troupe_resize(self, rest, 500);
    cr_assert(half && rest, "what was given back counts no more");
}

static void one_too_many(troupe_self *self) {
    cr_assert_null(troupe_alloc(self, 1));
    cr_assert_null(troupe_alloc(self, SIZE_MAX));
}

Test(memory, over_the_budget_fails_the_actor_after_its_callback) {
    act.at_start = up_to_the_limit;
    act.at_cue = one_too_many;
    (void)stage_open(STAGE_SIMULATED);
    troupe_ref who = enter(&bounded);
    cr_assert_eq(stage_run(), 0);
    cr_assert(stage_there(who), "the limit itself is within it");
    cue(who, CUE_SAY, 0);
    stage_expect("stop(OVER_BUDGET)");
    cr_assert_not(stage_there(who));
    cr_assert_eq(stage_logged("OVER_BUDGET (more memory than its behaviour allows): 1 bytes more "
                              "than 1000 of at most 1000"),
                 1);
    stage_close();
}

static void resize_too_far(troupe_self *self) {
    char *text = troupe_alloc(self, 500);
    cr_assert_not_null(text);
    cr_assert_null(troupe_resize(self, text, 901));
    text[499] = 1; /* it is there still */
}

Test(memory, a_resize_over_the_budget_fails_the_start_and_keeps_the_old) {
    act.at_start = resize_too_far;
    (void)stage_open(STAGE_SIMULATED);
    troupe_ref who = enter(&bounded);
    cr_assert_not(stage_there(who), "it ended right after its start");
    stage_expect("stop(OVER_BUDGET)");
    stage_close();
}

Test(memory, a_restarted_life_begins_with_an_empty_account) {
    act.at_start = up_to_the_limit;
    act.at_cue = one_too_many;
    (void)stage_open(STAGE_SIMULATED);
    const troupe_child child = {.id = "kid", .what = &bounded, .name = "kid"};
    troupe_ref root = family(&child, 1, 9, 1000);
    for (int i = 0; i < 3; i++) {
        cue_named("kid", CUE_SAY, 0);
        stage_expect("stop(OVER_BUDGET)");
    }
    cr_assert_eq(stage_logged("restart 3 of 9"), 1);
    family_stop(root);
    stage_forget();
    stage_close();
}

Test(memory, a_limit_under_the_state_makes_no_sense) {
    (void)stage_open(STAGE_SIMULATED);
    const troupe_behaviour tight = {.state_size = 100, .memory_limit = 99, .receive = receive};
    const troupe_behaviour exact = {.state_size = 100, .memory_limit = 100, .receive = receive};
    troupe_ref who;
    cr_assert_eq(troupe_spawn(stage_rt(), &tight, NULL, &who), TROUPE_INVALID);
    cr_assert_eq(troupe_spawn(stage_rt(), &exact, NULL, &who), TROUPE_OK);
    stage_close();
}

/* --- Mistakes --------------------------------------------------------------------------------- */

/* AddressSanitizer sees the first of them itself, and ends the process in its own way. */
extern void __asan_init(void) __attribute__((weak));

static void free_twice(troupe_self *self) {
    if (__asan_init) abort();
    void *memory = troupe_alloc(self, 40);
    troupe_free(self, memory);
    troupe_free(self, memory);
}

Test(memory, given_back_twice_stops_a_debug_build, .signal = SIGABRT) {
    act.at_start = free_twice;
    (void)stage_open(STAGE_SIMULATED);
    (void)enter(&free_actor);
}

static troupe_self *owner;

static void keep_or_free(troupe_self *self) {
    if (owner) {
        troupe_free(self, kept);
    } else {
        owner = self;
        kept = troupe_alloc(self, 40);
    }
}

Test(memory, of_another_actor_stops_a_debug_build, .signal = SIGABRT) {
    act.at_start = keep_or_free;
    (void)stage_open(STAGE_SIMULATED);
    (void)enter(&free_actor);
    (void)enter(&free_actor);
}

/* --- Cleanups --------------------------------------------------------------------------------- */

static void say(void *word) {
    stage_say("%s", (const char *)word);
}

static void use_memory(void *memory) {
    stage_say("byte(%d)", *(char *)memory);
}

static char one[] = "one", two[] = "two", three[] = "three";

static void defer_some(troupe_self *self) {
    char *memory = troupe_alloc(self, 1);
    *memory = 7;
    cr_assert_eq(troupe_defer(self, use_memory, memory), TROUPE_OK);
    cr_assert_eq(troupe_defer(self, say, one), TROUPE_OK);
    cr_assert_eq(troupe_defer(self, say, two), TROUPE_OK);
    cr_assert_eq(troupe_defer(self, NULL, two), TROUPE_INVALID);
}

Test(memory, cleanups_run_at_every_end_the_last_first_and_have_the_memory_still) {
    act.at_start = defer_some;
    troupe *rt = stage_open(STAGE_SIMULATED);
    troupe_ref who = enter(&free_actor);
    cr_assert_eq(troupe_stop(rt, who), TROUPE_OK);
    stage_expect("stop(SHUTDOWN) two one byte(7)");
    who = enter(&free_actor);
    cr_assert_eq(troupe_kill(rt, who), TROUPE_OK);
    stage_expect("two one byte(7)");
    act.start = TROUPE_USER;
    cr_assert_eq(troupe_spawn(rt, &free_actor, NULL, &who), TROUPE_USER);
    stage_expect("two one byte(7)");
    stage_close();
}

static void defer_and_take_back(troupe_self *self) {
    cr_assert_eq(troupe_undefer(self, say, one), TROUPE_NOTFOUND);
    char *order[] = {one, two, one, three};
    for (size_t i = 0; i < 4; i++) cr_assert_eq(troupe_defer(self, say, order[i]), TROUPE_OK);
    cr_assert_eq(troupe_undefer(self, say, one), TROUPE_OK); /* the later one */
    cr_assert_eq(troupe_undefer(self, use_memory, two), TROUPE_NOTFOUND);
}

Test(memory, a_cleanup_that_was_taken_back_does_not_run) {
    act.at_start = defer_and_take_back;
    troupe *rt = stage_open(STAGE_SIMULATED);
    troupe_ref who = enter(&free_actor);
    cr_assert_eq(troupe_stop(rt, who), TROUPE_OK);
    stage_expect("stop(SHUTDOWN) three two one");
    stage_close();
}
