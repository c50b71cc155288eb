/* Two nodes, each in a process, send to each other as fast as credit lets them; one is killed by
 * SIGKILL at a random moment. What both had done is read from memory that they share. The credit,
 * which is the bound of their mailboxes, is drawn anew for each round.
 *
 * Both ways each message was handled once, and in the order sent. Of what the one that lives had
 * sent, each message was handled there, or is a dead letter here, or was acknowledged and still in
 * the mailbox of the dead; there are not more letters than the credit, some of which the dead had
 * handled all the same. Of what the dead had sent, all that it knew to be acknowledged is handled
 * here, and not more than the credit has not come. What is acknowledged is no dead letter.
 *
 *     troupe_stress_net_loss [ROUNDS] [MESSAGES]
 *         20 rounds, or 5 under a sanitizer; killed within the first 20,000 messages each way */
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <troupe/delivery.h>
#include <troupe/observe.h>
#include <troupe/remote.h>
#include <troupe/room.h>
#include <unistd.h>

#include "test/stress/stress.h"
#include "test/stress/twins.h"

enum { MANY = 1 << 20, BURST = 4096, EACH = 16 /* that is acknowledged */ };
enum { WINDOWS = 4 };
static const unsigned windows[WINDOWS] = {64, 256, 1024, 4096};

/* Of one round, shared by both processes. A bit for each message that was handled. */
typedef struct ledger {
    unsigned window;   /* index of `windows` */
    tr_atomic64 begun; /* the child is connected */
    tr_atomic64 sent[2], got[2];
    tr_atomic64 acked[2]; /* how many each knows to be in the mailbox of the other */
    tr_atomic64 handled[2][MANY / 64];
    tr_atomic64 lost[MANY / 64]; /* of the parent, which lives */
} ledger;

static ledger *book;
static char url[128];
static unsigned me;     /* 0: the parent; 1: the child, which is killed */
static troupe_ref mine; /* the actor of this process */

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
    uint64_t next; /* at least what must come */
};

/* Each so many with a promise: as messages enter in order, those before it are there then, too. */
static troupe_err send_one(troupe_self *self, troupe_ref to, uint64_t n) {
    const troupe_delivery how = {.promise = n % EACH ? TROUPE_AT_MOST_ONCE : TROUPE_ACKNOWLEDGED,
                                 .tag = n};
    troupe_msg *msg;
    troupe_err err = troupe_make(troupe_runtime(self), &beat_type, &(struct beat){n}, &msg);
    if (!err) err = troupe_send_with(self, to, &msg, &how);
    troupe_drop(&msg);
    return err;
}

static void learn(const struct troupe_delivered *news) {
    if (news->why == TROUPE_NOCONNECTION) return;
    MUST(news->why == TROUPE_OK);
    MUST(news->tag >= tr_load64_relaxed(&book->acked[me])); /* in order */
    tr_store64_relaxed(&book->acked[me], news->tag + 1);
}

static troupe_err talk(troupe_self *self, struct talker *talker) {
    uint64_t n = tr_load64_relaxed(&book->sent[me]);
    for (unsigned i = 0; i < BURST && n < MANY; i++, n++) {
        troupe_err err = send_one(self, talker->to, n);
        if (err == TROUPE_NOCONNECTION) return TROUPE_OK;
        if (err == TROUPE_FULL) {
            err = troupe_notify_room(self, talker->to);
            return err == TROUPE_NOCONNECTION ? TROUPE_OK : err;
        }
        if (err) return err;
        tr_store64_relaxed(&book->sent[me], n + 1);
    }
    troupe_msg *msg; /* it holds no place of the mailbox */
    troupe_err err = troupe_make(troupe_runtime(self), &again_type, NULL, &msg);
    return err ? err : troupe_send_after(self, 0, troupe_me(self), &msg, NULL);
}

static troupe_err receive(troupe_self *self, void *state, troupe_msg **msg) {
    struct talker *talker = state;
    const struct beat *beat = troupe_as(*msg, &beat_type);
    const struct greet *greet = troupe_as(*msg, &greet_type);
    const struct troupe_delivered *news = troupe_as(*msg, &troupe_delivered_type);
    if (news) {
        learn(news);
        return TROUPE_OK;
    }
    if (greet) {
        talker->to = greet->who;
        tr_store64_seq(&book->begun, 1);
    } else if (beat) {
        MUST(beat->n >= talker->next); /* in order */
        talker->next = beat->n + 1;
        twin_mark(book->handled[!me], beat->n, MANY);
        tr_store64_relaxed(&book->got[me], talker->next);
        return TROUPE_OK;
    }
    return talk(self, talker);
}

static void see(void *ctx, const troupe_dead_letter *letter, troupe_msg **msg) {
    (void)ctx;
    const struct beat *beat = troupe_as(*msg, &beat_type);
    if (letter->reason != TROUPE_DEAD_NODE_LOST || !beat) return;
    /* Not what the dead had sent, and what waits here in front of a full mailbox. */
    if (troupe_same(letter->sender, mine)) twin_mark(book->lost, beat->n, MANY);
}

static void quiet(void *ctx, troupe_level level, const char *line) {
    (void)ctx, (void)level, (void)line;
}

static void greet(troupe *rt, troupe_ref to, troupe_ref who) {
    troupe_msg *msg;
    MUST(!troupe_make(rt, &greet_type, &(struct greet){who}, &msg));
    MUST(!troupe_post(rt, to, &msg));
}

/* Silence is no loss, or on a machine with much else to do it would come before the kill. */
static troupe *open_side(troupe_node **node) {
    troupe *rt;
    MUST(!troupe_open(&(troupe_config){.workers = 1, .log = quiet, .dead_letter = see}, &rt));
    MUST(!troupe_register_type(rt, &beat_type) && !troupe_register_type(rt, &greet_type));
    static troupe_behaviour talker = {
        .name = "talker", .state_size = sizeof(struct talker), .receive = receive};
    talker.mailbox_limit = windows[book->window];
    MUST(!troupe_spawn(rt, &talker, NULL, &mine) && !troupe_register(rt, mine, "talker"));
    const troupe_node_config config = {.name = me ? "child" : "parent",
                                       .secret = "a secret of this test",
                                       .secret_size = 21,
                                       .heartbeat_ms = STRESS_PATIENCE_MS / 4,
                                       .lost_ms = STRESS_PATIENCE_MS};
    MUST(!troupe_node_open(rt, &config, node));
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
    troupe_ref other;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    me = 1;
    book = map(STDIN_FILENO);
    troupe *rt = open_side(&node);
    MUST(!troupe_connect(node, at, STRESS_PATIENCE_MS));
    MUST(!troupe_lookup(node, "parent", "talker", STRESS_PATIENCE_MS, &other));
    greet(rt, other, mine); /* before there is no credit left */
    greet(rt, mine, other);
    for (;;) pause();
}

/* --- The parent ------------------------------------------------------------------------------- */

/* What the rounds of one window came to. */
struct sum {
    uint64_t rounds, sent, got;
    uint64_t letters, most_letters; /* to the dead: of all rounds, and of the worst */
    uint64_t missing, most_missing; /* of the dead: sent, and not come */
    uint64_t unhandled;             /* to the dead: acknowledged, and still in its mailbox */
};

static uint64_t larger(uint64_t a, uint64_t b) {
    return a > b ? a : b;
}

/* What became of each message that the child sent: all that it knew to have arrived was handled,
 * and no more than its credit has not come. */
static void check_child(struct sum *sum) {
    uint64_t sent = tr_load64_relaxed(&book->sent[1]), missing = 0;
    uint64_t acked = tr_load64_relaxed(&book->acked[1]);
    for (uint64_t n = 0; n < sent; n++) {
        bool here = twin_marked(book->handled[1], n);
        MUST(here || n >= acked);
        missing += !here;
    }
    MUST(missing <= windows[book->window]);
    sum->missing += missing;
    sum->most_missing = larger(sum->most_missing, missing);
}

/* What became of each message that the parent sent. */
static void check(struct sum *sum) {
    uint64_t sent = tr_load64_relaxed(&book->sent[0]), letters = 0, unhandled = 0;
    uint64_t acked = tr_load64_relaxed(&book->acked[0]);
    for (uint64_t n = 0; n < sent; n++) {
        bool handled = twin_marked(book->handled[0], n), lost = twin_marked(book->lost, n);
        MUST(!lost || n >= acked);
        letters += lost;
        unhandled += !handled && !lost;
    }
    MUST(letters <= windows[book->window]); /* the credit */
    /* Acknowledged: they were in the mailbox of the dead, or in hand. */
    MUST(unhandled <= windows[book->window] + 1);
    sum->rounds++;
    sum->sent += sent;
    sum->got += tr_load64_relaxed(&book->got[0]);
    sum->letters += letters;
    sum->most_letters = larger(sum->most_letters, letters);
    sum->unhandled += unhandled;
}

/* Returns when so many were sent, and half as many have come. It sleeps in between: what runs would
 * have a core less. The deadline is for each step, as a round may be long. */
static void await_traffic(uint64_t enough) {
    const struct timespec nap = {.tv_nsec = 200 * 1000};
    uint64_t before = 0, until = stress_deadline();
    for (;; (void)nanosleep(&nap, NULL)) {
        uint64_t sent = tr_load64_relaxed(&book->sent[0]), got = tr_load64_relaxed(&book->got[0]);
        if (sent >= enough && got >= enough / 2) return;
        if (sent + got > before) until = stress_deadline();
        before = sent + got;
        MUST(tr_clock() < until);
    }
}

static void one_round(uint64_t *seed, uint64_t most, struct sum sums[WINDOWS]) {
    int fd = memfd_create("ledger", MFD_CLOEXEC);
    MUST(fd >= 0 && !ftruncate(fd, sizeof *book));
    book = map(fd);
    book->window = (unsigned)(stress_random(seed) % WINDOWS);
    int status;
    troupe_node *node;
    troupe *rt = open_side(&node);
    MUST(!troupe_listen(node, url, NULL, 0));
    pid_t pid = twin_start(fd, url, NULL);
    await_traffic(100 + stress_random(seed) % most);
    MUST(!kill(pid, SIGKILL));
    MUST(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status)); /* and not by a MUST of its own */
    /* Its loss is told when nothing goes there any more, and all letters are out. */
    troupe_ref other;
    uint64_t until = stress_deadline();
    while (troupe_lookup(node, "child", "talker", 100, &other) != TROUPE_NOCONNECTION)
        MUST(tr_clock() < until);
    uint32_t unread = 1; /* what is in the mailbox has come; a close would let it lie */
    while (unread && !troupe_mailbox(rt, mine, &unread, NULL)) MUST(tr_clock() < until);
    troupe_close(&rt);
    check(&sums[book->window]);
    check_child(&sums[book->window]);
    MUST(!munmap(book, sizeof *book));
    (void)close(fd);
}

/* A row for each window. None was handled twice or out of order, or acknowledged and not handled:
 * the program would not have come here. */
static void print(const struct sum sums[WINDOWS]) {
    printf("| window | rounds | sent | received | to the dead: letters | most | in its mailbox "
           "| of the dead: not come | most |\n|---|---|---|---|---|---|---|---|---|\n");
    for (unsigned i = 0; i < WINDOWS; i++) {
        const struct sum *sum = &sums[i];
        printf("| %u", windows[i]);
        const uint64_t cells[] = {sum->rounds,  sum->sent,         sum->got,
                                  sum->letters, sum->most_letters, sum->unhandled,
                                  sum->missing, sum->most_missing};
        for (size_t k = 0; k < sizeof cells / sizeof *cells; k++)
            printf(" | %llu", (unsigned long long)cells[k]);
        printf(" |\n");
    }
}

int main(int argc, char **argv) {
    if (argc == 3 && strcmp(argv[1], "child") == 0) return child(argv[2]);
    uint64_t rounds = argc > 1 ? strtoull(argv[1], NULL, 10) : stress_count(20, 5);
    uint64_t most = argc > 2 ? strtoull(argv[2], NULL, 10) : 20000;
    uint64_t seed = tr_clock();
    struct sum sums[WINDOWS] = {0};
    MUST(most > 0 && most <= MANY - 1000);
    char folder[] = "/tmp/troupe-loss-XXXXXX";
    MUST(mkdtemp(folder));
    (void)snprintf(url, sizeof url, "ipc://%s/node", folder);
    for (uint64_t i = 0; i < rounds; i++) one_round(&seed, most, sums);
    MUST(!rmdir(folder));
    print(sums);
    return 0;
}
