/* TLS as bytes in and bytes out: two sessions that talk to each other in any pieces. */
#include "transport/tls.h"

#include "base/heap.h"
#include "test/transport/certificates.h"

TestSuite(tls, .timeout = 60);

typedef struct end {
    tr_tls *tls;
    tr_tls_session *session;
    troupe_err shaken;
    char why[400];
    unsigned char got[70000];
    size_t count;
} end;

static void open_end(end *e, const char *ca, const char *own, const char *name, bool dialer) {
    const troupe_tls files = tls_of(ca, own);
    memset(e, 0, sizeof *e);
    cr_assert_eq(tr_tls_open(&tr_heap_default, &files, name, &e->tls, e->why, sizeof e->why),
                 TROUPE_OK, "%s", e->why);
    e->session = tr_tls_begin(e->tls, dialer);
    cr_assert_not_null(e->session);
    e->shaken = tr_tls_shake(e->session, e->why, sizeof e->why);
    cr_assert_eq(e->shaken, TROUPE_LATER);
}

static void close_end(end *e) {
    tr_tls_end(e->session);
    tr_tls_close(e->tls);
}

/* Bytes come to an end, which says what it thinks of them. */
static troupe_err give(end *e, const unsigned char *bytes, size_t size) {
    tr_tls_feed(e->session, bytes, size);
    if (e->shaken == TROUPE_LATER) e->shaken = tr_tls_shake(e->session, e->why, sizeof e->why);
    troupe_err err = e->shaken;
    while (!err) {
        size_t got;
        err = tr_tls_read(e->session, e->got + e->count, sizeof e->got - e->count, &got);
        e->count += got;
    }
    return err;
}

/* Passes on what one says, in pieces; what the last piece led to. */
static troupe_err pass(end *from, end *to, size_t piece) {
    tr_buffer said = *tr_tls_out(from->session);
    *tr_tls_out(from->session) = (tr_buffer){.heap = &tr_heap_default};
    troupe_err err = TROUPE_LATER;
    for (size_t at = 0; at < said.size && err == TROUPE_LATER; at += piece)
        err = give(to, said.data + at, said.size - at < piece ? said.size - at : piece);
    tr_buffer_fini(&said);
    return err;
}

static void shake_hands(end *dials, end *listens, size_t piece) {
    for (int i = 0; i < 4; i++) {
        (void)pass(dials, listens, piece);
        (void)pass(listens, dials, piece);
    }
}

static void open_both(end *dials, end *listens, size_t piece) {
    open_end(dials, "ca", "left", "left", true);
    open_end(listens, "ca", "right", "right", false);
    shake_hands(dials, listens, piece);
    cr_assert_eq(dials->shaken, TROUPE_OK, "%s", dials->why);
    cr_assert_eq(listens->shaken, TROUPE_OK, "%s", listens->why);
}

static void close_both(end *dials, end *listens) {
    close_end(dials);
    close_end(listens);
}

Test(tls, both_know_whose_certificate_the_other_has) {
    static end dials, listens;
    open_both(&dials, &listens, 100000);
    cr_expect(tr_tls_is(dials.session, "right"));
    cr_expect_not(tr_tls_is(dials.session, "left"));
    cr_expect(tr_tls_is(listens.session, "left"));
    cr_expect_not(tr_tls_is(listens.session, ""));
    close_both(&dials, &listens);
}

Test(tls, bytes_pass_in_any_pieces_and_are_not_seen) {
    static end dials, listens;
    static const size_t pieces[] = {1, 7, 1000, 100000};
    static unsigned char text[40000];
    for (size_t i = 0; i < sizeof text; i++) text[i] = (unsigned char)(i * 31 + (i >> 8));
    for (size_t i = 0; i < 4; i++) {
        open_both(&dials, &listens, pieces[i]);
        for (size_t at = 0, size; at < sizeof text; at += size) {
            size = sizeof text - at < TR_TLS_PIECE ? sizeof text - at : TR_TLS_PIECE;
            cr_assert_eq(tr_tls_write(dials.session, text + at, size), TROUPE_OK);
        }
        const tr_buffer *out = tr_tls_out(dials.session);
        cr_assert_gt(out->size, sizeof text);
        cr_expect_null(memmem(out->data, out->size, text + 100, 16), "it can be read on the way");
        cr_assert_eq(pass(&dials, &listens, pieces[i]), TROUPE_LATER);
        cr_assert_eq(listens.count, sizeof text);
        cr_expect_eq(memcmp(listens.got, text, sizeof text), 0);
        cr_assert_eq(tr_tls_write(listens.session, "back", 4), TROUPE_OK);
        cr_assert_eq(pass(&listens, &dials, pieces[i]), TROUPE_LATER);
        cr_expect_eq(dials.count, 4u);
        close_both(&dials, &listens);
    }
}

/* Whatever byte of it is changed on the way: nothing of it is taken. */
Test(tls, a_changed_byte_ends_it) {
    static end dials, listens;
    for (size_t at = 0; at < 60; at++) {
        open_both(&dials, &listens, 100000);
        cr_assert_eq(tr_tls_write(dials.session, "a message of some bytes", 23), TROUPE_OK);
        tr_buffer *out = tr_tls_out(dials.session);
        if (at >= out->size) at = 60;
        if (at < 60) out->data[at] ^= 0x20;
        troupe_err err = pass(&dials, &listens, 100000);
        if (at == 60) cr_expect_eq(listens.count, 23u);
        if (at < 60) cr_expect_eq(listens.count, 0u, "byte %zu", at);
        /* 3 and 4 are the length: it may wait for more, which is then none of it */
        if (at < 60 && at != 3) cr_expect_eq(err, TROUPE_MALFORMED, "byte %zu", at);
        close_both(&dials, &listens);
    }
}

Test(tls, what_was_said_once_is_not_taken_twice) {
    static end dials, listens;
    open_both(&dials, &listens, 100000);
    cr_assert_eq(tr_tls_write(dials.session, "once", 4), TROUPE_OK);
    const tr_buffer *out = tr_tls_out(dials.session);
    size_t size = out->size;
    unsigned char copy[200];
    cr_assert_lt(size, sizeof copy);
    memcpy(copy, out->data, size);
    cr_assert_eq(pass(&dials, &listens, 100000), TROUPE_LATER);
    cr_expect_eq(give(&listens, copy, size), TROUPE_MALFORMED);
    cr_expect_eq(listens.count, 4u);
    close_both(&dials, &listens);
}

Test(tls, case_26_another_ca_is_refused_by_who_sees_it_first_and_both_say_why) {
    static end dials, listens;
    open_end(&dials, "other_ca", "foreign", "left", true);
    open_end(&listens, "ca", "right", "right", false);
    shake_hands(&dials, &listens, 100000);
    cr_expect_eq(dials.shaken, TROUPE_REFUSED);
    cr_expect_eq(listens.shaken, TROUPE_REFUSED);
    cr_expect(strstr(dials.why, "called right is refused: the CA that is"), "%s", dials.why);
    cr_expect(strstr(listens.why, "the peer refused: it trusts another CA"), "%s", listens.why);
    close_both(&dials, &listens);
}

Test(tls, what_is_no_tls_is_told_so) {
    static const unsigned char hello[] = {0, 0, 0, 90, 1, 0, 3};
    end e;
    open_end(&e, "ca", "right", "right", false);
    cr_expect_eq(give(&e, hello, sizeof hello), TROUPE_REFUSED);
    cr_expect_str_eq(e.why, "the peer does not speak TLS");
    cr_expect_eq(tr_tls_out(e.session)->size, 5u, "a REFUSE");
    close_end(&e);
    open_end(&e, "ca", "left", "left", true);
    tr_tls_out(e.session)->size = 0;
    cr_expect_eq(give(&e, tr_tls_alert, TR_TLS_ALERT_SIZE), TROUPE_REFUSED);
    cr_expect(strstr(e.why, "the peer refused: it does not speak TLS"), "%s", e.why);
    close_end(&e);
}

/* Any bytes in place of a handshake's: an end, or a wait for more, and no more memory than TLS has
 * from the start. */
Test(tls, rubbish_is_refused) {
    uint64_t seed = 99;
    for (int round = 0; round < 300; round++) {
        unsigned char bytes[300];
        end e;
        open_end(&e, "ca", "left", "left", round % 2);
        tr_buffer *out = tr_tls_out(e.session);
        size_t size = sizeof bytes;
        for (size_t i = 0; i < size; i++) {
            seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
            bytes[i] = (unsigned char)(seed >> 56);
        }
        bytes[0] = 22, bytes[1] = 3, bytes[2] = 3, bytes[3] = 0;
        if (round % 2 && round % 3) { /* its own words come back */
            size = out->size < size ? out->size : size;
            memcpy(bytes, out->data, size);
        }
        troupe_err err = give(&e, bytes, size);
        cr_expect_eq(err, TROUPE_REFUSED, "%s", troupe_errname(err));
        cr_expect(strstr(e.why, "TLS: "), "%s", e.why);
        close_end(&e);
    }
}

Test(tls, who_is_on_the_list) {
    static const char *const allow[] = {"right", "good", NULL}, *const none[] = {NULL};
    static const char *const odd[] = {"right", "", NULL};
    char why[200] = "";
    tr_tls *tls;
    troupe_tls files = tls_of("ca", "left");
    cr_assert_eq(tr_tls_open(&tr_heap_default, &files, "left", &tls, why, sizeof why), TROUPE_OK);
    cr_expect(tr_tls_allows(tls, "anybody"));
    tr_tls_close(tls);
    files.allow = allow;
    cr_assert_eq(tr_tls_open(&tr_heap_default, &files, "left", &tls, why, sizeof why), TROUPE_OK);
    cr_expect(tr_tls_allows(tls, "right") && tr_tls_allows(tls, "good"));
    cr_expect_not(tr_tls_allows(tls, "anybody"));
    cr_expect_not(tr_tls_allows(tls, "righ"));
    tr_tls_close(tls);
    files.allow = none;
    cr_assert_eq(tr_tls_open(&tr_heap_default, &files, "left", &tls, why, sizeof why), TROUPE_OK);
    cr_expect_not(tr_tls_allows(tls, "right"));
    tr_tls_close(tls);
    files.allow = odd;
    cr_expect_eq(tr_tls_open(&tr_heap_default, &files, "left", &tls, why, sizeof why),
                 TROUPE_INVALID);
    cr_expect(strstr(why, "is no name"), "%s", why);
}

Test(tls, what_looks_like_tls) {
    static const unsigned char hello[] = {0x16, 3, 1, 2}, frame[] = {0, 0, 0, 90};
    cr_expect(tr_tls_spoken(hello, 4));
    cr_expect_not(tr_tls_spoken(hello, 1));
    cr_expect_not(tr_tls_spoken(frame, 4));
}
