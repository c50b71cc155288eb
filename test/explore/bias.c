/* Models of base/bias.c: an owner, and one or two thieves. What the lock guards is plain data, so
 * whoever gets in beside another, or without having seen what the one before did, is a race. */
#include <string.h>

#include "base/bias.h"
#include "explore.h"

static tr_bias bias;
static struct guarded {
    uint32_t count;
    uint32_t owner, thieves; /* how often each was inside */
    uint32_t inside;
} guarded;
static tr_atomic32 pause; /* a step inside, at which others may run */
static uint32_t owner_entered, thieves_entered[3];

static void setup(void) {
    memset(&bias, 0, sizeof bias);
    memset(&guarded, 0, sizeof guarded);
    memset(thieves_entered, 0, sizeof thieves_entered);
    owner_entered = 0;
    tr_bias_init(&bias);
    EX_NAME(guarded);
    ex_name(&bias.inside, sizeof bias.inside, "inside");
    ex_name(&bias.revoked, sizeof bias.revoked, "revoked");
    ex_name(&bias.mutex, sizeof bias.mutex, "mutex");
}

/* What is done inside. */
static void work(uint32_t *who) {
    ex_check(guarded.inside == 0);
    guarded.inside = 1;
    (void)tr_load32_relaxed(&pause);
    guarded.count++;
    ++*who;
    guarded.inside = 0;
}

static void enter_and_leave(void) {
    bool lightly = tr_bias_enter(&bias);
    ex_note(lightly ? "inside, lightly" : "inside, heavily");
    work(&guarded.owner);
    owner_entered++;
    tr_bias_leave(&bias, lightly);
}

static void take_and_give(void *entered) {
    tr_bias_take(&bias);
    ex_note("inside, a thief");
    work(&guarded.thieves);
    ++*(uint32_t *)entered;
    tr_bias_give(&bias);
}

static void finish(void) {
    ex_check(guarded.owner == owner_entered);
    ex_check(guarded.thieves == thieves_entered[0] + thieves_entered[1] + thieves_entered[2]);
    ex_check(guarded.count == guarded.owner + guarded.thieves);
    tr_bias_fini(&bias);
}

/* --- The owner -------------------------------------------------------------------------------- */

static void owner_once(void *arg) {
    (void)arg;
    enter_and_leave();
}

static void owner_twice(void *arg) {
    (void)arg;
    enter_and_leave();
    enter_and_leave();
}

static void owner_thrice(void *arg) {
    (void)arg;
    for (int i = 0; i < 3; i++) enter_and_leave();
}

static void owner_returns(void *arg) {
    (void)arg;
    tr_bias_return(&bias);
    enter_and_leave();
}

static void owner_sleeps(void *arg) {
    (void)arg;
    enter_and_leave();
    tr_bias_lend(&bias);
    tr_bias_return(&bias);
    enter_and_leave();
}

static void owner_goes(void *arg) {
    (void)arg;
    enter_and_leave();
    tr_bias_lend(&bias);
}

/* --- Thieves ---------------------------------------------------------------------------------- */

static void take_twice(void *entered) {
    take_and_give(entered);
    take_and_give(entered);
}

static void try_take(void *entered) {
    if (!tr_bias_try_take(&bias)) return;
    ex_note("inside, a thief of what is lent");
    work(&guarded.thieves);
    ++*(uint32_t *)entered;
    tr_bias_give(&bias);
}

/* Spins until the owner has gone, which makes what the owner did before visible. */
static void take_when_lent(void *entered) {
    while (!tr_bias_try_take(&bias)) tr_thread_yield();
    ex_check(guarded.owner == 1);
    work(&guarded.thieves);
    ++*(uint32_t *)entered;
    tr_bias_give(&bias);
}

/* --- Worlds ----------------------------------------------------------------------------------- */

static void world(void (*owner)(void *), void (*first)(void *), void (*second)(void *), bool home) {
    setup();
    if (home) tr_bias_return(&bias);
    ex_thread("owner", owner, NULL);
    if (first) ex_thread("thief", first, &thieves_entered[0]);
    if (second) ex_thread("thief 2", second, &thieves_entered[1]);
}

static void one_thief(void) {
    world(owner_twice, take_and_give, NULL, true);
}
static void one_thief_again(void) {
    world(owner_thrice, take_twice, NULL, true);
}
static void two_thieves(void) {
    world(owner_twice, take_and_give, take_and_give, true);
}
static void coming_home(void) {
    world(owner_returns, take_and_give, take_and_give, false);
}
static void sleeping(void) {
    world(owner_sleeps, take_and_give, NULL, true);
}
static void sleeping_two(void) {
    world(owner_sleeps, take_and_give, try_take, true);
}
static void lent(void) {
    world(owner_sleeps, try_take, NULL, true);
}
static void lent_for_good(void) {
    world(owner_goes, take_when_lent, NULL, true);
}
static void lent_two(void) {
    world(owner_sleeps, try_take, try_take, true);
}
static void three_thieves(void) {
    world(owner_twice, take_and_give, take_and_give, true);
    ex_thread("thief 3", take_and_give, &thieves_entered[2]);
}
static void trying_only(void) {
    world(owner_once, try_take, take_and_give, true);
}

static void the_thief_came_in(void) {
    ex_check(thieves_entered[0] == 1);
    finish();
}

#define BOTH(model, world, end, bound)                                                             \
    {.name = model ".membarrier",                                                                  \
     .setup = world,                                                                               \
     .finish = end,                                                                                \
     .membarrier = true,                                                                           \
     .preemptions = bound},                                                                        \
    {                                                                                              \
        .name = model ".seq", .setup = world, .finish = end, .membarrier = false,                  \
        .preemptions = bound                                                                       \
    }

static const ex_model models[] = {
    BOTH("bias.one_thief", one_thief, finish, 6),
    BOTH("bias.one_thief_again", one_thief_again, finish, 6),
    BOTH("bias.two_thieves", two_thieves, finish, 6),
    BOTH("bias.three_thieves", three_thieves, finish, 2),
    BOTH("bias.coming_home", coming_home, finish, 6),
    BOTH("bias.sleeping", sleeping, finish, 6),
    BOTH("bias.sleeping_two", sleeping_two, finish, 6),
    BOTH("bias.lent", lent, finish, 6),
    BOTH("bias.lent_for_good", lent_for_good, the_thief_came_in, 6),
    BOTH("bias.lent_two", lent_two, finish, 6),
    BOTH("bias.trying_only", trying_only, finish, 6),
};

int main(int argc, char **argv) {
    return ex_main(argc, argv, models, sizeof models / sizeof *models);
}
