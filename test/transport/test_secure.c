/* Nodes that know each other by certificates: who is let in, and who is not, and why. Over TLS on
 * real connections, and in a simulation. */
#include "transport/secure.h"

#include "test/support/exhaust.h"
#include "test/transport/secure_scene.h"
#include "transport/node.h"

TestSuite(secure, .timeout = 200, .fini = scene_say_seed);

/* Two that do not get together, each with a reason in its log. */
static void do_not_meet(party *from, const char *says, party *to, const char *they) {
    troupe_err err = troupe_connect(from->node, to->url, PATIENCE_MS);
    cr_expect_eq(err, TROUPE_REFUSED, "%s\n%s", troupe_errname(err), from->log);
    party_await_log(from, says, 1);
    party_await_log(to, they, 1);
    cr_expect_eq(party_logged(from, "is connected"), 0u);
    cr_expect_eq(party_logged(to, "is connected"), 0u);
}

static void close_two(party *a, party *b) {
    party_close(a);
    party_close(b);
    scene_end();
}

/* Messages, small and large, pass between them both ways. */
static void exchange(party *a, party *b) {
    enum { MANY = 2000 };
    notes *here = notes_open(), *there = notes_open();
    troupe_ref left = hand_of(a, 4096, here), right = hand_of(b, 4096, there);
    for (uint64_t n = 0; n < MANY; n++) {
        troupe_err err;
        while ((err = count_to(a, right, n)) == TROUPE_FULL) scene_go_on(patience());
        cr_assert_eq(err, TROUPE_OK);
        while ((err = count_to(b, left, n)) == TROUPE_FULL) scene_go_on(patience());
        cr_assert_eq(err, TROUPE_OK);
    }
    notes_await(there, MANY);
    notes_await(here, MANY);
    cr_expect_eq(notes_in_order(there, 0, 0), (size_t)MANY);
    cr_expect_eq(notes_in_order(here, 0, 0), (size_t)MANY);
    uint64_t n = 5;
    cr_expect_eq(ask_by(a, right, ORDER_ANSWER, &n), TROUPE_OK);
    cr_expect_eq(n, 6u);
    party_close(a);
    party_await_log(b, "node left is disconnected", 1);
    party_close(b);
    scene_end();
    notes_close(here);
    notes_close(there);
}

SECURE(secure, case_26_certificates_alone_are_enough, 20) {
    party left, right;
    open_right(&right, NULL);
    open_with(&left, "left", tls_of("ca", "left"), false);
    party_meet(&left, &right);
    exchange(&left, &right);
}

SECURE(secure, case_26_a_secret_may_be_asked_for_as_well, 20) {
    party left, right, bare;
    open_with(&right, "right", tls_of("ca", "right"), true);
    listen_at(&right, tls_any);
    open_with(&bare, "good", tls_of("ca", "good"), false);
    cr_expect_eq(troupe_connect(bare.node, right.url, PATIENCE_MS), TROUPE_REFUSED);
    party_await_log(&right, "refused: the peer has another secret", 1);
    party_close(&bare);
    open_with(&left, "left", tls_of("ca", "left"), true);
    party_meet(&left, &right);
    exchange(&left, &right);
}

/* A message. */
struct blob {
    troupe_bytes bytes;
};
static const troupe_type blob_type = TROUPE_TYPE(blob, TROUPE_FIELD(blob, bytes));
static size_t blob_got;
static bool blob_good;

static troupe_err take_blob(troupe_self *self, void *state, troupe_msg **msg) {
    const struct blob *blob = troupe_as(*msg, &blob_type);
    (void)state;
    blob_got = blob->bytes.size;
    for (size_t i = 0; i < blob_got; i++)
        if (((const unsigned char *)blob->bytes.data)[i] != (unsigned char)(i * 7 + (i >> 9)))
            blob_good = false;
    return troupe_answer(self, &count_type, &(struct count){0, 0});
}

SECURE(secure, a_large_message_passes, 4) {
    static unsigned char bytes[3 << 20];
    static const troupe_behaviour taker = {.name = "taker", .receive = take_blob};
    party left, right;
    open_right(&right, NULL);
    open_with(&left, "left", tls_of("ca", "left"), false);
    party_meet(&left, &right);
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (unsigned char)(i * 7 + (i >> 9));
    troupe_ref who;
    troupe_msg *msg;
    blob_good = true;
    cr_assert_eq(troupe_register_type(right.rt, &blob_type), TROUPE_OK);
    cr_assert_eq(troupe_spawn(right.rt, &taker, NULL, &who), TROUPE_OK);
    const struct blob blob = {{bytes, sizeof bytes}};
    cr_assert_eq(troupe_make(left.rt, &blob_type, &blob, &msg), TROUPE_OK);
    cr_assert_eq(troupe_ask(left.rt, who, &msg, PATIENCE_MS), TROUPE_OK);
    troupe_drop(&msg);
    cr_expect_eq(blob_got, sizeof bytes);
    cr_expect(blob_good);
    close_two(&left, &right);
}

SECURE(secure, case_26_a_listener_of_another_ca, 20) {
    party left, right;
    open_right(&right, NULL);
    open_with(&left, "left", tls_of("other_ca", "foreign"), false);
    do_not_meet(&left, "called right is refused: the CA that is trusted here has not signed it",
                &right, "the peer refused: it trusts another CA than ours");
    close_two(&left, &right);
}

/* The dialer trusts both, the listener does not. */
SECURE(secure, case_26_a_dialer_of_another_ca, 20) {
    party left, right;
    char command[300];
    open_right(&right, NULL);
    (void)snprintf(command, sizeof command, "cd %s && cat ca.pem other_ca.pem >both.pem",
                   certificates());
    cr_assert_eq(system(command), 0);
    open_with(&left, "left", tls_of("both", "foreign"), false);
    do_not_meet(&left, "the peer refused: it trusts another CA than ours", &right,
                "called left is refused: the CA that is trusted here has not signed it");
    close_two(&left, &right);
}

/* One that the CA has signed, and that says it is somebody else; the secret does not help. */
SECURE(secure, case_26_the_right_ca_but_another_name, 20) {
    party liar, right;
    for (int dials = 0; dials < 2; dials++) {
        open_with(&right, "right", tls_of("ca", "right"), true);
        open_with(&liar, "elsewhere", tls_of("ca", "other_name"), true);
        (void)strcpy(liar.node->me.name, "left");
        listen_at(dials ? &right : &liar, tls_any);
        if (dials)
            do_not_meet(&liar, "the peer refused", &right,
                        "the peer's certificate is not for node left");
        else
            do_not_meet(&right, "the peer's certificate is not for node left", &liar,
                        "the peer refused");
        party_close(&liar);
        party_close(&right);
    }
    scene_end();
}

SECURE(secure, case_26_who_is_not_on_the_list, 20) {
    static const char *const list[] = {"good", NULL};
    party left, right, good;
    open_right(&right, list);
    open_with(&left, "left", tls_of("ca", "left"), false);
    do_not_meet(&left, "the peer refused", &right, "node left is not on the list");
    open_with(&good, "good", tls_of("ca", "good"), false);
    party_meet(&good, &right);
    party_close(&good);
    close_two(&left, &right);
}

SECURE(secure, case_26_a_dialer_has_a_list_too, 20) {
    static const char *const list[] = {"good", NULL};
    party left, right;
    troupe_tls tls = tls_of("ca", "left");
    tls.allow = list;
    open_right(&right, NULL);
    open_with(&left, "left", tls, false);
    do_not_meet(&left, "node right is not on the list", &right, "the peer refused");
    close_two(&left, &right);
}

SECURE(secure, case_26_without_tls_where_it_is_expected, 20) {
    party left, right;
    open_with(&right, "right", tls_of("ca", "right"), true);
    listen_at(&right, tls_any);
    party_open(&left, "left");
    memmove(right.url, right.url + 4, strlen(right.url + 4) + 1); /* without tls+ */
    do_not_meet(&left, "the peer refused", &right, "the peer does not speak TLS");
    close_two(&left, &right);
}

SECURE(secure, case_26_with_tls_where_it_is_not_expected, 20) {
    party left, right;
    char url[TROUPE_URL_MAX + 1];
    party_open(&right, "right");
    listen_at(&right, "tcp://127.0.0.1:0");
    (void)snprintf(url, sizeof url, "tls+%.250s", right.url);
    (void)strcpy(right.url, url);
    open_with(&left, "left", tls_of("ca", "left"), true);
    do_not_meet(&left, "it does not speak TLS", &right, "the peer speaks TLS, which this address");
    close_two(&left, &right);
}

/* A certificate that expires while its node runs is refused from then on. In real time: mbedTLS
 * asks the system for the date. */
Test(secure, case_26_a_certificate_that_has_expired_since) {
    party left, right;
    open_right(&right, NULL);
    open_with(&left, "left", tls_of("ca", "brief"), false);
    const uint64_t until = patience();
    troupe_err err = TROUPE_OK;
    while (err == TROUPE_OK && tr_clock() < until) { /* good at first, then not */
        err = troupe_connect(left.node, right.url, PATIENCE_MS);
        if (err) break;
        size_t lost = party_logged(&right, "node left is disconnected");
        party_close(&left);
        party_await_log(&right, "node left is disconnected", lost + 1);
        party_open_runtime(&left, "left");
        troupe_tls tls = tls_of("ca", "brief");
        const troupe_node_config config = {.name = "left", .tls = &tls};
        err = troupe_node_open(left.rt, &config, &left.node);
        if (err) party_await_log(&left, "brief.pem has expired on", 1);
    }
    cr_expect(err == TROUPE_REFUSED || err == TROUPE_INVALID, "%s", troupe_errname(err));
    if (err == TROUPE_REFUSED) party_await_log(&right, "is refused: it has expired", 1);
    close_two(&left, &right);
}

/* Opens a connection as openssl does, with those arguments; what it has said. */
static void stranger(const party *to, const char *with, char said[20000]) {
    char command[600];
    (void)snprintf(command, sizeof command,
                   "cd %s && timeout 20 openssl s_client -connect 127.0.0.1:%s -CAfile ca.pem %s "
                   "2>&1 </dev/null",
                   certificates(), strrchr(to->url, ':') + 1, with);
    FILE *from = popen(command, "re");
    cr_assert_not_null(from);
    size_t used = 0;
    for (size_t got; (got = fread(said + used, 1, 19999 - used, from)) > 0;) used += got;
    said[used] = '\0';
    (void)pclose(from);
}

/* Certificates that a node would not even open with; shown by another implementation of TLS. */
Test(secure, case_26_strangers_of_another_make_are_refused) {
    static const struct {
        const char *with, *why;
    } rows[] = {
        {"", "TLS: the peer has no certificate"},
        {"-cert expired.pem -key expired.key", "called left is refused: it has expired"},
        {"-cert early.pem -key early.key", "called left is refused: it is not valid yet"},
        {"-cert alone.pem -key alone.key", "the CA that is trusted here has not signed it"},
        {"-cert foreign.pem -key foreign.key", "the CA that is trusted here has not signed it"},
        {"-cert server.pem -key server.key", "called left is refused: it is for another use,"},
        {"-tls1_1 -cipher ALL:@SECLEVEL=0 -cert left.pem -key left.key", "TLS: "},
    };
    static char said[20000];
    party right;
    open_right(&right, NULL);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t before = party_logged(&right, rows[i].why);
        stranger(&right, rows[i].with, said);
        party_await_log(&right, rows[i].why, before + 1);
        cr_expect(strstr(said, "alert"), "%s: it is not told: %s", rows[i].with, said);
    }
    cr_expect_eq(party_logged(&right, "is connected"), 0u);
    party left; /* and goes on to listen */
    open_with(&left, "left", tls_of("ca", "left"), false);
    party_meet(&left, &right);
    close_two(&left, &right);
}

SECURE(secure, case_26_silent_ones_keep_nobody_out, 20) {
    enum { SILENT = 100 };
    party left, right;
    raw_peer *silent[SILENT];
    char url[TROUPE_URL_MAX + 1];
    open_right(&right, NULL);
    (void)snprintf(url, sizeof url, "%.100s", right.url + 4);
    for (int i = 0; i < SILENT; i++) silent[i] = raw_connect(url);
    open_with(&left, "left", tls_of("ca", "left"), false);
    uint64_t then = scene_clock();
    party_meet(&left, &right);
    cr_assert_lt(scene_clock() - then, scene_within(1500));
    for (int i = 0; i < SILENT; i++) raw_await_end(silent[i]);
    party_await_log(&right, "the peer did not prove itself in time", 1);
    close_two(&left, &right);
}

SECURE(secure, who_has_no_secret_knows_no_other_way, 2) {
    party p;
    open_with(&p, "left", tls_of("ca", "left"), false);
    cr_expect_eq(troupe_listen(p.node, "tcp://127.0.0.1:0", NULL, 0), TROUPE_INVALID);
    cr_expect_eq(troupe_listen(p.node, "ipc:///tmp/none", NULL, 0), TROUPE_INVALID);
    cr_expect_eq(troupe_listen(p.node, "tls+ipc:///tmp/none", NULL, 0), TROUPE_INVALID);
    cr_expect_eq(troupe_connect(p.node, "tcp://127.0.0.1:1", 1000), TROUPE_INVALID);
    cr_expect_eq(troupe_keep_connected(p.node, "tcp://127.0.0.1:1"), TROUPE_INVALID);
    char little[12];
    cr_expect_eq(troupe_listen(p.node, tls_any, little, 4), TROUPE_INVALID);
    cr_expect_eq(troupe_listen(p.node, tls_any, little, sizeof little), TROUPE_INVALID);
    party_close(&p);
    party_open(&p, "plain");
    cr_expect_eq(troupe_listen(p.node, tls_any, NULL, 0), TROUPE_INVALID);
    cr_expect_eq(troupe_connect(p.node, "tls+tcp://127.0.0.1:1", 1000), TROUPE_INVALID);
    cr_expect_eq(troupe_keep_connected(p.node, "tls+tcp://127.0.0.1:1"), TROUPE_INVALID);
    party_close(&p);
    scene_end();
}

Test(secure, a_node_says_what_is_wrong_with_its_files) {
    party p;
    troupe_tls tls = tls_of("ca", "expired");
    troupe_node_config config = {.name = "left", .tls = &tls};
    party_open_runtime(&p, "left");
    cr_expect_eq(troupe_node_open(p.rt, &config, &p.node), TROUPE_INVALID);
    party_await_log(&p, "node left can't be opened: the certificate", 1);
    party_await_log(&p, "expired.pem has expired on 2020-02-01", 1);
    config.tls = NULL;
    cr_expect_eq(troupe_node_open(p.rt, &config, &p.node), TROUPE_INVALID, "nothing to prove it");
    config.secret_size = 16;
    config.tls = &tls;
    cr_expect_eq(troupe_node_open(p.rt, &config, &p.node), TROUPE_INVALID);
    party_close(&p);
}

/* What mbedTLS takes is its own; the rest is ours, and can be refused. */
SECURE(secure, without_memory_a_node_with_certificates_is_none, 1) {
    static const char *const list[] = {"right", NULL};
    for (exhaust x = {0}; exhaust_next(&x);) {
        party p;
        troupe_tls tls = tls_of("ca", "left");
        tls.allow = list;
        const troupe_node_config config = {.name = "left", .tls = &tls};
        party_open_runtime(&p, "left");
        exhaust_from(&x, &p.heap);
        troupe_err err = troupe_node_open(p.rt, &config, &p.node);
        cr_assert_eq(err, exhaust_to(&x) ? TROUPE_NOMEM : TROUPE_OK);
        party_close(&p);
    }
    scene_end();
}

/* A connection that finds no memory is tried again, on either side. Simulated only: how long it is
 * tried is virtual time. */
SIMULATED(secure, without_memory_nobody_is_connected_and_then_all_is_well, 1) {
    (void)tcp;
    for (int side = 0; side < 2; side++) {
        for (exhaust x = {0}; exhaust_next(&x);) {
            party both[2];
            open_right(&both[1], NULL);
            open_with(&both[0], "left", tls_of("ca", "left"), false);
            exhaust_from(&x, &both[side].heap);
            troupe_err err = troupe_connect(both[0].node, both[1].url, 200);
            bool refused = exhaust_to(&x);
            cr_assert(!err || (refused && (err == TROUPE_NOMEM || err == TROUPE_TIMEOUT ||
                                           err == TROUPE_NOCONNECTION)),
                      "%s", troupe_errname(err));
            if (err) party_meet(&both[0], &both[1]);
            party_close(&both[0]);
            party_close(&both[1]);
        }
    }
    scene_end();
}

SECURE(secure, it_comes_back_after_a_cut, 20) {
    party left, right;
    open_right(&right, NULL);
    open_with(&left, "left", tls_of("ca", "left"), false);
    cr_assert_eq(troupe_keep_connected(left.node, right.url), TROUPE_OK);
    party_await_log(&left, "node right is connected", 1);
    for (size_t i = 1; i < 4; i++) {
        tr_peer_link *link;
        SCENE_AWAIT((link = tr_node_link(left.node, tr_port_node(right.rt))));
        tr_link_cut(link);
        tr_node_unref(link);
        party_await_log(&left, "node right is connected", i + 1);
    }
    close_two(&left, &right);
}
