/* Nodes in a full mesh, each a process: all send to all others, drawn at random, and some are
 * killed by SIGKILL meanwhile. Every monitor of one that was killed fires once, with NOCONNECTION,
 * and no other fires. What those that live have sent to each other is handled, each message once
 * and in order; what they have sent to the dead was handled there, or came back as a letter, or was
 * acknowledged and in the mailbox of the dead.
 *
 *     troupe_stress_net_mesh [NODES MESSAGES KILLS]     8 20000 2 */
#include <dirent.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <troupe/observe.h>
#include <troupe/remote.h>
#include <unistd.h>

#include "test/stress/stress.h"
#include "test/stress/twins.h"

enum { NODES_MOST = 64, BOUND = 64, BURST = 32, LOST_MS = 3000 };

/* nng frees what belongs to a dial, here one to a node that is dead, on a thread of its own, and
 * counts by atomics, which ThreadSanitizer does not see in a library that is not made for it: it
 * misses what orders the last unlocking before the end of that lock. */
const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void) {
    return "race:pthread_mutex_destroy\n";
}

/* Shared by all processes; each number has one writer. */
typedef struct ledger {
    tr_atomic64 phase; /* the parent's: 0 connect, 1 send, 2 end */
    tr_atomic64 up[NODES_MOST], done[NODES_MOST];
    tr_atomic64 killed_at[NODES_MOST];                                     /* the parent's */
    tr_atomic64 sent[NODES_MOST][NODES_MOST], got[NODES_MOST][NODES_MOST]; /* from, to */
    tr_atomic64 letters[NODES_MOST][NODES_MOST];
    tr_atomic64 downs[NODES_MOST][NODES_MOST], down_at[NODES_MOST][NODES_MOST]; /* who, of whom */
    uint64_t nodes, quota;
    char folder[64];
} ledger;

static ledger *book;
static size_t me;
static troupe_ref peer[NODES_MOST];
static uint64_t watched[NODES_MOST];

struct beat {
    uint64_t from, n;
};
static const troupe_type beat_type =
    TROUPE_TYPE(beat, TROUPE_FIELD(beat, from), TROUPE_FIELD(beat, n));
static const troupe_type watch_type = TROUPE_SIGNAL_TYPE("watch");
static const troupe_type again_type = TROUPE_SIGNAL_TYPE("again");

static void count(tr_atomic64 *number) {
    tr_store64_relaxed(number, tr_load64_relaxed(number) + 1);
}

/* --- A node ----------------------------------------------------------------------------------- */

struct talker {
    uint64_t seed, sent, next[NODES_MOST]; /* at least what must come */
    bool lost[NODES_MOST];
};

static troupe_err watch_all(troupe_self *self) {
    troupe_err err = TROUPE_OK;
    for (size_t i = 0; !err && i < book->nodes; i++)
        if (i != me) err = troupe_monitor(self, peer[i], &watched[i]);
    tr_store64_seq(&book->up[me], 2);
    return err;
}

/* Sends some, to whoever has room, and goes on after the mail that has come, or a little later. */
static troupe_err talk(troupe_self *self, struct talker *talker) {
    unsigned went = 0;
    for (unsigned i = 0; i < BURST && talker->sent < book->quota; i++) {
        size_t to = stress_random(&talker->seed) % book->nodes;
        if (to == me || talker->lost[to]) continue;
        const struct beat beat = {me, tr_load64_relaxed(&book->sent[me][to])};
        troupe_err err = troupe_tell(self, peer[to], &beat_type, &beat);
        MUST(!err || err == TROUPE_FULL || err == TROUPE_NOCONNECTION);
        if (err) continue;
        count(&book->sent[me][to]);
        talker->sent++;
        went++;
    }
    if (talker->sent >= book->quota) {
        tr_store64_seq(&book->done[me], 1);
        return TROUPE_OK;
    }
    troupe_msg *msg;
    troupe_err err = troupe_make(troupe_runtime(self), &again_type, NULL, &msg);
    if (!err)
        err = went ? troupe_send_after(self, 0, troupe_me(self), &msg, NULL)
                   : troupe_send_after(self, 1, troupe_me(self), &msg, NULL);
    return err;
}

static troupe_err hear_beat(struct talker *talker, const struct beat *beat) {
    MUST(beat->from < book->nodes && beat->from != me && !talker->lost[beat->from]);
    MUST(beat->n == talker->next[beat->from]); /* in order, each once, none left out */
    talker->next[beat->from]++;
    count(&book->got[beat->from][me]);
    return TROUPE_OK;
}

static troupe_err hear_down(struct talker *talker, const struct troupe_down *down) {
    size_t who = 0;
    while (who < book->nodes && (who == me || watched[who] != down->monitor)) who++;
    MUST(who < book->nodes && !talker->lost[who]);
    MUST(down->why == TROUPE_NOCONNECTION || tr_load64_relaxed(&book->phase) == 2);
    talker->lost[who] = true;
    tr_store64_relaxed(&book->down_at[me][who], tr_clock());
    count(&book->downs[me][who]);
    return TROUPE_OK;
}

static troupe_err receive(troupe_self *self, void *state, troupe_msg **msg) {
    struct talker *talker = state;
    const struct beat *beat = troupe_as(*msg, &beat_type);
    const struct troupe_down *down = troupe_as(*msg, &troupe_down_type);
    if (beat) return hear_beat(talker, beat);
    if (down) return hear_down(talker, down);
    if (troupe_as(*msg, &watch_type)) return watch_all(self);
    if (!talker->seed) talker->seed = tr_clock() ^ me << 48;
    return talk(self, talker);
}

static const troupe_behaviour talker = {.name = "talker",
                                        .state_size = sizeof(struct talker),
                                        .mailbox_limit = BOUND,
                                        .receive = receive};

static void see(void *ctx, const troupe_dead_letter *letter, troupe_msg **msg) {
    (void)ctx;
    const struct beat *beat = troupe_as(*msg, &beat_type);
    if (letter->reason != TROUPE_DEAD_NODE_LOST || !beat || beat->from != me) return;
    size_t to = 0;
    while (to < book->nodes && !troupe_same(peer[to], letter->target)) to++;
    MUST(to < book->nodes);
    (void)tr_add64_relaxed(&book->letters[me][to], 1);
}

static void quiet(void *ctx, troupe_level level, const char *line) {
    (void)ctx, (void)level, (void)line;
}

static void tell(troupe *rt, const troupe_type *type) {
    troupe_msg *msg;
    MUST(!troupe_make(rt, type, NULL, &msg) && !troupe_post(rt, peer[me], &msg));
}

static void await_phase(uint64_t phase) {
    const uint64_t until = tr_after_ms(tr_clock(), 20 * STRESS_PATIENCE_MS);
    while (tr_load64_seq(&book->phase) < phase) {
        MUST(tr_clock() < until);
        usleep(1000);
    }
}

static void address(size_t node, char *url, size_t room) {
    (void)snprintf(url, room, "ipc://%s/%zu", book->folder, node);
}

/* Connects to those before it, is connected to by the others, and finds all. */
static void meet_all(troupe_node *node) {
    char url[128], name[32];
    uint64_t until = stress_deadline();
    for (size_t i = 0; i < me; i++) {
        address(i, url, sizeof url);
        MUST(!troupe_keep_connected(node, url));
    }
    while (troupe_peers(node, NULL, 0) < book->nodes - 1) {
        MUST(tr_clock() < until);
        usleep(1000);
    }
    for (size_t i = 0; i < book->nodes; i++) {
        (void)snprintf(name, sizeof name, "node %zu", i);
        if (i != me) MUST(!troupe_lookup(node, name, "talker", STRESS_PATIENCE_MS, &peer[i]));
    }
}

static void *map(int fd) {
    void *at = mmap(NULL, sizeof *book, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    MUST(at != MAP_FAILED);
    return at;
}

static int child(size_t number) {
    char url[128], name[32];
    troupe *rt;
    troupe_node *node;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    me = number;
    book = map(STDIN_FILENO);
    (void)snprintf(name, sizeof name, "node %zu", me);
    MUST(!troupe_open(&(troupe_config){.workers = 1, .log = quiet, .dead_letter = see}, &rt));
    MUST(!troupe_register_type(rt, &beat_type));
    MUST(!troupe_spawn(rt, &talker, NULL, &peer[me]) && !troupe_register(rt, peer[me], "talker"));
    const troupe_node_config config = {
        .name = name, .secret = "a secret of this test", .secret_size = 21, .lost_ms = LOST_MS};
    MUST(!troupe_node_open(rt, &config, &node));
    address(me, url, sizeof url);
    MUST(!troupe_listen(node, url, NULL, 0));
    tr_store64_seq(&book->up[me], 1);
    meet_all(node);
    tell(rt, &watch_type);
    await_phase(1);
    tell(rt, &again_type);
    await_phase(2);
    troupe_close(&rt); /* a debug build stops if its account does not balance */
    return 0;
}

/* --- The parent ------------------------------------------------------------------------------- */

static pid_t pids[NODES_MOST];
static bool dead[NODES_MOST];

/* Fails if one has ended that was not killed. */
static void all_live(void) {
    int status;
    pid_t pid = waitpid(-1, &status, WNOHANG);
    MUST(pid <= 0 || WIFSIGNALED(status));
    if (pid > 0) MUST(WTERMSIG(status) == SIGKILL);
}

static void await_all(tr_atomic64 *number, uint64_t least) {
    uint64_t until = tr_after_ms(tr_clock(), 10 * STRESS_PATIENCE_MS);
    for (size_t i = 0; i < book->nodes; i++) {
        while (!dead[i] && tr_load64_seq(&number[i]) < least) {
            MUST(tr_clock() < until);
            all_live();
            usleep(500);
        }
    }
}

static uint64_t all_sent(void) {
    uint64_t n = 0;
    for (size_t i = 0; i < book->nodes; i++)
        for (size_t k = 0; k < book->nodes; k++) n += tr_load64_relaxed(&book->sent[i][k]);
    return n;
}

/* Kills so many at random moments of the first three quarters. */
static void kill_some(uint64_t kills, uint64_t messages) {
    uint64_t seed = tr_clock(), until = tr_after_ms(tr_clock(), 10 * STRESS_PATIENCE_MS);
    for (uint64_t i = 0; i < kills; i++) {
        uint64_t when =
            messages * 3 / 4 * i / kills + stress_random(&seed) % (messages / 4 / kills);
        size_t who;
        while (all_sent() < when) {
            MUST(tr_clock() < until);
            all_live();
            usleep(200);
        }
        while (dead[who = stress_random(&seed) % book->nodes]) {
        }
        dead[who] = true;
        tr_store64_relaxed(&book->killed_at[who], tr_clock());
        MUST(!kill(pids[who], SIGKILL));
        MUST(waitpid(pids[who], NULL, 0) == pids[who]);
    }
}

/* Whether all that the living have sent to each other was handled, and all deaths were told. */
static bool settled(void) {
    for (size_t i = 0; i < book->nodes; i++) {
        for (size_t k = 0; k < book->nodes && !dead[i]; k++) {
            if (i == k) continue;
            if (dead[k] && !tr_load64_relaxed(&book->downs[i][k])) return false;
            if (dead[k]) continue;
            if (tr_load64_relaxed(&book->sent[i][k]) != tr_load64_relaxed(&book->got[i][k]))
                return false;
        }
    }
    return true;
}

static void judge_pair(size_t from, size_t to) {
    uint64_t sent = tr_load64_relaxed(&book->sent[from][to]),
             got = tr_load64_relaxed(&book->got[from][to]),
             letters = tr_load64_relaxed(&book->letters[from][to]);
    MUST(tr_load64_relaxed(&book->downs[from][to]) == dead[to]);
    if (!dead[to]) {
        MUST(sent == got && !letters);
        return;
    }
    MUST(letters <= BOUND); /* the credit */
    MUST(got <= sent && sent <= got + letters + BOUND + 1);
}

static int by_value(const void *one, const void *other) {
    uint64_t a = *(const uint64_t *)one, b = *(const uint64_t *)other;
    return a < b ? -1 : a > b;
}

/* How long it took until monitors fired. */
static void say_detection(void) {
    static uint64_t took[NODES_MOST * NODES_MOST];
    size_t n = 0;
    for (size_t i = 0; i < book->nodes; i++)
        for (size_t k = 0; k < book->nodes; k++)
            if (!dead[i] && dead[k])
                took[n++] = tr_load64_relaxed(&book->down_at[i][k]) -
                            tr_load64_relaxed(&book->killed_at[k]);
    qsort(took, n, sizeof *took, by_value);
    if (!n) return;
    MUST(took[n - 1] < 3 * LOST_MS * TR_MS); /* a busy machine may be late */
    printf("deaths told: %zu, p50 %.1f ms, p99 %.1f ms, at most %.1f ms\n", n,
           (double)took[n / 2] / 1e6, (double)took[n * 99 / 100] / 1e6, (double)took[n - 1] / 1e6);
}

static size_t entries(pid_t pid, const char *what) {
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, what);
    DIR *dir = opendir(path);
    size_t n = 0;
    while (dir && readdir(dir)) n++;
    if (dir) closedir(dir);
    return n > 2 ? n - 2 : 0;
}

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

/* What the nodes take, once all are connected. */
static void say_connected(uint64_t began) {
    pid_t last = pids[book->nodes - 1];
    printf("%d nodes, %d connections in %.2f s; the last one has %zu threads, %zu descriptors, "
           "%lu KiB\n",
           (int)book->nodes, (int)(book->nodes * (book->nodes - 1) / 2),
           (double)(tr_clock() - began) / 1e9, entries(last, "task"), entries(last, "fd"),
           resident_kib(last));
}

static void judge(double seconds) {
    uint64_t letters = 0, sent = all_sent();
    unsigned long most = 0;
    for (size_t i = 0; i < book->nodes; i++) {
        for (size_t k = 0; k < book->nodes && !dead[i]; k++) {
            if (i == k) continue;
            judge_pair(i, k);
            letters += tr_load64_relaxed(&book->letters[i][k]);
        }
        if (!dead[i] && resident_kib(pids[i]) > most) most = resident_kib(pids[i]);
    }
    printf("%llu messages sent in %.2f s, %.0f a second; %llu came back; the largest node has "
           "%lu KiB\n",
           (unsigned long long)sent, seconds, (double)sent / seconds, (unsigned long long)letters,
           most);
    say_detection();
}

static void end_all(void) {
    tr_store64_seq(&book->phase, 2);
    for (size_t i = 0; i < book->nodes; i++) {
        int status = 0;
        char url[128];
        if (!dead[i]) MUST(waitpid(pids[i], &status, 0) == pids[i] && status == 0);
        address(i, url, sizeof url);
        if (dead[i]) (void)unlink(url + strlen("ipc://")); /* SIGKILL leaves it */
    }
    MUST(!rmdir(book->folder));
}

int main(int argc, char **argv) {
    if (argc == 3 && strcmp(argv[1], "child") == 0) return child(strtoull(argv[2], NULL, 10));
    int fd = memfd_create("ledger", MFD_CLOEXEC);
    MUST(fd >= 0 && !ftruncate(fd, sizeof *book));
    book = map(fd);
    book->nodes = argc == 4 ? strtoull(argv[1], NULL, 10) : stress_count(8, 5);
    uint64_t messages = argc == 4 ? strtoull(argv[2], NULL, 10) : stress_count(20000, 4000);
    uint64_t kills = argc == 4 ? strtoull(argv[3], NULL, 10) : 2;
    MUST(book->nodes > kills + 1 && book->nodes <= NODES_MOST && messages >= 8 * kills);
    book->quota = messages / book->nodes;
    (void)snprintf(book->folder, sizeof book->folder, "/tmp/troupe-mesh-XXXXXX");
    MUST(mkdtemp(book->folder));

    uint64_t began = tr_clock(), until = tr_after_ms(began, 20 * STRESS_PATIENCE_MS);
    for (size_t i = 0; i < book->nodes; i++) {
        char number[32];
        (void)snprintf(number, sizeof number, "%zu", i);
        pids[i] = twin_start(fd, number, NULL);
    }
    await_all(book->up, 2);
    say_connected(began);
    uint64_t then = tr_clock();
    tr_store64_seq(&book->phase, 1);
    kill_some(kills, messages);
    await_all(book->done, 1);
    double seconds = (double)(tr_clock() - then) / 1e9;
    while (!settled()) {
        MUST(tr_clock() < until);
        all_live();
        usleep(1000);
    }
    judge(seconds);
    end_all();
    return 0;
}
