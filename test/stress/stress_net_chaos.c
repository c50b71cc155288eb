/* Two nodes, each in a process, send to each other and watch each other as fast as they can, over a
 * proxy, while everything goes wrong that can: connections are cut, held up in one direction for
 * longer than anybody has patience, and damaged; the child is stopped for as long, and goes on;
 * in the end it is killed, or all comes to rest. What both did is in memory that they share.
 *
 * Conservation: at rest, each message that was sent was handled, or is a dead letter of its sender
 * (it may be both: its acknowledgement was lost). Of a child that was killed, what it had in its
 * mailbox is lost with it. Order: numbers come upwards, none twice. Exactly one `down` a monitor.
 *
 *     troupe_stress_net_chaos [ROUNDS [SEED]]     6, or 2 under a sanitizer */
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
#include "test/support/fault_proxy.h"

enum { BOUND = 64, MANY = 1 << 20, BURST = 16, FAULTS = 8, HEARTBEAT_MS = 100, LOST_MS = 500 };

enum fault { CUT, STOP, HOLD, DAMAGE, DELAY, FAULT_KINDS };
static const char *const fault_name[] = {"cut", "stop", "hold", "damage", "delay"};

/* Of one round, shared by both processes. A bit for each message. */
typedef struct ledger {
    tr_atomic64 quiet; /* nobody sends any more */
    tr_atomic64 sent[2], got[2], watched[2], downs[2];
    tr_atomic64 handled[2][MANY / 64]; /* by who has sent it */
    tr_atomic64 lost[2][MANY / 64];
} ledger;

static ledger *book;
static char url[256];
static unsigned me; /* 0: the parent; 1: the child */

struct beat {
    uint64_t n;
};
static const troupe_type beat_type = TROUPE_TYPE(beat, TROUPE_FIELD(beat, n));
struct greet {
    troupe_ref who;
};
static const troupe_type greet_type = TROUPE_TYPE(greet, TROUPE_FIELD(greet, who));
static const troupe_type again_type = TROUPE_SIGNAL_TYPE("again");

/* --- The actor of each side ------------------------------------------------------------------- */

struct talker {
    troupe_ref to;
    uint64_t next;    /* at least what must come */
    uint64_t monitor; /* 0: the other is not watched */
    bool talks;
};

static troupe_err again(troupe_self *self) {
    troupe_msg *msg;
    troupe_err err = troupe_make(troupe_runtime(self), &again_type, NULL, &msg);
    return err ? err : troupe_send_after(self, 1, troupe_me(self), &msg, NULL);
}

static troupe_err talk(troupe_self *self, struct talker *talker) {
    uint64_t n = tr_load64_relaxed(&book->sent[me]);
    bool quiet = tr_load64_seq(&book->quiet);
    for (unsigned i = 0; i < BURST && n < MANY && !quiet; i++, n++) {
        troupe_err err = troupe_tell(self, talker->to, &beat_type, &(struct beat){n});
        MUST(!err || err == TROUPE_FULL || err == TROUPE_NOCONNECTION);
        if (err) break;
        tr_store64_relaxed(&book->sent[me], n + 1);
        if (talker->monitor) continue;
        (void)tr_add64_relaxed(&book->watched[me], 1);
        MUST(!troupe_monitor(self, talker->to, &talker->monitor));
    }
    return again(self);
}

static troupe_err hear_down(struct talker *talker, const struct troupe_down *down) {
    MUST(talker->monitor && down->monitor == talker->monitor); /* one for each */
    MUST(down->why == TROUPE_NOCONNECTION && troupe_same(down->who, talker->to));
    talker->monitor = 0;
    (void)tr_add64_relaxed(&book->downs[me], 1);
    return TROUPE_OK;
}

static troupe_err receive(troupe_self *self, void *state, troupe_msg **msg) {
    struct talker *talker = state;
    const struct beat *beat = troupe_as(*msg, &beat_type);
    const struct greet *greet = troupe_as(*msg, &greet_type);
    const struct troupe_down *down = troupe_as(*msg, &troupe_down_type);
    if (down) return hear_down(talker, down);
    if (greet) {
        talker->to = greet->who;
        if (talker->talks) return TROUPE_OK;
        talker->talks = true;
        return again(self);
    }
    if (!beat) return talk(self, talker);
    MUST(beat->n >= talker->next); /* in order, and once */
    talker->next = beat->n + 1;
    twin_mark(book->handled[!me], beat->n, MANY);
    (void)tr_add64_relaxed(&book->got[me], 1);
    return TROUPE_OK;
}

static const troupe_behaviour talker = {.name = "talker",
                                        .state_size = sizeof(struct talker),
                                        .mailbox_limit = BOUND,
                                        .receive = receive};

static void see(void *ctx, const troupe_dead_letter *letter, troupe_msg **msg) {
    (void)ctx;
    const struct beat *beat = troupe_as(*msg, &beat_type);
    if (letter->reason != TROUPE_DEAD_NODE_LOST || !beat) return;
    if (letter->sender.node != letter->target.node && letter->target.node != *(uint64_t *)ctx)
        twin_mark(book->lost[me], beat->n, MANY);
}

static void quiet(void *ctx, troupe_level level, const char *line) {
    (void)ctx, (void)level;
    if (getenv("CHAOS_LOG")) fprintf(stderr, "%s: %s\n", me ? "child" : "parent", line);
}

static void greet(troupe *rt, troupe_ref to, troupe_ref who) {
    troupe_msg *msg;
    MUST(!troupe_make(rt, &greet_type, &(struct greet){who}, &msg));
    MUST(!troupe_post(rt, to, &msg));
}

static troupe *open_side(troupe_node **node, troupe_ref *who) {
    static uint64_t here;
    troupe *rt;
    const troupe_config config = {
        .workers = 1, .log = quiet, .dead_letter = see, .dead_letter_ctx = &here};
    MUST(!troupe_open(&config, &rt));
    MUST(!troupe_register_type(rt, &beat_type) && !troupe_register_type(rt, &greet_type));
    MUST(!troupe_spawn(rt, &talker, NULL, who) && !troupe_register(rt, *who, "talker"));
    here = who->node;
    const troupe_node_config as = {.name = me ? "child" : "parent",
                                   .secret = "a secret of this test",
                                   .secret_size = 21,
                                   .heartbeat_ms = HEARTBEAT_MS,
                                   .lost_ms = LOST_MS,
                                   .redial_ms = 5,
                                   .redial_most_ms = 50};
    MUST(!troupe_node_open(rt, &as, node));
    return rt;
}

/* --- The child -------------------------------------------------------------------------------- */

static void *map(int fd) {
    void *at = mmap(NULL, sizeof *book, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    MUST(at != MAP_FAILED);
    return at;
}

static int child(const char *at) {
    troupe_node *node;
    troupe_ref mine, other;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    me = 1;
    book = map(STDIN_FILENO);
    troupe *rt = open_side(&node, &mine);
    MUST(!troupe_keep_connected(node, at));
    for (uint64_t until = stress_deadline();;) {
        if (!troupe_lookup(node, "parent", "talker", 1000, &other)) break;
        MUST(tr_clock() < until);
        sched_yield();
    }
    greet(rt, other, mine);
    greet(rt, mine, other);
    for (;;) pause();
}

/* --- The parent ------------------------------------------------------------------------------- */

/* Waits for so long that the other side must be given up; the one wait that is for time. */
static void outlast(void) {
    const struct timespec time = {.tv_nsec = (LOST_MS + LOST_MS / 2) * TR_MS};
    MUST(!nanosleep(&time, NULL));
}

/* Waits until messages flow both ways. */
static void await_flow(void) {
    uint64_t until = stress_deadline(), then[2];
    for (int i = 0; i < 2; i++) then[i] = tr_load64_relaxed(&book->got[i]) + 200;
    while (tr_load64_relaxed(&book->got[0]) < then[0] ||
           tr_load64_relaxed(&book->got[1]) < then[1]) {
        MUST(tr_clock() < until);
        sched_yield();
    }
}

static void do_harm(fault_proxy *proxy, pid_t pid, enum fault kind, uint64_t *seed) {
    uint64_t serial = fault_count(proxy);
    int way = (int)(stress_random(seed) % 2);
    fault_plan plan = fault_none;
    switch (kind) {
    case CUT: fault_cut(proxy, serial); break;
    case STOP:
        MUST(!kill(pid, SIGSTOP));
        outlast();
        MUST(!kill(pid, SIGCONT));
        break;
    case HOLD:
        plan.stalled = true;
        fault_change(proxy, serial, way, plan);
        outlast();
        break;
    case DAMAGE:
        tr_lock(&proxy->lock);
        fault_connection *c = fault_find(proxy, serial);
        plan.corrupt_at = c ? c->way[way].passed + stress_random(seed) % 5000 : 0;
        tr_unlock(&proxy->lock);
        plan.flip = (unsigned char)(1 + stress_random(seed) % 255);
        fault_change(proxy, serial, way, plan);
        break;
    default:
        plan.delay_ms = (unsigned)(stress_random(seed) % 100);
        plan.jitter_ms = 50;
        fault_change(proxy, serial, way, plan);
    }
}

/* Whether each message that a side has sent was handled or is a dead letter; how many are not. */
static uint64_t missing(unsigned side) {
    uint64_t count = 0, sent = tr_load64_relaxed(&book->sent[side]);
    for (uint64_t n = 0; n < sent; n++)
        count += !twin_marked(book->handled[side], n) && !twin_marked(book->lost[side], n);
    return count;
}

/* Nobody sends any more: all that was sent comes to its end. */
static void come_to_rest(void) {
    tr_store64_seq(&book->quiet, 1);
    for (uint64_t until = stress_deadline(); missing(0) || missing(1);) {
        MUST(tr_clock() < until);
        sched_yield();
    }
}

static uint64_t totals[4], faults[FAULT_KINDS];

static void one_round(const char *folder, bool rests, uint64_t *seed) {
    char at[300];
    fault_proxy *proxy = malloc(sizeof *proxy);
    int fd = memfd_create("ledger", MFD_CLOEXEC);
    MUST(proxy && fd >= 0 && !ftruncate(fd, sizeof *book));
    book = map(fd);
    troupe_node *node;
    troupe_ref mine;
    troupe *rt = open_side(&node, &mine);
    MUST(!troupe_listen(node, url, NULL, 0));
    (void)snprintf(at, sizeof at, "ipc://%s/proxy", folder);
    fault_open(proxy, at, url);
    pid_t pid = twin_start(fd, proxy->url, NULL);
    for (int i = 0; i < FAULTS; i++) {
        enum fault kind = (enum fault)(stress_random(seed) % FAULT_KINDS);
        await_flow();
        do_harm(proxy, pid, kind, seed);
        faults[kind]++;
    }
    await_flow();
    if (rests) come_to_rest();
    MUST(!kill(pid, SIGKILL));
    MUST(waitpid(pid, NULL, 0) == pid);
    tr_store64_seq(&book->quiet, 1);
    for (uint64_t until = stress_deadline(); troupe_peers(node, NULL, 0) ||
         tr_load64_relaxed(&book->downs[0]) < tr_load64_relaxed(&book->watched[0]);) {
        MUST(tr_clock() < until);
        sched_yield();
    }
    troupe_close(&rt);
    fault_close(proxy);
    MUST(missing(0) <= BOUND + 1); /* in the mailbox of the dead */
    MUST(tr_load64_relaxed(&book->downs[0]) == tr_load64_relaxed(&book->watched[0]));
    MUST(tr_load64_relaxed(&book->downs[1]) + 1 >= tr_load64_relaxed(&book->watched[1]));
    for (int i = 0; i < 2; i++) {
        totals[i] += tr_load64_relaxed(&book->sent[i]);
        totals[2] += tr_load64_relaxed(&book->watched[i]);
    }
    totals[3] += missing(0);
    MUST(!munmap(book, sizeof *book));
    (void)close(fd);
    free(proxy);
}

int main(int argc, char **argv) {
    if (argc == 3 && strcmp(argv[1], "child") == 0) return child(argv[2]);
    uint64_t rounds = argc > 1 ? strtoull(argv[1], NULL, 10) : stress_count(6, 2);
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : tr_clock();
    char folder[] = "/tmp/troupe-chaos-XXXXXX";
    MUST(mkdtemp(folder));
    (void)snprintf(url, sizeof url, "ipc://%s/node", folder);
    printf("net_chaos: seed %llu\n", (unsigned long long)seed);
    for (uint64_t i = 0; i < rounds; i++) one_round(folder, i % 2 == 0, &seed);
    MUST(!rmdir(folder)); /* no socket's file is left */
    for (int i = 0; i < FAULT_KINDS; i++) printf("%d %s, ", (int)faults[i], fault_name[i]);
    printf("%d rounds: %llu and %llu sent, %llu monitors, %llu died with a child\n", (int)rounds,
           (unsigned long long)totals[0], (unsigned long long)totals[1],
           (unsigned long long)totals[2], (unsigned long long)totals[3]);
    return 0;
}
