#include "actors/choice.h"

#include <criterion/criterion.h>

#include "base/heap.h"

TestSuite(choice, .timeout = 30);

static tr_choices choices;

static void begin(troupe_sim_config config) {
    cr_assert_eq(tr_choices_init(&choices, &config, &tr_heap_default), TROUPE_OK);
}

static void end(void) {
    tr_choices_fini(&choices);
}

Test(choice, the_same_seed_chooses_the_same) {
    uint32_t seen[1000];
    begin((troupe_sim_config){.seed = 7});
    for (int i = 0; i < 1000; i++) seen[i] = tr_choose(&choices, 1000);
    end();
    begin((troupe_sim_config){.seed = 7});
    for (int i = 0; i < 1000; i++) cr_assert_eq(tr_choose(&choices, 1000), seen[i]);
    end();
    begin((troupe_sim_config){.seed = 8});
    int same = 0;
    for (int i = 0; i < 1000; i++) same += tr_choose(&choices, 1000) == seen[i];
    cr_assert_lt(same, 20);
    end();
}

Test(choice, each_choice_is_about_as_likely) {
    unsigned count[10] = {0};
    begin((troupe_sim_config){.seed = 1});
    for (int i = 0; i < 100000; i++) count[tr_choose(&choices, 10)]++;
    for (int i = 0; i < 10; i++) cr_assert(count[i] > 9500 && count[i] < 10500, "%u", count[i]);
    unsigned happened = 0;
    for (int i = 0; i < 100000; i++) happened += tr_chance(&choices, 250000);
    cr_assert(happened > 24000 && happened < 26000, "%u", happened);
    end();
}

Test(choice, what_is_no_choice_is_not_recorded) {
    begin((troupe_sim_config){.seed = 1});
    cr_assert_eq(tr_choose(&choices, 1), 0);
    cr_assert_not(tr_chance(&choices, 0));
    cr_assert_eq(choices.count, 0);
    end();
}

Test(choice, a_script_is_followed_and_then_the_first_one_chosen) {
    const uint32_t script[] = {3, 0, 1, 99};
    begin((troupe_sim_config){.seed = 1, .trace = script, .trace_length = 4});
    cr_assert_eq(tr_choose(&choices, 5), 3);
    cr_assert_eq(tr_choose(&choices, 5), 0);
    cr_assert(tr_chance(&choices, 1));
    cr_assert_eq(tr_choose(&choices, 5), 4, "the last one that there is");
    for (int i = 0; i < 10; i++) {
        cr_assert_eq(tr_choose(&choices, 5), 0);
        cr_assert_not(tr_chance(&choices, 999999));
    }
    end();
}

/* What a run recorded is the script that repeats it. */
static void replays(troupe_schedule schedule) {
    const uint64_t agent[] = {11, 12, 13, 14};
    uint32_t seen[200];
    begin((troupe_sim_config){.seed = 5, .schedule = schedule, .events = 200, .depth = 5});
    for (int i = 0; i < 200; i++) seen[i] = tr_pick(&choices, agent, 1 + (unsigned)i % 4);
    tr_choices first = choices;
    begin((troupe_sim_config){
        .seed = 6, .schedule = schedule, .trace = first.made, .trace_length = first.count});
    for (int i = 0; i < 200; i++)
        cr_assert_eq(tr_pick(&choices, agent, 1 + (unsigned)i % 4), seen[i]);
    end();
    tr_choices_fini(&first);
}

Test(choice, what_was_recorded_can_be_replayed) {
    replays(TROUPE_RANDOM);
    replays(TROUPE_PCT);
}

Test(choice, pct_keeps_to_one_agent_between_its_changes) {
    const uint64_t agent[] = {21, 22, 23, 24, 25};
    unsigned changes = 0;
    begin((troupe_sim_config){.seed = 3, .schedule = TROUPE_PCT, .events = 1000, .depth = 4});
    uint32_t last = tr_pick(&choices, agent, 5);
    for (int i = 1; i < 1000; i++) {
        uint32_t now = tr_pick(&choices, agent, 5);
        changes += now != last;
        last = now;
    }
    cr_assert_leq(changes, 3);
    cr_assert_geq(changes, 1);
    end();
}

Test(choice, too_deep_is_invalid) {
    const troupe_sim_config config = {.depth = TR_DEPTH_MOST + 1};
    cr_assert_eq(tr_choices_init(&choices, &config, &tr_heap_default), TROUPE_INVALID);
}
