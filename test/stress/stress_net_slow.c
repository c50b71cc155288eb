/* A receiver that handles one message a second, and a sender on another node, a process, that sends
 * as much as it may: what is accepted is bounded by mailbox and credit, neither process grows, and
 * what others say over the same connection takes as long as what is said to a third node, in turn
 * with it, so that both have the same share of a busy machine. Times are printed, not judged.
 *
 *     troupe_stress_net_slow [SECONDS]     5; half as long before, without the sender */
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <troupe/remote.h>
#include <unistd.h>

#include "test/stress/stress.h"
#include "test/stress/twins.h"

enum { BOUND = 16, SAMPLES_MOST = 1 << 17, GROWTH_KIB = 2048 };

struct beat {
    uint64_t n;
};
static const troupe_type beat_type = TROUPE_TYPE(beat, TROUPE_FIELD(beat, n));
static const troupe_type start_type = TROUPE_SIGNAL_TYPE("start");
static const troupe_type stop_type = TROUPE_SIGNAL_TYPE("stop");
static const troupe_type again_type = TROUPE_SIGNAL_TYPE("again");

static void quiet(void *ctx, troupe_level level, const char *line) {
    (void)ctx, (void)level, (void)line;
}

static troupe *open_node(const char *name, troupe_node **node) {
    troupe *rt;
    MUST(!troupe_open(&(troupe_config){.workers = 2, .log = quiet}, &rt));
    MUST(!troupe_register_type(rt, &beat_type));
    const troupe_node_config config = {
        .name = name, .secret = "a secret of this test", .secret_size = 21};
    MUST(!troupe_node_open(rt, &config, node));
    return rt;
}

/* --- The receiving process -------------------------------------------------------------------- */

static tr_atomic64 handled;

static troupe_err slow_receive(troupe_self *self, void *state, troupe_msg **msg) {
    const struct beat *beat = troupe_as(*msg, &beat_type);
    (void)self, (void)state;
    MUST(beat && beat->n == tr_load64_relaxed(&handled));
    usleep(1000000);
    tr_store64_relaxed(&handled, beat->n + 1);
    return TROUPE_OK;
}

static const troupe_behaviour slow = {
    .name = "slow", .mailbox_limit = BOUND, .blocking = true, .receive = slow_receive};

static troupe_err echo_receive(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    return troupe_reply(self, msg);
}

static const troupe_behaviour echo = {.name = "echo", .receive = echo_receive};

static troupe_err tell_receive(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state, (void)msg;
    return troupe_answer(self, &beat_type, &(struct beat){tr_load64_relaxed(&handled)});
}

static const troupe_behaviour teller = {.name = "teller", .receive = tell_receive};

static void offer(troupe *rt, const troupe_behaviour *what) {
    troupe_ref who;
    MUST(!troupe_spawn(rt, what, NULL, &who) && !troupe_register(rt, who, what->name));
}

static int child(const char *name, const char *url) {
    troupe_node *node;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    troupe *rt = open_node(name, &node);
    offer(rt, &slow);
    offer(rt, &echo);
    offer(rt, &teller);
    MUST(!troupe_connect(node, url, STRESS_PATIENCE_MS));
    for (;;) pause();
}

/* --- The sender ------------------------------------------------------------------------------- */

static tr_atomic64 accepted, refused;
static troupe_ref slow_one, teller_one, echo_one[2]; /* of the receiver, of a third node */

struct sender {
    bool on;
};

/* All that goes, and again in a millisecond, as if FULL said nothing. */
static troupe_err sender_receive(troupe_self *self, void *state, troupe_msg **msg) {
    struct sender *sender = state;
    if (troupe_as(*msg, &start_type)) sender->on = true;
    if (troupe_as(*msg, &stop_type)) sender->on = false;
    if (!sender->on) return TROUPE_OK;
    for (int i = 0; i < 1000; i++) {
        const struct beat beat = {tr_load64_relaxed(&accepted)};
        troupe_err err = troupe_tell(self, slow_one, &beat_type, &beat);
        MUST(!err || err == TROUPE_FULL);
        tr_atomic64 *number = err ? &refused : &accepted;
        tr_store64_relaxed(number, tr_load64_relaxed(number) + 1);
    }
    troupe_msg *next;
    troupe_err err = troupe_make(troupe_runtime(self), &again_type, NULL, &next);
    return err ? err : troupe_send_after(self, 1, troupe_me(self), &next, NULL);
}

static const troupe_behaviour sender = {
    .name = "sender", .state_size = sizeof(struct sender), .receive = sender_receive};

/* Asks another actor over there; what it says. */
static uint64_t ask(troupe *rt, troupe_ref who) {
    troupe_msg *msg;
    MUST(!troupe_make(rt, &beat_type, &(struct beat){7}, &msg));
    MUST(!troupe_ask(rt, who, &msg, STRESS_PATIENCE_MS));
    const struct beat *beat = troupe_as(msg, &beat_type);
    MUST(beat);
    uint64_t n = beat->n;
    troupe_drop(&msg);
    return n;
}

/* --- Figures ---------------------------------------------------------------------------------- */

static uint64_t sample[2][2][SAMPLES_MOST]; /* by phase, and by who was asked */
static size_t samples[2][2];

static unsigned long resident_kib(pid_t pid) {
    char path[64], line[256];
    unsigned long kib = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "VmRSS: %lu", &kib) == 1) break;
    if (file) fclose(file);
    return kib;
}

static int by_value(const void *one, const void *other) {
    uint64_t a = *(const uint64_t *)one, b = *(const uint64_t *)other;
    return a < b ? -1 : a > b;
}

static void ask_both(troupe *rt, size_t phase) {
    for (size_t who = 0; who < 2; who++) {
        uint64_t then = tr_clock();
        MUST(ask(rt, echo_one[who]) == 7);
        size_t *n = &samples[phase][who];
        if (*n < SAMPLES_MOST) sample[phase][who][(*n)++] = tr_clock() - then;
    }
}

static void say_times(size_t phase) {
    double us[2][2];
    for (size_t who = 0; who < 2; who++) {
        uint64_t *all = sample[phase][who];
        size_t n = samples[phase][who];
        qsort(all, n, sizeof *all, by_value);
        us[who][0] = (double)all[n / 2] / 1e3;
        us[who][1] = (double)all[n * 99 / 100] / 1e3;
    }
    printf("%s the sender: a neighbour's round trip p50 %.0f us, p99 %.0f us; a third node's p50 "
           "%.0f us, p99 %.0f us\n",
           phase ? "with" : "without", us[0][0], us[0][1], us[1][0], us[1][1]);
}

/* What was accepted is in a mailbox or was handled. */
static void check_bound(troupe *rt) {
    uint64_t in = tr_load64_relaxed(&accepted), done = ask(rt, teller_one);
    MUST(in <= done + 2 * BOUND + 2); /* its mailbox, one window, one in hand, one meanwhile */
}

/* Talks with a neighbour for so long; the phase is 1 while the sender sends. */
static void talk(troupe *rt, double seconds, size_t phase, pid_t pid) {
    uint64_t began = tr_clock(), length = (uint64_t)(seconds * 1e9), told = 0;
    static unsigned long first[2];
    while (tr_clock() - began < length) {
        ask_both(rt, phase);
        usleep(500);
        uint64_t tens = (tr_clock() - began) / (length < 10000000000u ? length / 2 : 10000000000u);
        if (!phase || tens == told) continue;
        told = tens;
        unsigned long now[2] = {resident_kib(getpid()), resident_kib(pid)};
        printf("after %3.0f s: sender %lu KiB, receiver %lu KiB, %llu accepted, %llu refused\n",
               (double)(tr_clock() - began) / 1e9, now[0], now[1],
               (unsigned long long)tr_load64_relaxed(&accepted),
               (unsigned long long)tr_load64_relaxed(&refused));
        check_bound(rt);
        for (int i = 0; i < 2; i++) {
            if (!first[i]) first[i] = now[i];
            MUST(__tsan_init || __asan_init || now[i] <= first[i] + GROWTH_KIB);
        }
    }
}

static troupe_ref find(troupe_node *node, const char *peer, const char *name) {
    troupe_ref who;
    uint64_t until = stress_deadline();
    while (troupe_lookup(node, peer, name, STRESS_PATIENCE_MS, &who)) {
        MUST(tr_clock() < until);
        usleep(1000);
    }
    return who;
}

static void tell(troupe *rt, troupe_ref who, const troupe_type *type) {
    troupe_msg *msg;
    MUST(!troupe_make(rt, type, NULL, &msg) && !troupe_post(rt, who, &msg));
}

int main(int argc, char **argv) {
    if (argc == 4 && strcmp(argv[1], "child") == 0) return child(argv[2], argv[3]);
    double seconds = argc > 1 ? strtod(argv[1], NULL) : (double)stress_count(5, 2);
    char folder[] = "/tmp/troupe-slow-XXXXXX", url[128];
    memset(sample, 1, sizeof sample); /* so that no figure of ours looks like growth */
    MUST(mkdtemp(folder));
    (void)snprintf(url, sizeof url, "ipc://%s/node", folder);
    troupe_node *node;
    troupe_ref me;
    troupe *rt = open_node("sender", &node);
    MUST(!troupe_listen(node, url, NULL, 0));
    static char receiver[] = "receiver", third[] = "third";
    pid_t pid = twin_start(-1, receiver, url), other = twin_start(-1, third, url);
    slow_one = find(node, receiver, "slow");
    teller_one = find(node, receiver, "teller");
    echo_one[0] = find(node, receiver, "echo");
    echo_one[1] = find(node, third, "echo");
    MUST(!troupe_spawn(rt, &sender, NULL, &me));
    talk(rt, seconds / 2, 0, pid);
    tell(rt, me, &start_type);
    talk(rt, seconds, 1, pid);
    tell(rt, me, &stop_type);
    say_times(0);
    say_times(1);
    MUST(tr_load64_relaxed(&accepted) > 0 && tr_load64_relaxed(&refused) > 0);
    MUST(!kill(pid, SIGKILL) && waitpid(pid, NULL, 0) == pid);
    MUST(!kill(other, SIGKILL) && waitpid(other, NULL, 0) == other);
    troupe_close(&rt);
    MUST(!rmdir(folder));
    return 0;
}
