/* Streams of nng's: what is sent comes, whole and in order, and each end sees one end. */
#include "transport/nng_stream.h"

#include "test/transport/nng_ends.h"

TestSuite(nng_stream, .init = set_up, .fini = tear_down, .timeout = 50);

static void echo(const char *url) {
    end near = {0}, far = {.echo = true};
    open_pair(url, &near, &far);
    tr_lock(&lock);
    for (uint64_t n = 1; n <= 200; n++) {
        size_t size = (size_t)(n % sizeof far.piece) + 1;
        near.todo = near.sent += size;
        net->send(near.stream, pattern + near.sent - size, size);
        AWAIT(near.got, near.sent);
        AWAIT(near.told, n);
        AWAIT(far.told, n);
    }
    tr_unlock(&lock);
    close_end(&near);
    finish(&near);
    finish(&far);
}

Test(nng_stream, what_is_sent_comes_and_goes_back) {
    at_both(echo);
}

static void at_once(const char *url) {
    end near = {0}, far = {.echo = true};
    open_pair(url, &near, &far);
    tr_lock(&lock);
    for (uint64_t n = 1; n <= 200; n++) {
        size_t size = (size_t)(n % sizeof far.piece) + 1;
        cr_assert_eq(net->try_send(near.stream, pattern + near.sent, size), size);
        near.sent += size;
        AWAIT(near.got, near.sent);
        AWAIT(far.told, n);
    }
    tr_unlock(&lock);
    close_end(&near);
    finish(&near);
    finish(&far);
    cr_assert_eq(near.told, 0);
}

Test(nng_stream, what_the_system_takes_at_once_needs_no_event) {
    at_both(at_once);
}

/* As much as the system takes while the far end does not read. */
static void fill(end *near) {
    const unsigned char *piece;
    size_t size, gone;
    do {
        size = next_piece(near, 100000, &piece);
        gone = net->try_send(near->stream, piece, size);
        near->sent += gone;
    } while (gone > 0);
    cr_assert_lt(near->sent, near->todo);
}

static void until_it_is_full(const char *url) {
    end near = {0}, far = {.holds = true};
    const unsigned char *piece;
    open_pair(url, &near, &far);
    tr_lock(&lock);
    near.todo = 1 << 30;
    do { /* what is on its way to the far end makes room for more */
        fill(&near);
    } while (tr_cond_wait(&changed, &lock, tr_after_ms(tr_clock(), 20)));
    cr_assert_eq(far.came, 1);
    size_t size = next_piece(&near, 300000, &piece);
    net->send(near.stream, piece, size);
    near.todo = near.sent += size;
    cr_assert_eq(net->try_send(near.stream, "x", 1), 0, "one is under way");
    far.holds = false;
    net->hold(far.stream, false);
    AWAIT(far.got, near.sent);
    AWAIT(near.told, 1);
    tr_unlock(&lock);
    close_end(&near);
    finish(&near);
    finish(&far);
    cr_assert_eq(near.told, 1);
}

Test(nng_stream, a_try_takes_what_fits_and_the_rest_is_sent) {
    at_both(until_it_is_full);
}

static void flood(const char *url) {
    end near = {.todo = 64 << 20}, far = {.todo = 64 << 20, .tries = true};
    open_pair(url, &near, &far);
    tr_lock(&lock);
    AWAIT(near.got, near.todo);
    AWAIT(far.got, far.todo);
    tr_unlock(&lock);
    close_end(&far);
    finish(&near);
    finish(&far);
}

Test(nng_stream, much_in_odd_sizes_both_ways_at_once) {
    at_both(flood);
}

static unsigned rounds_of(unsigned otherwise) {
    const char *rounds = getenv("TROUPE_TEST_ROUNDS");
    return rounds ? (unsigned)atoi(rounds) : otherwise;
}

static void close_in_full_flow(const char *url) {
    for (unsigned round = 0, rounds = rounds_of(200); round < rounds; round++) {
        end near = {.todo = UINT64_MAX, .tries = round % 3 == 1};
        end far = {.todo = UINT64_MAX, .tries = round % 3 != 0};
        uint64_t some = (round * 7919u) % 500000 + 1;
        if (round % 4 == 1) near.enough = some; /* closes in an event */
        if (round % 4 == 3) far.enough = some;
        open_pair(url, &near, &far);
        tr_lock(&lock);
        if (round % 4 == 0) AWAIT(near.got, some);
        if (round % 4 == 2) AWAIT(far.got, some);
        tr_unlock(&lock);
        if (round % 4 == 0) close_end(&near);
        if (round % 4 == 2) close_end(&far);
        if (round % 8 == 0) close_end(&far);
        finish(&near);
        finish(&far);
    }
}

Test(nng_stream, either_side_may_close_while_data_flows_both_ways) {
    at_both(close_in_full_flow);
}

static void never_started(const char *url) {
    tr_stream *stream;
    cr_assert_eq(dial(url, &stream), TROUPE_OK);
    end far = {.todo = 1 << 24};
    start(&far, fetch_arrived());
    net->free(stream);
    finish(&far);
    end near = {.todo = 1 << 24};
    cr_assert_eq(dial(url, &stream), TROUPE_OK);
    start(&near, stream);
    net->free(fetch_arrived());
    finish(&near);
}

Test(nng_stream, a_stream_that_was_never_started_can_be_freed) {
    at_both(never_started);
}

Test(nng_stream, no_descriptor_is_left) {
    char bound[256];
    net->unlisten(listen_at(ipc, bound)); /* nng has started */
    unsigned before = descriptors();
    at_both(echo);
    at_both(never_started);
    tr_listener *listener = listen_at(ipc, bound);
    tr_stream *stream;
    cr_assert_eq(dial(ipc, &stream), TROUPE_OK);
    net->free(stream);
    net->unlisten(listener); /* beside an accept that is due */
    while (arrivals > 0) net->free(arrived[--arrivals]);
    uint64_t until = tr_after_ms(tr_clock(), WAIT_MS); /* nng closes them a little later */
    while (descriptors() > before && tr_clock() < until) sched_yield();
    cr_expect_eq(descriptors(), before);
}
