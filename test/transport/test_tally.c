#include "transport/tally.h"

#include <criterion/criterion.h>

TestSuite(tally, .timeout = 60);

enum { LIMIT = 3, LATE = 1024 };

static void said(tr_tally *tally, tr_frame_kind kind, uint64_t number, uint32_t how) {
    tr_tally_said(tally, &(tr_frame){.kind = kind, .number = number, .how = how});
}

Test(tally, a_peer_has_so_many_at_once_and_no_more) {
    tr_tally tally = {.limit = LIMIT};
    for (int i = 0; i < LIMIT; i++) cr_assert(tr_tally_begin(&tally));
    tr_tally_end(&tally, true);
    cr_assert(tr_tally_begin(&tally));
    cr_assert_not(tr_tally_begin(&tally));
}

Test(tally, an_end_that_we_say_is_one_less_of_theirs) {
    tr_tally tally = {.limit = LIMIT};
    for (int i = 0; i < LIMIT; i++) cr_assert(tr_tally_begin(&tally));
    said(&tally, TR_FRAME_DOWN, 1, 0);
    said(&tally, TR_FRAME_EXIT, 2, 0);
    said(&tally, TR_FRAME_UNLINK, 3, 0);
    cr_assert_eq(tally.theirs, 0u);
    said(&tally, TR_FRAME_DOWN, 4, 0); /* of none */
    for (int i = 0; i < LIMIT; i++) cr_assert(tr_tally_begin(&tally));
    said(&tally, TR_FRAME_EXIT, 0, 0); /* an exit signal of no link, */
    said(&tally, TR_FRAME_EXIT, 5, 1); /* and the ends of links of ours */
    said(&tally, TR_FRAME_UNLINK, 6, 1);
    cr_assert_not(tr_tally_begin(&tally));
}

Test(tally, an_end_is_awaited_of_each_of_ours_until_it_has_come) {
    tr_tally tally = {.limit = LIMIT};
    cr_assert_eq(tr_tally_signals(&tally), (size_t)LATE);
    said(&tally, TR_FRAME_MONITOR, 1, 0);
    said(&tally, TR_FRAME_LINK, 2, 0);
    cr_assert_eq(tr_tally_signals(&tally), LATE + 2u);
    said(&tally, TR_FRAME_DEMONITOR, 1, 0); /* its DOWN may be on its way */
    said(&tally, TR_FRAME_UNLINK, 2, 1);
    cr_assert_eq(tr_tally_signals(&tally), LATE + 2u);
    for (int i = 0; i < 3; i++) tr_tally_end(&tally, false);
    cr_assert_eq(tr_tally_signals(&tally), (size_t)LATE);
}

Test(tally, each_link_of_theirs_may_wait_with_its_end) {
    tr_tally tally = {.limit = LIMIT};
    for (int i = 0; i < 100; i++) { /* however often it links and unlinks */
        cr_assert(tr_tally_begin(&tally));
        cr_assert(tr_tally_begin(&tally));
        tr_tally_end(&tally, true);
        tr_tally_end(&tally, true);
    }
    cr_assert_eq(tr_tally_signals(&tally), LATE + 4u);
}
