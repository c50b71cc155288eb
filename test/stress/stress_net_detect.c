/* How soon a loss is noticed: children in processes of their own connect to this one, through a
 * proxy, and each has something happen to it at a moment of its own; the time from there until the
 * `down` of a monitor is what is measured. One `down` each, with NOCONNECTION, whatever the time:
 * times are told, not judged, since a machine with other work may be late by any time. On one that
 * is late enough, a child is lost before anything happens to it: no run of those that are told.
 *
 *     troupe_stress_net_detect [RUNS [HEARTBEAT_MS LOST_MS [OVER]]]
 *         4, of 100 and 400 ms, over each of ipc, tcp, tls+tcp
 *
 * With 100, 1000 and 3000 it is the table of docs/distribution.md. */
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <troupe/remote.h>
#include <unistd.h>

#include "test/stress/stress.h"
#include "test/support/fault_proxy.h"

enum { AT_ONCE = 10, RUNS_MOST = 1000 };

enum fault { KILLED, STOPPED, CUT, DEAF, DUMB, SLOW, FAULTS };
static const char *const fault_name[] = {"SIGKILL",
                                         "SIGSTOP",
                                         "connection cut",
                                         "one way: it does not hear",
                                         "one way: it is not heard",
                                         "slow: held up for 0.8 T"};

enum over { IPC, TCP, TLS, OVERS };
static const char *const over_name[] = {"ipc", "tcp", "tls+tcp"};

static unsigned heartbeat_ms = 100, lost_ms = 400;
static char folder[] = "/tmp/troupe-detect-XXXXXX"; /* where all processes run */

struct greet {
    troupe_ref who;
    uint64_t index;
};
static const troupe_type greet_type =
    TROUPE_TYPE(greet, TROUPE_FIELD(greet, who), TROUPE_FIELD(greet, index));

static void quiet(void *ctx, troupe_level level, const char *line) {
    (void)ctx, (void)level, (void)line;
}

/* In the folder. */
static void make_certificates(void) {
    char command[512];
    int used = snprintf(command, sizeof command, "%s/examples/tls/certificates.sh keys watcher",
                        TEST_SOURCE_DIR);
    for (int i = 0; i < AT_ONCE; i++)
        used += snprintf(command + used, sizeof command - (size_t)used, " child%d", i);
    MUST(system(command) == 0); /* it wants openssl */
}

static troupe *open_node(const char *name, enum over over, troupe_node **node) {
    troupe *rt;
    char cert[64], key[64];
    (void)snprintf(cert, sizeof cert, "keys/%s.pem", name);
    (void)snprintf(key, sizeof key, "keys/%s.key", name);
    const troupe_tls tls = {.ca_file = "keys/ca.pem", .cert_file = cert, .key_file = key};
    MUST(!troupe_open(&(troupe_config){.workers = 1, .log = quiet}, &rt));
    MUST(!troupe_register_type(rt, &greet_type));
    const troupe_node_config config = {.name = name,
                                       .secret = "a secret of this test",
                                       .secret_size = 21,
                                       .tls = over == TLS ? &tls : NULL,
                                       .heartbeat_ms = heartbeat_ms,
                                       .lost_ms = lost_ms};
    MUST(!troupe_node_open(rt, &config, node));
    return rt;
}

/* --- A child ---------------------------------------------------------------------------------- */

static troupe_err idle_receive(troupe_self *self, void *state, troupe_msg **msg) {
    (void)self, (void)state, (void)msg;
    return TROUPE_OK;
}
static const troupe_behaviour idle = {.name = "idle", .receive = idle_receive};

static int child(char **argv) {
    troupe_node *node;
    troupe_msg *msg;
    struct greet greet;
    char name[32];
    troupe_ref to;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    greet.index = strtoull(argv[3], NULL, 10);
    heartbeat_ms = (unsigned)atoi(argv[4]);
    lost_ms = (unsigned)atoi(argv[5]);
    (void)snprintf(name, sizeof name, "child%s", argv[3]);
    troupe *rt = open_node(name, strncmp(argv[2], "tls+", 4) == 0 ? TLS : TCP, &node);
    MUST(!troupe_spawn(rt, &idle, NULL, &greet.who));
    troupe_err err;
    do {
        MUST(!troupe_connect(node, argv[2], STRESS_PATIENCE_MS));
        err = troupe_lookup(node, "watcher", "watcher", STRESS_PATIENCE_MS, &to);
    } while (err == TROUPE_NOCONNECTION);
    MUST(!err);
    MUST(!troupe_make(rt, &greet_type, &greet, &msg) && !troupe_post(rt, to, &msg));
    for (;;) pause();
}

static pid_t start_child(const char *at, unsigned index) {
    char path[4096], text[4][264];
    ssize_t size = readlink("/proc/self/exe", path, sizeof path - 1);
    MUST(size > 0);
    path[size] = 0;
    (void)snprintf(text[0], sizeof text[0], "%s", at);
    (void)snprintf(text[1], sizeof text[1], "%u", index);
    (void)snprintf(text[2], sizeof text[2], "%u", heartbeat_ms);
    (void)snprintf(text[3], sizeof text[3], "%u", lost_ms);
    char *const argv[] = {path, (char[]){"child"}, text[0], text[1], text[2], text[3], NULL};
    pid_t pid;
    MUST(!posix_spawn(&pid, path, NULL, NULL, argv, environ));
    return pid;
}

/* --- The watcher ------------------------------------------------------------------------------ */

static struct watched {
    tr_atomic64 monitor, down; /* its number, 0: none yet; when it was told, 0: not yet */
} watched[AT_ONCE];

static troupe_err watch(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    uint64_t now = tr_clock(), number;
    const struct greet *greet = troupe_as(*msg, &greet_type);
    const struct troupe_down *down = troupe_as(*msg, &troupe_down_type);
    if (greet) {
        MUST(!troupe_monitor(self, greet->who, &number));
        tr_store64_seq(&watched[greet->index].monitor, number);
    }
    if (!down) return TROUPE_OK;
    unsigned i = 0;
    while (i < AT_ONCE && tr_load64_seq(&watched[i].monitor) != down->monitor) i++;
    MUST(i < AT_ONCE && !tr_load64_seq(&watched[i].down)); /* one each */
    MUST(down->why == TROUPE_NOCONNECTION);
    tr_store64_seq(&watched[i].down, now);
    return TROUPE_OK;
}
static const troupe_behaviour watcher = {.name = "watcher", .receive = watch};

/* --- A batch ---------------------------------------------------------------------------------- */

static void await(tr_atomic64 *what) {
    for (uint64_t until = stress_deadline(); !tr_load64_seq(what);) {
        MUST(tr_clock() < until);
        sched_yield();
    }
}

static void rest_until(uint64_t when) {
    uint64_t now = tr_clock();
    if (when <= now) return;
    const struct timespec time = {.tv_sec = (time_t)((when - now) / (1000 * TR_MS)),
                                  .tv_nsec = (long)((when - now) % (1000 * TR_MS))};
    (void)nanosleep(&time, NULL);
}

static void harm(fault_proxy *proxy, pid_t pid, uint64_t serial, enum fault kind) {
    fault_plan stalled = fault_none;
    stalled.stalled = true;
    if (kind == KILLED) MUST(!kill(pid, SIGKILL));
    if (kind == STOPPED) MUST(!kill(pid, SIGSTOP));
    if (kind == CUT) fault_cut(proxy, serial);
    if (kind == DEAF || kind == SLOW) fault_change(proxy, serial, FROM_LISTENER, stalled);
    if (kind == DUMB || kind == SLOW) fault_change(proxy, serial, FROM_DIALER, stalled);
}

/* All pass on what they held. */
static void relieve(fault_proxy *proxy, const uint64_t *serial, unsigned count) {
    for (unsigned i = 0; i < count; i++)
        for (int way = 0; way < 2; way++) fault_change(proxy, serial[i], way, fault_none);
}

/* Has that happen to so many children; adds the times to `ms`, and returns how many were lost. */
static unsigned batch(enum over over, enum fault kind, unsigned count, uint64_t *seed, double *ms) {
    static fault_proxy proxy;
    static const char *const any[] = {NULL, "tcp://127.0.0.1:0", "tls+tcp://127.0.0.1:0"};
    char url[256], at[264];
    pid_t pid[AT_ONCE];
    uint64_t then[AT_ONCE] = {0}, serial[AT_ONCE] = {0};
    troupe_node *node;
    troupe_ref who;
    memset(watched, 0, sizeof watched);
    troupe *rt = open_node("watcher", over, &node);
    MUST(!troupe_spawn(rt, &watcher, NULL, &who) && !troupe_register(rt, who, "watcher"));
    (void)snprintf(at, sizeof at, "ipc://%s/node", folder);
    MUST(!troupe_listen(node, over == IPC ? at : any[over], url, sizeof url));
    (void)snprintf(at, sizeof at, "ipc://%s/proxy", folder);
    fault_open(&proxy, over == IPC ? at : any[TCP], url);
    (void)snprintf(at, sizeof at, "%s%s", over == TLS ? "tls+" : "", proxy.url);
    for (unsigned i = 0; i < count; i++) { /* one by one: they are known by their serials */
        pid[i] = start_child(at, i);
        await(&watched[i].monitor);
        serial[i] = fault_count(&proxy);
    }
    uint64_t start = tr_clock() + heartbeat_ms * TR_MS; /* so that some heartbeats were heard */
    for (unsigned i = 0; i < count; i++) {
        rest_until(start + stress_random(seed) % heartbeat_ms * TR_MS / count);
        start = then[i] = tr_clock();
        harm(&proxy, pid[i], serial[i], kind);
    }
    /* T is four fifths of `lost_ms`. */
    if (kind == SLOW) rest_until(then[0] + (uint64_t)lost_ms * TR_MS * 64 / 100);
    if (kind == SLOW) relieve(&proxy, serial, count);
    if (kind == SLOW) rest_until(tr_clock() + (uint64_t)lost_ms * TR_MS);
    for (unsigned i = 0; i < count && kind != SLOW; i++) await(&watched[i].down);
    unsigned lost = 0;
    for (unsigned i = 0; i < count; i++) {
        uint64_t down = tr_load64_seq(&watched[i].down);
        if (down > then[i]) ms[lost++] = (double)(down - then[i]) / TR_MS;
        (void)kill(pid[i], SIGKILL);
        MUST(waitpid(pid[i], NULL, 0) == pid[i]);
        await(&watched[i].down);
    }
    troupe_close(&rt);
    fault_close(&proxy);
    return lost;
}

/* --- The table -------------------------------------------------------------------------------- */

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void row(enum over over, enum fault kind, unsigned runs, uint64_t *seed) {
    static double ms[RUNS_MOST];
    unsigned lost = 0;
    for (unsigned done = 0, count; done < runs; done += count) {
        count = runs - done < AT_ONCE ? runs - done : AT_ONCE;
        lost += batch(over, kind, count, seed, ms + lost);
    }
    qsort(ms, lost, sizeof *ms, by_size);
    printf("| %s | %s | %u |", fault_name[kind], over_name[over], kind == SLOW ? runs : lost);
    if (kind == SLOW || !lost)
        printf(" | | | %u lost |\n", lost);
    else
        printf(" %.1f | %.1f | %.1f | %.1f |\n", ms[0], ms[(lost - 1) / 2],
               ms[(lost * 99 + 99) / 100 - 1], ms[lost - 1]);
    fflush(stdout);
}

int main(int argc, char **argv) {
    if (argc == 6 && strcmp(argv[1], "child") == 0) return child(argv);
    unsigned runs = argc > 1 ? (unsigned)atoi(argv[1]) : (unsigned)stress_count(4, 2);
    if (argc > 3) heartbeat_ms = (unsigned)atoi(argv[2]), lost_ms = (unsigned)atoi(argv[3]);
    MUST(runs > 0 && runs <= RUNS_MOST && heartbeat_ms > 0);
    uint64_t seed = tr_clock();
    MUST(mkdtemp(folder) && !chdir(folder));
    make_certificates();
    printf("heartbeats of %u ms, lost after %u ms; ms until the `down`\n\n", heartbeat_ms, lost_ms);
    printf("| fault | over | runs | least | p50 | p99 | most |\n|---|---|---|---|---|---|---|\n");
    for (int kind = 0; kind < FAULTS; kind++)
        for (int over = 0; over < OVERS; over++)
            if (argc < 5 || strcmp(argv[4], over_name[over]) == 0)
                row((enum over)over, (enum fault)kind, runs, &seed);
    MUST(system("rm -r keys") == 0 && !rmdir(folder)); /* no socket's file is left */
    return 0;
}
