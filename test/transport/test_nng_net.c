#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/heap.h"
#include "base/os.h"
#include "transport/stream.h"

enum { PERIOD = 1000003, WAIT_MS = 20000 };

static const tr_net *const net = &tr_nng_net;
static const tr_host host = {.heap = &tr_heap_default};

/* All ends of a test share one lock, which is held during calls and taken in events: the port
 * promises that this can't lock up. */
static tr_mutex lock;
static tr_cond changed;
static tr_stream *arrived[4]; /* accepted and not yet fetched */
static unsigned arrivals;
static unsigned char *pattern; /* PERIOD bytes; what is sent repeats it */
static char folder[32], path[64], ipc[128];

static void set_up(void) {
    tr_mutex_init(&lock);
    tr_cond_init(&changed);
    strcpy(folder, "/tmp/troupe-net-XXXXXX");
    cr_assert(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/socket", folder);
    snprintf(ipc, sizeof ipc, "ipc://%s", path);
    pattern = malloc(PERIOD);
    for (size_t i = 0; i < PERIOD; i++) pattern[i] = (unsigned char)(i * 31 + (i >> 8) * 17);
}

static void tear_down(void) {
    cr_expect_neq(access(path, F_OK), 0, "the socket file is gone");
    cr_expect_eq(rmdir(folder), 0, "nothing is left in the folder");
    free(pattern);
}

TestSuite(nng_net, .init = set_up, .fini = tear_down, .timeout = 50);

/* One end of a stream: sends `todo` bytes of the pattern, and checks what it gets against it. */
typedef struct end {
    tr_stream *stream;
    uint64_t todo, sent, got, enough; /* closes when it got `enough` */
    bool echo;                        /* sends back what it gets, one piece at a time */
    unsigned closed, bad, telling, told;
    unsigned char piece[64];
} end;

static void send_next(end *e) {
    size_t at = (size_t)(e->sent % PERIOD);
    size_t size = 1 + (size_t)(e->sent * 7919 % 300007);
    if (size > PERIOD - at) size = PERIOD - at;
    if (size > e->todo - e->sent) size = (size_t)(e->todo - e->sent);
    e->sent += size;
    if (size > 0) net->send(e->stream, pattern + at, size);
}

static void on_sent(void *ctx) {
    end *e = ctx;
    tr_lock(&lock);
    e->bad += e->telling++ > 0 || e->closed > 0; /* one at a time, and before the end */
    if (!e->echo) send_next(e);
    tr_unlock(&lock);
    tr_lock(&lock); /* so that a next one would have the chance to come too early */
    e->telling--;
    e->told++;
    tr_cond_wake_all(&changed);
    tr_unlock(&lock);
}

static void on_received(void *ctx, const void *bytes, size_t size) {
    end *e = ctx;
    const unsigned char *from = bytes;
    tr_lock(&lock);
    e->bad += e->closed > 0;
    if (e->echo && size <= sizeof e->piece) {
        memcpy(e->piece, bytes, size);
        net->send(e->stream, e->piece, size);
    }
    while (size > 0) {
        size_t at = (size_t)(e->got % PERIOD);
        size_t part = size < PERIOD - at ? size : PERIOD - at;
        if (memcmp(from, pattern + at, part) != 0) e->bad++;
        from += part;
        size -= part;
        e->got += part;
    }
    if (e->got >= e->enough) net->close(e->stream);
    tr_cond_wake_all(&changed);
    tr_unlock(&lock);
}

static void on_closed(void *ctx) {
    end *e = ctx;
    tr_lock(&lock);
    e->closed++;
    tr_cond_wake_all(&changed);
    tr_unlock(&lock);
}

static const tr_stream_events events = {on_received, on_sent, on_closed};

static void on_accepted(void *ctx, tr_stream *stream) {
    (void)ctx;
    tr_lock(&lock);
    cr_assert_lt(arrivals, 4);
    arrived[arrivals++] = stream;
    tr_cond_wake_all(&changed);
    tr_unlock(&lock);
}

/* Waits until `*value` is at least `least`; held lock. */
#define AWAIT(value, least)                                                                      \
    for (uint64_t until_ = tr_after_ms(tr_clock(), WAIT_MS); (value) < (least);)                 \
    cr_assert(tr_cond_wait(&changed, &lock, until_), #value " does not come")

static tr_listener *listen_at(const char *url, char bound[256]) {
    tr_listener *listener;
    troupe_err err = net->listen(&host, url, on_accepted, NULL, bound, 256, &listener);
    cr_assert_eq(err, TROUPE_OK, "%s: %d", url, (int)err);
    return listener;
}

static troupe_err dial(const char *url, tr_stream **out) {
    return net->dial(&host, url, tr_after_ms(tr_clock(), WAIT_MS), out);
}

static tr_stream *fetch_arrived(void) {
    tr_lock(&lock);
    AWAIT(arrivals, 1);
    tr_stream *stream = arrived[--arrivals];
    tr_unlock(&lock);
    return stream;
}

/* Starts an end; both the near and the far one of a pair are then at work. */
static void start(end *e, tr_stream *stream) {
    e->stream = stream;
    if (e->enough == 0) e->enough = UINT64_MAX;
    tr_lock(&lock);
    net->start(stream, &events, e);
    send_next(e);
    tr_unlock(&lock);
}

static void open_pair(const char *url, end *near, end *far) {
    tr_stream *stream;
    cr_assert_eq(dial(url, &stream), TROUPE_OK);
    start(near, stream);
    start(far, fetch_arrived());
}

static void close_end(end *e) {
    tr_lock(&lock);
    net->close(e->stream);
    net->close(e->stream); /* more than once is allowed */
    tr_unlock(&lock);
}

/* Waits for the closed event, sees that nothing follows, and frees. */
static void finish(end *e) {
    tr_lock(&lock);
    AWAIT(e->closed, 1);
    net->send(e->stream, "x", 1); /* too late: nothing happens */
    net->close(e->stream);
    tr_unlock(&lock);
    net->free(e->stream);
    cr_assert_eq(e->closed, 1);
    cr_assert_eq(e->bad, 0);
}

/* Runs a test at an ipc and at a tcp address. */
static void at_both(void (*run)(const char *url)) {
    const char *urls[] = {ipc, "tcp://127.0.0.1:0"};
    for (size_t i = 0; i < 2; i++) {
        char bound[256];
        tr_listener *listener = listen_at(urls[i], bound);
        run(bound);
        net->unlisten(listener);
    }
}

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

Test(nng_net, what_is_sent_comes_and_goes_back) {
    at_both(echo);
}

static void flood(const char *url) {
    end near = {.todo = 64 << 20}, far = {.todo = 64 << 20};
    open_pair(url, &near, &far);
    tr_lock(&lock);
    AWAIT(near.got, near.todo);
    AWAIT(far.got, far.todo);
    tr_unlock(&lock);
    close_end(&far);
    finish(&near);
    finish(&far);
}

Test(nng_net, much_in_odd_sizes_both_ways_at_once) {
    at_both(flood);
}

static unsigned rounds_of(unsigned otherwise) {
    const char *rounds = getenv("TROUPE_TEST_ROUNDS");
    return rounds ? (unsigned)atoi(rounds) : otherwise;
}

static void close_in_full_flow(const char *url) {
    for (unsigned round = 0, rounds = rounds_of(200); round < rounds; round++) {
        end near = {.todo = UINT64_MAX}, far = {.todo = UINT64_MAX};
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

Test(nng_net, either_side_may_close_while_data_flows_both_ways) {
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

Test(nng_net, a_stream_that_was_never_started_can_be_freed) {
    at_both(never_started);
}

Test(nng_net, nobody_to_dial_is_no_connection) {
    tr_stream *stream;
    char bound[256];
    tr_listener *listener = listen_at("tcp://127.0.0.1:0", bound);
    net->unlisten(listener);
    cr_expect_eq(dial(bound, &stream), TROUPE_NOCONNECTION);
    cr_expect_eq(dial(ipc, &stream), TROUPE_NOCONNECTION);
    cr_expect_eq(dial("ipc:///tmp/troupe/no/such/folder", &stream), TROUPE_NOCONNECTION);
    cr_expect_eq(net->dial(&host, bound, tr_clock(), &stream), TROUPE_TIMEOUT);
}

/* A listener that does not answer: its queue is full. */
Test(nng_net, a_dial_ends_at_its_deadline) {
    int deaf = socket(AF_INET, SOCK_STREAM, 0), queued = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof at;
    cr_assert_eq(bind(deaf, (struct sockaddr *)&at, size), 0);
    cr_assert_eq(listen(deaf, 0), 0);
    cr_assert_eq(getsockname(deaf, (struct sockaddr *)&at, &size), 0);
    cr_assert_eq(connect(queued, (struct sockaddr *)&at, size), 0);
    struct pollfd full = {deaf, POLLIN, 0};
    cr_assert_eq(poll(&full, 1, WAIT_MS), 1);
    char url[64];
    snprintf(url, sizeof url, "tcp://127.0.0.1:%d", ntohs(at.sin_port));
    tr_stream *stream;
    uint64_t before = tr_clock();
    cr_expect_eq(net->dial(&host, url, before + 200 * TR_MS, &stream), TROUPE_TIMEOUT);
    uint64_t took = (tr_clock() - before) / TR_MS;
    cr_expect(took >= 200 && took < 2000, "%d ms", (int)took);
    close(deaf);
    close(queued);
}

Test(nng_net, urls_that_are_not_ours_are_invalid) {
    char longest[sizeof((struct sockaddr_un *)0)->sun_path + 8];
    memset(longest, 'x', sizeof longest);
    memcpy(longest, "ipc://", 6);
    longest[6 + sizeof((struct sockaddr_un *)0)->sun_path] = 0;
    const char *urls[] = {"", "ipc://", "tcp://", "tcp://127.0.0.1", "tcp://127.0.0.1:", longest,
                          "tcp://127.0.0.1:65536", "tcp://127.0.0.1:-1", "tcp://127.0.0.1:1x",
                          "tcp://me@127.0.0.1:0", "tcp://a/b:0", "tcp://a?b:0", "tcp://[::1:0",
                          "tls+tcp://127.0.0.1:0", "inproc://a", "ws://127.0.0.1:0", "/tmp/x"};
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        tr_listener *listener;
        tr_stream *stream;
        char bound[256];
        cr_expect_eq(net->listen(&host, urls[i], on_accepted, NULL, bound, 256, &listener),
                     TROUPE_INVALID, "%s", urls[i]);
        cr_expect_eq(dial(urls[i], &stream), TROUPE_INVALID, "%s", urls[i]);
    }
    tr_stream *stream;
    cr_expect_eq(dial("tcp://127.0.0.1:0", &stream), TROUPE_INVALID);
    cr_expect_eq(dial("tcp://*:1", &stream), TROUPE_INVALID);
}

Test(nng_net, an_address_is_told_and_taken_once) {
    const char *urls[] = {ipc, "tcp://127.0.0.1:0"};
    for (size_t i = 0; i < 2; i++) {
        char bound[256], again[256];
        tr_listener *listener = listen_at(urls[i], bound), *second;
        cr_expect_eq(strncmp(bound, urls[i], strlen(urls[i]) - 1), 0);
        cr_expect_neq(strcmp(bound, "tcp://127.0.0.1:0"), 0);
        cr_expect_eq(net->listen(&host, bound, on_accepted, NULL, again, 256, &second),
                     TROUPE_TAKEN);
        cr_expect_eq(net->listen(&host, urls[1], on_accepted, NULL, again, 10, &second),
                     TROUPE_INVALID, "no room for the address");
        end near = {.todo = 1000}, far = {0};
        tr_lock(&lock);
        if (i == 0) { /* the second listener knocked to see whether anybody lives here */
            AWAIT(arrivals, 1);
            net->free(arrived[--arrivals]);
        }
        tr_unlock(&lock);
        open_pair(bound, &near, &far);
        close_end(&far);
        finish(&near);
        finish(&far);
        net->unlisten(listener);
        net->unlisten(listen_at(bound, again));
    }
}

Test(nng_net, a_socket_file_is_for_its_owner_only) {
    char bound[256];
    struct stat found;
    tr_listener *listener = listen_at(ipc, bound);
    cr_expect_str_eq(bound, ipc);
    cr_assert_eq(lstat(path, &found), 0);
    cr_expect(S_ISSOCK(found.st_mode));
    cr_expect_eq(found.st_mode & 0777, 0600);
    net->unlisten(listener);
    cr_expect_neq(lstat(path, &found), 0);
}

Test(nng_net, what_is_not_a_socket_stays_and_a_stale_socket_is_replaced) {
    tr_listener *listener;
    char text[8] = {0}, bound[256];
    int file = open(path, O_WRONLY | O_CREAT, 0644);
    cr_assert_eq(write(file, "mine", 4), 4);
    close(file);
    cr_expect_eq(net->listen(&host, ipc, on_accepted, NULL, bound, 256, &listener), TROUPE_TAKEN);
    file = open(path, O_RDONLY);
    cr_expect_eq(read(file, text, sizeof text), 4);
    cr_expect_str_eq(text, "mine");
    close(file);
    unlink(path);
    cr_assert_eq(symlink("/dev/null", path), 0);
    cr_expect_eq(net->listen(&host, ipc, on_accepted, NULL, bound, 256, &listener), TROUPE_TAKEN);
    unlink(path);

    struct sockaddr_un at = {.sun_family = AF_UNIX};
    snprintf(at.sun_path, sizeof at.sun_path, "%s", path);
    int stale = socket(AF_UNIX, SOCK_STREAM, 0);
    cr_assert_eq(bind(stale, (struct sockaddr *)&at, sizeof at), 0);
    close(stale); /* its file stays, as after a crash */
    cr_assert_eq(access(path, F_OK), 0);
    net->unlisten(listen_at(ipc, bound));
}

static unsigned descriptors(void) {
    unsigned count = 0;
    DIR *all = opendir("/proc/self/fd");
    while (readdir(all)) count++;
    closedir(all);
    return count;
}

Test(nng_net, no_descriptor_is_left) {
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

static uint64_t cpu_ms(void) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return (uint64_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000 +
           (uint64_t)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1000;
}

Test(nng_net, a_listener_outlives_a_lack_of_descriptors) {
    char bound[256];
    tr_listener *listener = listen_at(ipc, bound);
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    snprintf(at.sun_path, sizeof at.sun_path, "%s", path);
    int knocking = socket(AF_UNIX, SOCK_STREAM, 0), taken[64], count = 0;
    struct rlimit few = {descriptors() + 8, descriptors() + 8};
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
    while (count < 64 && (taken[count] = dup(knocking)) >= 0) count++;
    cr_assert_lt(count, 64);
    cr_assert_eq(connect(knocking, (struct sockaddr *)&at, sizeof at), 0);
    uint64_t before = cpu_ms();
    tr_lock(&lock);
    uint64_t until = tr_after_ms(tr_clock(), 400); /* what is not done can't be awaited */
    while (tr_cond_wait(&changed, &lock, until)) {}
    cr_expect_eq(arrivals, 0);
    tr_unlock(&lock);
    cr_expect_lt(cpu_ms() - before, 100, "it does not spin");
    while (count > 0) close(taken[--count]);
    net->free(fetch_arrived());
    close(knocking);
    net->unlisten(listener);
}

/* A heap that refuses after some allocations. */
static int allowance;

static void *take_some(void *ctx, size_t size) {
    (void)ctx;
    return __atomic_fetch_sub(&allowance, 1, __ATOMIC_SEQ_CST) > 0 ? malloc(size) : NULL;
}

static void give_back(void *ctx, void *memory, size_t size) {
    (void)ctx;
    (void)size;
    free(memory);
}

Test(nng_net, want_of_memory_is_told_or_survived) {
    const troupe_heap poor_heap = {take_some, give_back, NULL};
    const tr_host poor = {.heap = &poor_heap};
    tr_listener *listener;
    tr_stream *stream;
    char bound[256];
    cr_expect_eq(net->listen(&poor, ipc, on_accepted, NULL, bound, 256, &listener), TROUPE_NOMEM);
    cr_expect_neq(access(path, F_OK), 0);
    allowance = 1;
    cr_assert_eq(net->listen(&poor, ipc, on_accepted, NULL, bound, 256, &listener), TROUPE_OK);
    end near = {0};
    cr_expect_eq(net->dial(&poor, ipc, TR_NEVER, &stream), TROUPE_NOMEM);
    cr_assert_eq(dial(ipc, &stream), TROUPE_OK);
    start(&near, stream);
    finish(&near); /* the listener could not take it and let it go */
    allowance = 1;
    cr_assert_eq(dial(ipc, &stream), TROUPE_OK);
    net->free(fetch_arrived()); /* the next one it could */
    net->free(stream);
    net->unlisten(listener);
}
