/* Supervisors: what they tell of their children. `case_N` is a numbered case of the conformance
 * list for supervisors. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "actors/runtime.h"
#include "test/support/everywhere.h"
#include "test/support/family.h"
#include "test/support/stage.h"

TestSuite(supervisor_query, .timeout = 120);

static const player a = {.id = "a"}, slow_b = {.id = "b", .stopping = TROUPE_LATER};

/* --- Actors ask ------------------------------------------------------------------------------- */

static void say_list(const struct troupe_children_listed *listed) {
    const troupe_child_info *info = listed->infos.data;
    size_t count = listed->infos.size / sizeof *info;
    cr_assert_eq((uintptr_t)info % _Alignof(troupe_child_info), 0);
    stage_say("%u:listed(%zu,%s,%s)", (unsigned)listed->tag, count, info[0].id, info[count - 1].id);
}

/* Asks for something by each cue, and says what it is told. Its mailbox holds one message. */
static troupe_err ask(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    const struct cue *cue = troupe_as(*msg, &cue_type);
    const struct troupe_child_done *done = troupe_as(*msg, &troupe_child_done_type);
    const struct troupe_child_found *found = troupe_as(*msg, &troupe_child_found_type);
    const struct troupe_children_counted *counted = troupe_as(*msg, &troupe_children_counted_type);
    const struct troupe_children_listed *listed = troupe_as(*msg, &troupe_children_listed_type);
    if (done) stage_say("%u:%s", (unsigned)done->tag, troupe_errname((troupe_err)done->err));
    if (found)
        stage_say("%u:found(%s,%d,%d)", (unsigned)found->tag, found->info.id,
                  (int)found->info.state, troupe_same(found->info.ref, stage_find("b")));
    if (counted)
        stage_say("%u:counted(%u,%u)", (unsigned)counted->tag, (unsigned)counted->counts.specs,
                  (unsigned)counted->counts.active);
    if (listed) say_list(listed);
    if (!cue) return TROUPE_OK;
    const troupe_child_request request = {
        .act = (troupe_child_act)cue->act, .id = cue->n < 10 ? "b" : "nobody", .tag = cue->n};
    return troupe_request_child(self, cue->who, &request);
}
static const troupe_behaviour asker = {.name = "asker", .receive = ask, .mailbox_limit = 1};

Everywhere(supervisor_query, case_62_actors_find_count_and_list) {
    troupe *rt = stage_open(workers);
    const troupe_child child[] = {kid(&a, 0), kid(&slow_b, 0)};
    troupe_ref top = family(child, 2, 3, 0), who;
    cr_assert_eq(troupe_spawn(rt, &asker, NULL, &who), TROUPE_OK);
    stage_forget();
    char words[64];
    for (int i = 0; i < 2; i++) { /* the second time it is stopping, and tells all the same */
        cue_about(who, TROUPE_FIND_CHILD, 1, top);
        snprintf(words, sizeof words, "1:found(b,%d,1)",
                 i ? TROUPE_CHILD_STOPPING : TROUPE_CHILD_RUNNING);
        stage_expect(words);
        cue_about(who, TROUPE_FIND_CHILD, 12, top);
        stage_expect("12:NOTFOUND");
        cue_about(who, TROUPE_COUNT_CHILDREN, 3, top);
        stage_expect("3:counted(2,2)");
        cue_about(who, TROUPE_LIST_CHILDREN, 4, top);
        stage_expect("4:listed(2,a,b)");
        if (i == 0) cr_assert_eq(troupe_stop(rt, top), TROUPE_OK);
        if (i == 0) stage_expect("stopping(b)");
    }
    cue_named("b", CUE_EXIT, TROUPE_OK);
    stage_await_gone(top);
    stage_close();
}

/* --- Many ------------------------------------------------------------------------------------- */

static troupe_err quiet(troupe_self *self, void *state, troupe_msg **msg) {
    (void)self, (void)state, (void)msg;
    return TROUPE_OK;
}
static const troupe_behaviour idle = {.name = "idle", .receive = quiet};

/* To find one by its id must not walk over the others: then this would take minutes. */
Test(supervisor_query, one_of_many_is_found_by_its_id_at_once) {
    enum { MANY = 20000 };
    static char id[16];
    troupe *rt = stage_open(TROUPE_STEPPED);
    troupe_ref top = family(NULL, 0, 0, 0), ref;
    troupe_child_info info;
    for (int i = 0; i < MANY; i++) {
        snprintf(id, sizeof id, "k%d", i);
        const troupe_child child = {.id = id, .what = &idle, .restart = TROUPE_TEMPORARY};
        cr_assert_eq(troupe_start_child(rt, top, &child, 1000, &ref), TROUPE_OK);
    }
    for (int i = 0; i < MANY; i++) {
        snprintf(id, sizeof id, "k%d", i);
        cr_assert_eq(troupe_find_child(rt, top, id, 1000, &info), TROUPE_OK);
        cr_assert_str_eq(info.id, id);
        if (i % 2) cr_assert_eq(troupe_terminate_child(rt, top, id, 1000), TROUPE_OK);
        if (i % 2) cr_assert_eq(troupe_find_child(rt, top, id, 1000, &info), TROUPE_NOTFOUND);
    }
    cr_assert_eq(troupe_kill(rt, top), TROUPE_OK); /* one after the other it would take long */
    while (troupe_step(rt, 1)) {
    }
    cr_assert_eq(tr_table_live(&rt->table), 0);
    stage_close();
}
