#include "test/support/family.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "test/support/stage.h"

troupe_child kid(const player *as, troupe_restart restart) {
    return (troupe_child){.id = as->id, .what = &player_behaviour, .arg = as,
                          .restart = restart, .name = as->id};
}

troupe_ref family(const troupe_child *child, size_t children, unsigned max_restarts,
                  unsigned within_ms) {
    const troupe_supervision what = {.child = child, .children = children,
                                     .max_restarts = max_restarts, .within_ms = within_ms};
    troupe_ref ref = TROUPE_NOBODY;
    cr_assert_eq(troupe_supervise(stage_rt(), &what, 30000, &ref), TROUPE_OK);
    return ref;
}

/* Writes what a supervisor lists. */
static void list(troupe_ref supervisor, char *text) {
    static const char *const states[] = {"WAITING",  "STARTING", "RUNNING",
                                         "STOPPING", "ENDED",    "HELD"};
    troupe_child_info info[32];
    size_t count;
    cr_assert_eq(troupe_children(stage_rt(), supervisor, 30000, info, 32, &count), TROUPE_OK);
    *text = '\0';
    for (size_t i = 0; i < count; i++) {
        bool there = info[i].state != TROUPE_CHILD_ENDED;
        if (info[i].state != TROUPE_CHILD_WAITING) /* then it may have been there before */
            cr_assert_eq(there, !troupe_same(info[i].ref, TROUPE_NOBODY));
        text += sprintf(text, "%s%s:%s:%u", i ? " " : "", info[i].id, states[info[i].state],
                        info[i].restarts);
    }
}

void family_expect(troupe_ref supervisor, const char *words) {
    char seen[2048];
    list(supervisor, seen);
    /* With workers, what a child has just done may not have come to its supervisor's ears. */
    for (int i = 0; i < 1000 && !stage_is_stepped() && strcmp(seen, words) != 0; i++)
        list(supervisor, seen);
    cr_assert_str_eq(seen, words, "\n  seen:     %s\n  expected: %s", seen, words);
}

void cue_named(const char *name, uint32_t act, uint32_t n) {
    troupe_ref who = stage_find(name);
    cr_assert_not(troupe_same(who, TROUPE_NOBODY), "nobody is called %s", name);
    cue(who, act, n);
}

void family_stop(troupe_ref supervisor) {
    cr_assert_eq(troupe_stop(stage_rt(), supervisor), TROUPE_OK);
    stage_await_gone(supervisor);
}
