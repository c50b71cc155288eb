/* What reports look like. Those of real failures are in test_report.c. */
#include <criterion/criterion.h>
#include <string.h>
#include <troupe/report.h>

TestSuite(report_text, .timeout = 20);

#define NOTHING                                                                                    \
    .path = "", .behaviour = "", .doing = "", .message = "", .text = "", .file = "",               \
    .supervisor = "", .next = "", .hint = ""

static const troupe_report full = {.kind = TROUPE_REPORT_FAILED,
                                   .level = TROUPE_ERROR,
                                   .path = "bank/accounts/7",
                                   .behaviour = "account",
                                   .who = {UINT64_C(0xbeef) << 32, UINT64_C(3) << 32 | 7},
                                   .life = 3,
                                   .doing = "withdraw",
                                   .message = "withdraw {amount: 250, ratio: 0}",
                                   .from = {UINT64_C(0xbeef) << 32, UINT64_C(1) << 32 | 4},
                                   .waited_ms = 1302,
                                   .why = TROUPE_BADTYPE,
                                   .text = "ratio is 0",
                                   .file = "src/account.c",
                                   .line = 88,
                                   .kept = 220,
                                   .limit = 256,
                                   .supervisor = "bank/accounts",
                                   .restarts = 3,
                                   .max_restarts = 5,
                                   .within_ms = 10000,
                                   .next = "is restarted",
                                   .hint = "handle it",
                                   .more = 12};

static void expect_text(const troupe_report *report, const char *words) {
    char text[2048];
    size_t length = troupe_report_text(report, text, sizeof text);
    cr_assert_str_eq(text, words, "%s", text);
    cr_assert_eq(length, strlen(text));
}

static void expect_line(const troupe_report *report, const char *words) {
    char text[2048];
    size_t length = troupe_report_line(report, text, sizeof text);
    cr_assert_str_eq(text, words, "%s", text);
    cr_assert_eq(length, strlen(text));
}

Test(report_text, all_that_is_known) {
    expect_text(&full,
                "-- ACTOR FAILED ------------------------------------- bank/accounts/7 (life 3)\n"
                "\n"
                "While handling  withdraw {amount: 250, ratio: 0}, from 0000beef:4.1, "
                "waited 1302 ms\n"
                "Reason          BADTYPE (a message of an unexpected type)\n"
                "                \"ratio is 0\"\n"
                "At              src/account.c:88\n"
                "Mailbox         220 of 256 messages are kept\n"
                "Supervisor      bank/accounts: restart 3 of 5 in 10 s\n"
                "Next            is restarted\n"
                "Hint            handle it\n"
                "Folded          12 more like this since the last report");
    expect_line(
        &full,
        "report=failed path=bank/accounts/7 ref=0000beef:7.3 behaviour=account "
        "life=3 doing=withdraw message=\"withdraw {amount: 250, ratio: 0}\" "
        "from=0000beef:4.1 waited_ms=1302 why=BADTYPE text=\"ratio is 0\" file=src/account.c "
        "line=88 kept=220 limit=256 supervisor=bank/accounts restart=3 of=5 "
        "within_ms=10000 next=\"is restarted\" more=12");
}

Test(report_text, what_is_not_known_is_left_out) {
    const troupe_report bare = {.kind = TROUPE_REPORT_PEER, NOTHING};
    expect_text(&bare, "-- TROUBLE WITH A NODE "
                       "------------------------------------------------------ \n");
    expect_line(&bare, "report=peer");
}

Test(report_text, a_reason_of_the_programs_own_has_its_number) {
    troupe_report own = {.kind = TROUPE_REPORT_SLOW, NOTHING};
    own.doing = "start";
    own.for_ms = 1500;
    own.why = (troupe_err)(TROUPE_USER + 7);
    char text[1024];
    (void)troupe_report_text(&own, text, sizeof text);
    cr_assert(strstr(text, "In              start, for 1500 ms"), "%s", text);
    cr_assert(strstr(text, ", number 1007"), "%s", text);
    expect_line(&own, "report=slow doing=start for_ms=1500 why=USER number=1007");
}

Test(report_text, a_text_from_elsewhere_stays_in_its_line) {
    troupe_report evil = full;
    evil.text = "a\nreport=failed path=\"x\"";
    char text[1024];
    (void)troupe_report_line(&evil, text, sizeof text);
    cr_assert(strstr(text, "text=\"a\\nreport=failed path=\\\"x\\\"\""), "%s", text);
    cr_assert_null(strchr(text, '\n'));
    (void)troupe_report_text(&evil, text, sizeof text);
    cr_assert_null(strstr(text, "a\n"));
}

Test(report_text, it_is_cut_to_its_room) {
    char text[41];
    for (size_t room = 1; room <= 40; room++) {
        memset(text, '#', sizeof text);
        cr_assert_eq(troupe_report_text(&full, text, room), room - 1);
        cr_assert_eq(troupe_report_line(&full, text, room), room - 1);
        cr_assert_eq(text[room], '#');
    }
    cr_assert_eq(troupe_report_text(&full, text, 0), 0);
    cr_assert_eq(troupe_report_line(&full, text, 0), 0);
}

Test(report_text, every_kind_has_words_of_its_own) {
    char one[256], other[256];
    for (int i = 0; i < TROUPE_REPORT_KINDS; i++)
        for (int j = 0; j < i; j++) {
            const troupe_report a = {.kind = (troupe_report_kind)i, NOTHING};
            const troupe_report b = {.kind = (troupe_report_kind)j, NOTHING};
            (void)troupe_report_line(&a, one, sizeof one);
            (void)troupe_report_line(&b, other, sizeof other);
            cr_assert_str_neq(one, other);
            (void)troupe_report_text(&a, one, sizeof one);
            (void)troupe_report_text(&b, other, sizeof other);
            cr_assert_str_neq(one, other);
        }
}

Test(report_text, hints_are_for_the_errors_of_the_library) {
    cr_assert_str_neq(troupe_hint(TROUPE_FULL), "");
    cr_assert_str_eq(troupe_hint(TROUPE_OK), "");
    cr_assert_str_eq(troupe_hint((troupe_err)TROUPE_USER), "");
}
