#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "test/transport/nng_ends.h"

TestSuite(nng_net, .init = set_up, .fini = tear_down, .timeout = 50);

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
