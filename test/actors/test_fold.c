#include <criterion/criterion.h>

#include "actors/fold.h"

static tr_folds folds;
static tr_fold out;

static void open_folds(void) {
    tr_folds_init(&folds);
}

static void close_folds(void) {
    tr_folds_fini(&folds);
}

TestSuite(fold, .init = open_folds, .fini = close_folds, .timeout = 20);

/* Whether a report of that place is told at that time, of a window of 100; how many were not. */
static bool tell(int line, uint64_t at, uint64_t *more) {
    troupe_report report = {.kind = TROUPE_REPORT_FAILED, .line = line, .at = at};
    bool told = tr_folds_tell(&folds, &report, 100, &out);
    *more = report.more;
    return told;
}

Test(fold, the_first_is_told_and_the_next_ones_are_counted) {
    uint64_t more;
    cr_assert(tell(1, 1000, &more));
    cr_assert_eq(more, 0);
    for (uint64_t at = 1000; at < 1100; at++) cr_assert_not(tell(1, at, &more));
    cr_assert(tell(1, 1100, &more));
    cr_assert_eq(more, 100);
    cr_assert(tell(1, 1200, &more));
    cr_assert_eq(more, 0);
}

Test(fold, another_kind_behaviour_reason_or_place_is_another_report) {
    static const char a[] = "a", b[] = "b";
    const troupe_report reports[] = {
        {.kind = TROUPE_REPORT_FAILED, .behaviour = a, .file = a, .line = 1, .why = TROUPE_FULL},
        {.kind = TROUPE_REPORT_SLOW, .behaviour = a, .file = a, .line = 1, .why = TROUPE_FULL},
        {.kind = TROUPE_REPORT_FAILED, .behaviour = b, .file = a, .line = 1, .why = TROUPE_FULL},
        {.kind = TROUPE_REPORT_FAILED, .behaviour = a, .file = b, .line = 1, .why = TROUPE_FULL},
        {.kind = TROUPE_REPORT_FAILED, .behaviour = a, .file = a, .line = 2, .why = TROUPE_FULL},
        {.kind = TROUPE_REPORT_FAILED, .behaviour = a, .file = a, .line = 1, .why = TROUPE_GONE}};
    for (int again = 0; again < 2; again++)
        for (size_t i = 0; i < sizeof reports / sizeof *reports; i++) {
            troupe_report report = reports[i];
            cr_assert_eq(tr_folds_tell(&folds, &report, 100, &out), !again);
        }
}

Test(fold, what_there_is_no_room_for_is_handed_out) {
    uint64_t more;
    for (int line = 0; line < TR_FOLDS; line++) cr_assert(tell(line, 1000 + (uint64_t)line, &more));
    cr_assert_not(tell(0, 1020, &more));
    cr_assert_not(tell(0, 1020, &more));
    cr_assert(tell(TR_FOLDS, 1021, &more));
    cr_assert_eq(out.line, 0);
    cr_assert_eq(out.more, 2);
    cr_assert(tell(TR_FOLDS + 1, 1021, &more));
    cr_assert_eq(out.more, 0, "of that one nothing was left out");
}

Test(fold, what_was_not_told_is_taken_at_the_end) {
    uint64_t more;
    for (int line = 0; line < 4; line++) (void)tell(line, 1000, &more);
    for (int i = 0; i < 3; i++) (void)tell(1, 1001, &more);
    (void)tell(3, 1001, &more);
    cr_assert(tr_folds_take(&folds, &out));
    cr_assert(out.line == 3 && out.more == 1);
    cr_assert(tr_folds_take(&folds, &out));
    cr_assert(out.line == 1 && out.more == 3);
    cr_assert_not(tr_folds_take(&folds, &out));
}
