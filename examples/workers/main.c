/* Work on worker processes, of which some are killed on the way: each piece is done exactly once in
 * effect. Counts the primes below two million.
 *
 * The parent is a node with four process children, which are this program again and connect back by
 * `troupe_child_connect`. Each has an actor that counts; it tells the parent's pool that it is
 * there, and gets pieces of work by messages, two at a time, so that it need not wait for the next.
 * A result is counted when it arrives, and its piece is forgotten then. If a worker is lost, what
 * it has not answered is handed back, and goes to others: the `down` of a monitor comes behind the
 * last result, so a piece that was counted is never handed back, and one that was handed back is
 * never counted twice. */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <troupe/process.h>
#include <troupe/troupe.h>
#include <unistd.h>

enum { BELOW = 2000000, PIECE = 4000, PIECES = BELOW / PIECE, WORKERS = 4, AT_ONCE = 2 };
enum { KILLS = 3, KILLS_MOST = 24 };
enum { PATIENCE_MS = 30000 };

struct here {
    troupe_ref worker;
    int64_t process;
};
static const troupe_type here_type =
    TROUPE_TYPE(here, TROUPE_FIELD(here, worker), TROUPE_FIELD(here, process));

struct piece {
    uint32_t number;
};
static const troupe_type piece_type = TROUPE_TYPE(piece, TROUPE_FIELD(piece, number));

struct result {
    uint32_t number, primes;
};
static const troupe_type result_type =
    TROUPE_TYPE(result, TROUPE_FIELD(result, number), TROUPE_FIELD(result, primes));

static bool failed(const char *what, troupe_err err) {
    if (err) (void)fprintf(stderr, "workers: can't %s: %s\n", what, troupe_strerror(err));
    return err != TROUPE_OK;
}

/* --- A worker --------------------------------------------------------------------------------- */

static bool is_prime(uint32_t n) {
    if (n < 4) return n > 1;
    for (uint32_t by = 2; by * by <= n; by++)
        if (n % by == 0) return false;
    return true;
}

static troupe_err worker_start(troupe_self *self, void *state, const void *arg) {
    const troupe_ref *pool = arg;
    const struct here here = {troupe_me(self), getpid()};
    (void)state;
    return troupe_tell(self, *pool, &here_type, &here);
}

static troupe_err worker_receive(troupe_self *self, void *state, troupe_msg **msg) {
    const struct piece *piece = troupe_as(*msg, &piece_type);
    (void)state;
    if (!piece) return TROUPE_BADTYPE;
    struct result result = {.number = piece->number};
    for (uint32_t n = piece->number * PIECE; n < (piece->number + 1) * PIECE; n++)
        result.primes += is_prime(n);
    return troupe_answer(self, &result_type, &result);
}

static const troupe_behaviour worker_behaviour = {
    .name = "worker", .start = worker_start, .receive = worker_receive};

static int be_worker(void) {
    troupe *rt = NULL;
    troupe_parent parent;
    troupe_ref pool, worker;
    bool bad = failed("open a runtime",
                      troupe_open(&(troupe_config){.workers = 1, .quiet = TROUPE_INFO}, &rt)) ||
               failed("take work", troupe_register_type(rt, &piece_type)) ||
               failed("connect", troupe_child_connect(rt, PATIENCE_MS, &parent)) ||
               failed("find the pool",
                      troupe_lookup(parent.node, parent.name, "pool", PATIENCE_MS, &pool)) ||
               failed("work", troupe_spawn(rt, &worker_behaviour, &pool, &worker));
    /* SHUTDOWN: the parent has said so; NOCONNECTION: it is gone. */
    bad = bad || troupe_await_end(rt, parent.deputy, TROUPE_FOREVER) != TROUPE_SHUTDOWN;
    troupe_close(&rt);
    troupe_transport_fini();
    return bad;
}

/* --- The pool --------------------------------------------------------------------------------- */

struct hand {
    troupe_ref worker; /* TROUPE_NOBODY: free */
    int process;
    uint64_t monitor;
    uint32_t piece[AT_ONCE]; /* that it has not answered yet; PIECES: none */
};

struct pool {
    bool begun; /* not before all workers have started, or some would be late for any work */
    struct hand hand[WORKERS];
    uint32_t next;         /* the first piece that nobody had yet */
    uint32_t back[PIECES]; /* pieces that were handed back */
    uint32_t backs;
    uint8_t times[PIECES];    /* how often each was counted */
    uint32_t counted, primes; /* pieces; primes in them */
};

/* For the thread that kills, and waits. */
static atomic_uint counted, handed_back;
static atomic_int at_work; /* the process that was given a piece last */

/* Gives a worker as much as it may have. */
static troupe_err give(troupe_self *self, struct pool *pool, struct hand *hand) {
    for (int i = 0; pool->begun && i < AT_ONCE; i++) {
        if (hand->piece[i] != PIECES) continue;
        if (!pool->backs && pool->next == PIECES) return TROUPE_OK;
        const struct piece piece = {pool->backs ? pool->back[pool->backs - 1] : pool->next};
        troupe_err err = troupe_tell(self, hand->worker, &piece_type, &piece);
        if (err == TROUPE_NOCONNECTION || err == TROUPE_GONE) return TROUPE_OK; /* `down` comes */
        if (err) return err;
        hand->piece[i] = piece.number;
        atomic_store(&at_work, hand->process);
        if (pool->backs)
            pool->backs--;
        else
            pool->next++;
    }
    return TROUPE_OK;
}

static struct hand *hand_of(struct pool *pool, troupe_ref worker) {
    for (int i = 0; i < WORKERS; i++)
        if (troupe_same(pool->hand[i].worker, worker)) return &pool->hand[i];
    return NULL;
}

static troupe_err welcome(troupe_self *self, struct pool *pool, const struct here *here) {
    struct hand *hand = hand_of(pool, TROUPE_NOBODY);
    if (!hand) return troupe_fail(self, TROUPE_FULL, "more workers than there should be");
    hand->worker = here->worker;
    hand->process = (int)here->process;
    for (int i = 0; i < AT_ONCE; i++) hand->piece[i] = PIECES;
    troupe_err err = troupe_monitor(self, here->worker, &hand->monitor);
    return err ? err : give(self, pool, hand);
}

/* A result of a worker that is lost already is of no use: its piece was handed back. None comes
 * behind the `down`; this would be the place to look. */
static troupe_err count(troupe_self *self, struct pool *pool, const struct result *result) {
    struct hand *hand = hand_of(pool, troupe_sender(self));
    int i = 0;
    while (hand && i < AT_ONCE && hand->piece[i] != result->number) i++;
    if (!hand || i == AT_ONCE) return troupe_fail(self, TROUPE_UNMET, "nobody had that piece");
    hand->piece[i] = PIECES;
    pool->times[result->number]++;
    pool->counted++;
    pool->primes += result->primes;
    atomic_store(&counted, pool->counted);
    return give(self, pool, hand);
}

static troupe_err give_all(troupe_self *self, struct pool *pool) {
    troupe_err err = TROUPE_OK;
    for (int i = 0; i < WORKERS && !err; i++)
        if (!troupe_same(pool->hand[i].worker, TROUPE_NOBODY))
            err = give(self, pool, &pool->hand[i]);
    return err;
}

static troupe_err hand_back(troupe_self *self, struct pool *pool, struct hand *lost) {
    lost->worker = TROUPE_NOBODY;
    for (int i = 0; i < AT_ONCE; i++) {
        if (lost->piece[i] == PIECES) continue;
        pool->back[pool->backs++] = lost->piece[i];
        atomic_fetch_add(&handed_back, 1);
    }
    return give_all(self, pool);
}

/* All workers have started; and what came of it, for who asks. */
static const troupe_type begin_type = TROUPE_SIGNAL_TYPE("begin");
static const troupe_type sum_type = TROUPE_SIGNAL_TYPE("sum");

static troupe_err pool_receive(troupe_self *self, void *state, troupe_msg **msg) {
    struct pool *pool = state;
    const struct here *here = troupe_as(*msg, &here_type);
    const struct result *result = troupe_as(*msg, &result_type);
    const struct troupe_down *down = troupe_as(*msg, &troupe_down_type);
    struct hand *lost = down ? hand_of(pool, down->who) : NULL;
    if (here) return welcome(self, pool, here);
    if (result) return count(self, pool, result);
    if (lost) return hand_back(self, pool, lost);
    if (troupe_as(*msg, &begin_type)) {
        pool->begun = true;
        return give_all(self, pool);
    }
    if (!troupe_as(*msg, &sum_type)) return TROUPE_OK;
    struct result sum = {0, pool->primes};
    for (int i = 0; i < PIECES; i++) sum.number += pool->times[i] == 1;
    return troupe_answer(self, &result_type, &sum);
}

static const troupe_behaviour pool_behaviour = {
    .name = "pool", .state_size = sizeof(struct pool), .receive = pool_receive};

/* --- The parent ------------------------------------------------------------------------------- */

static const char *const names[WORKERS] = {"worker-1", "worker-2", "worker-3", "worker-4"};

/* The pool, and the workers behind it, as one tree. */
static troupe_err start(troupe *rt, troupe_node *node, const char *url, const char *program,
                        troupe_ref *top) {
    static const char *argv[] = {NULL, "--worker", NULL};
    static troupe_program process;
    static troupe_child child[WORKERS + 1];
    argv[0] = program;
    process = (troupe_program){.argv = argv, .node = node, .url = url};
    child[0] = (troupe_child){.id = "pool", .what = &pool_behaviour, .name = "pool"};
    for (int i = 0; i < WORKERS; i++)
        child[i + 1] = (troupe_child){
            .id = names[i], .what = &troupe_process, .arg = &process, .name = names[i]};
    const troupe_supervision what = {
        .child = child, .children = WORKERS + 1, .max_restarts = KILLS_MOST, .within_ms = 600000};
    return troupe_supervise(rt, &what, PATIENCE_MS, top);
}

/* Waits until so many pieces were counted, and another process than that was given one since, if
 * there are any left. False: it takes too long. */
static bool await(troupe *rt, unsigned pieces, int but) {
    const uint64_t until = troupe_now(rt) + PATIENCE_MS * UINT64_C(1000000);
    for (unsigned now; (now = atomic_load(&counted)) < pieces ||
                       (now < PIECES && atomic_load(&at_work) == but);) {
        const struct timespec moment = {0, 1000000};
        if (troupe_now(rt) > until) return false;
        (void)nanosleep(&moment, NULL);
    }
    return true;
}

static bool begin(troupe *rt, troupe_ref pool) {
    troupe_msg *msg = NULL;
    bool bad = failed("begin", troupe_make(rt, &begin_type, NULL, &msg)) ||
               failed("begin", troupe_post(rt, pool, &msg));
    troupe_drop(&msg);
    return !bad;
}

static bool count_primes(troupe *rt) {
    unsigned kills = 0;
    troupe_ref pool;
    if (failed("find the pool", troupe_whereis(rt, "pool", &pool))) return false;
    if (!begin(rt, pool)) return false;
    /* One that is killed may just have told all that it had; then it is another one's turn. */
    int last = 0;
    for (; kills < KILLS || (!atomic_load(&handed_back) && kills < KILLS_MOST); kills++) {
        if (!await(rt, PIECES / (KILLS_MOST + 1) * (kills + 1), last)) return false;
        last = atomic_load(&at_work);
        if (kill(last, SIGKILL) && errno != ESRCH) return false; /* it has just ended */
    }
    if (!await(rt, PIECES, 0)) return false;
    troupe_msg *msg = NULL;
    bool bad = failed("ask", troupe_make(rt, &sum_type, NULL, &msg)) ||
               failed("ask", troupe_ask(rt, pool, &msg, PATIENCE_MS));
    const struct result *sum = bad ? NULL : troupe_as(msg, &result_type);
    if (sum)
        (void)printf("%u primes below %d; of %d pieces %u were counted just once\n", sum->primes,
                     (int)BELOW, (int)PIECES, sum->number);
    (void)printf("workers were killed %d times or more; what they had in hand was %s\n", (int)KILLS,
                 atomic_load(&handed_back) ? "handed back" : "nothing");
    troupe_drop(&msg);
    return sum != NULL;
}

static void forget_log(void *ctx, troupe_level level, const char *line) {
    (void)ctx;
    if (level == TROUPE_ERROR && !strstr(line, "SIGNALLED")) (void)fprintf(stderr, "%s\n", line);
}

static bool be_parent(const char *program) {
    char folder[] = "/tmp/troupe-workers-XXXXXX", url[64], secret[32];
    const troupe_config config = {.workers = 2, .log = forget_log};
    troupe *rt = NULL;
    troupe_node *node;
    troupe_ref top;
    if (!mkdtemp(folder)) return false;
    (void)snprintf(url, sizeof url, "ipc://%s/node", folder);
    bool bad = failed("open a runtime", troupe_open(&config, &rt));
    for (size_t i = 0; !bad && i < sizeof secret; i++) secret[i] = (char)troupe_random(rt);
    const troupe_node_config as = {
        .name = "parent", .secret = secret, .secret_size = sizeof secret};
    bad = bad || failed("take workers", troupe_register_type(rt, &here_type)) ||
          failed("take results", troupe_register_type(rt, &result_type)) ||
          failed("become a node", troupe_node_open(rt, &as, &node)) ||
          failed("listen", troupe_listen(node, url, NULL, 0)) ||
          failed("start", start(rt, node, url, program, &top));
    bool done = !bad && count_primes(rt);
    troupe_close(&rt);
    troupe_transport_fini();
    return remove(folder) == 0 && done;
}

int main(int argc, char **argv) {
    if (argc == 2 && strcmp(argv[1], "--worker") == 0) return be_worker();
    char program[4096];
    ssize_t size = readlink("/proc/self/exe", program, sizeof program - 1);
    if (size < 0) return 1;
    program[size] = 0;
    return be_parent(program) ? 0 : 1;
}
