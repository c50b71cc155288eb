#include <criterion/criterion.h>
#include <stdio.h>

#include "actors/find.h"
#include "actors/report.h"
#include "test/support/family.h"
#include "test/support/stage.h"

TestSuite(report, .timeout = 60);

Test(report, lines_from_the_quiet_level_on_are_left_out) {
    for (troupe_level quiet = TROUPE_ERROR; quiet <= TROUPE_DEBUG; quiet++) {
        troupe *rt = stage_open_as((troupe_config){.workers = STAGE_SIMULATED, .quiet = quiet});
        for (troupe_level level = TROUPE_ERROR; level <= TROUPE_DEBUG; level++)
            tr_log(rt, level, "line %d", (int)level);
        cr_assert_eq(stage_logged("line "), (size_t)quiet - 1);
        stage_close();
    }
}

Test(report, a_line_is_cut_and_stays_one) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    tr_log(rt, TROUPE_ERROR, "%02000d", 1);
    cr_assert_eq(stage_logged("0000"), 1);
    cr_assert_eq(stage_logged(""), 1);
    stage_close();
}

Test(report, says_who_failed_where_and_on_whose_message) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    static const player deep = {.id = "deep"}, ann = {.id = "ann"};
    const troupe_child leaf = kid(&deep, TROUPE_TEMPORARY);
    const troupe_supervision middle = {.child = &leaf, .children = 1};
    const troupe_child branch = {.id = "branch", .what = &troupe_supervisor, .arg = &middle};
    (void)family(&branch, 1, 0, 0);
    troupe_ref from = stage_enter(&ann), who = stage_find("deep");
    char path[256], cut[10], line[128];
    tr_actor_path(tr_table_find(&rt->table, who.id), path, sizeof path);
    cr_assert_str_eq(path, "supervisor/branch/deep");
    tr_actor_path(tr_table_find(&rt->table, who.id), cut, sizeof cut);
    cr_assert_str_eq(cut, "superviso");
    cue_about(from, CUE_PASS, 1, who); /* is not what it fails on */
    cue(who, CUE_FAIL, TROUPE_USER);
    (void)stage_run();
    snprintf(line, sizeof line, "actor failed: supervisor/branch/deep (life 1) in cue from ");
    cr_assert_eq(stage_logged(line), 1);
    cr_assert_eq(stage_logged("outside: USER (error of the application): \"as told\" at "), 1);
    cr_assert_eq(stage_logged("; it is temporary: no restart; "), 1);
    stage_close();
}

static troupe_err fail_without_words(troupe_self *self, void *state, troupe_msg **msg) {
    (void)self;
    (void)state;
    (void)msg;
    return TROUPE_TOOBIG;
}

Test(report, names_the_sender) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    static const player ann = {.id = "ann"};
    const troupe_behaviour what = {.receive = fail_without_words};
    troupe_ref who, from = stage_enter(&ann);
    cr_assert_eq(troupe_spawn(rt, &what, NULL, &who), TROUPE_OK);
    cue_about(from, CUE_PASS, 1, who);
    (void)stage_run();
    char line[128];
    snprintf(line, sizeof line, "actor failed: actor (life 1) in cue from %08llx:%u.%u: TOOBIG",
             (unsigned long long)from.node >> 32, (unsigned)(uint32_t)from.id,
             (unsigned)(from.id >> 32));
    cr_assert_eq(stage_logged(line), 1, "not logged: %s", line);
    cr_assert_eq(stage_logged("(larger than the limit); not supervised; 0 messages kept"), 1);
    stage_close();
}
