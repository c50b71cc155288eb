/* The mailbox's promise through the public calls only: four senders, plain threads first and then
 * actors, one receiver with a bound of 8, several workers. Order per sender, nothing lost, nothing
 * twice, the bound exact; FULL leaves the message with the sender, unchanged. */
#include <troupe/troupe.h>

#include "test/stress/stress.h"

enum { SENDERS = 4, BOUND = 8, FREEZE_EVERY = 5000, BATCH = 50 };

struct numbered {
    uint32_t sender;
    uint64_t number;
    const char *text;
};
static const troupe_type numbered_type =
    TROUPE_TYPE(numbered, TROUPE_FIELD(numbered, sender), TROUPE_FIELD(numbered, number),
                TROUPE_FIELD(numbered, text));
static const troupe_type go_type = TROUPE_SIGNAL_TYPE("go");

static uint64_t each;   /* messages of each sender */
static bool by_threads; /* the senders are plain threads */
static troupe *rt;
static troupe_ref receiver;
static tr_atomic64 accepted[SENDERS], full_at[SENDERS], fulls, now_frozen;
static tr_mutex lock;
static tr_cond done;
static bool all_handled; /* under the lock */

typedef struct receiver_state {
    uint64_t next[SENDERS];
    uint64_t handled, freezes;
    bool busy; /* in the callback */
} receiver_state;

static uint64_t freezes_seen;

static uint64_t sum_accepted(void) {
    uint64_t sum = 0;
    for (int i = 0; i < SENDERS; i++) sum += tr_load64_acquire(&accepted[i]);
    return sum;
}

/* Handles nothing until every sender has met FULL. Then exactly the bound must be accepted and not
 * handled, by the senders' own counting. */
static void freeze(receiver_state *state) {
    uint64_t freeze = tr_add64_relaxed(&now_frozen, 1) + 1, deadline = stress_deadline();
    for (int i = 0; i < SENDERS; i++) {
        while (tr_load64_acquire(&full_at[i]) != freeze) {
            if (tr_load64_acquire(&accepted[i]) == each) return; /* has no more to send */
            MUST(tr_clock() < deadline);
            sched_yield();
        }
    }
    MUST(sum_accepted() - state->handled == BOUND);
    state->freezes++;
}

static troupe_err receive_numbered(troupe_self *self, void *memory, troupe_msg **msg) {
    receiver_state *state = memory;
    MUST(!state->busy);
    state->busy = true;
    const struct numbered *it = troupe_as(*msg, &numbered_type);
    MUST(it && it->sender < SENDERS && it->number == state->next[it->sender]);
    MUST(it->text[0] == (char)('a' + it->number % 26) && it->text[1] == '\0');
    state->next[it->sender]++;
    uint32_t waiting = 0, limit = 0;
    MUST(troupe_mailbox(rt, troupe_me(self), &waiting, &limit) == TROUPE_OK);
    MUST(waiting >= 1 && waiting <= BOUND && limit == BOUND);
    if (by_threads && state->handled % FREEZE_EVERY == 0) freeze(state);
    state->handled++;
    state->busy = false;
    if (state->handled < each * SENDERS) return TROUPE_OK;
    freezes_seen = state->freezes;
    tr_lock(&lock);
    all_handled = true;
    tr_cond_wake(&done);
    tr_unlock(&lock);
    return TROUPE_OK;
}

static const troupe_behaviour receiver_behaviour = {
    .name = "receiver",
    .state_size = sizeof(receiver_state),
    .mailbox_limit = BOUND,
    .receive = receive_numbered,
};

static troupe_msg *make(uint32_t sender, uint64_t number) {
    char text[2] = {(char)('a' + number % 26), '\0'};
    struct numbered body = {sender, number, text};
    troupe_msg *msg = NULL;
    MUST(troupe_make(rt, &numbered_type, &body, &msg) == TROUPE_OK);
    return msg;
}

/* What a sender does with the result of a send. True: it was accepted. */
static bool account(uint32_t sender, uint64_t number, troupe_err err, const troupe_msg *msg,
                    uint64_t freeze) {
    if (err == TROUPE_FULL) {
        const struct numbered *it = troupe_as(msg, &numbered_type);
        MUST(it && it->sender == sender && it->number == number); /* ours still, and unchanged */
        tr_add64_relaxed(&fulls, 1);
        tr_store64_release(&full_at[sender], freeze);
        return false;
    }
    MUST(err == TROUPE_OK && !msg);
    tr_store64_release(&accepted[sender], number + 1);
    return true;
}

static void *run_sender(void *arg) {
    uint32_t me = (uint32_t)(uintptr_t)arg;
    for (uint64_t n = 0; n < each; n++) {
        troupe_msg *msg = make(me, n);
        for (;;) {
            uint64_t freeze = tr_load64_acquire(&now_frozen);
            troupe_err err = troupe_post(rt, receiver, &msg);
            if (account(me, n, err, msg, freeze)) break;
            sched_yield();
        }
    }
    return NULL;
}

typedef struct sender_state {
    uint32_t index;
    uint64_t next;
    troupe_msg *unsent; /* refused, to be tried again */
} sender_state;

static troupe_err start_sender(troupe_self *self, void *memory, const void *arg) {
    sender_state *state = memory;
    state->index = *(const uint32_t *)arg;
    return troupe_tell(self, troupe_me(self), &go_type, NULL);
}

/* Sends until the receiver is full or it is another's turn, and goes on with the next `go`. */
static troupe_err send_some(troupe_self *self, void *memory, troupe_msg **msg) {
    sender_state *state = memory;
    MUST(troupe_as(*msg, &go_type));
    for (int i = 0; i < BATCH && state->next < each; i++) {
        if (!state->unsent) state->unsent = make(state->index, state->next);
        troupe_err err = troupe_send(self, receiver, &state->unsent);
        if (!account(state->index, state->next, err, state->unsent, 0)) break;
        state->next++;
    }
    if (state->next == each) troupe_exit(self, TROUPE_OK);
    return state->next < each ? troupe_send(self, troupe_me(self), msg) : TROUPE_OK;
}

static const troupe_behaviour sender_behaviour = {
    .name = "sender",
    .state_size = sizeof(sender_state),
    .start = start_sender,
    .receive = send_some,
};

static void refuse_line(void *ctx, troupe_level level, const char *line) {
    (void)ctx;
    (void)level;
    stress_failed(line, "the log", 0);
}

static void await_all(void) {
    uint64_t deadline = 2 * STRESS_PATIENCE_MS * TR_MS + tr_clock();
    tr_lock(&lock);
    while (!all_handled) MUST(tr_cond_wait(&done, &lock, deadline) || all_handled);
    tr_unlock(&lock);
}

/* Looks at the books all the time, which must disturb nobody. */
static tr_atomic32 books_over;

static void *keep_books(void *arg) {
    (void)arg;
    while (!tr_load32_acquire(&books_over)) {
        troupe_account all, one;
        troupe_account_all(rt, &all);
        MUST(all.queued <= BOUND + SENDERS);
        if (troupe_account_of(rt, receiver, &one) == TROUPE_OK) MUST(one.queued <= BOUND);
        sched_yield();
    }
    return NULL;
}

/* At rest they balance, to the last message that was accepted. */
static void check_books(uint64_t fulls_seen) {
    troupe_account all;
    uint64_t deadline = stress_deadline();
    do {
        MUST(tr_clock() < deadline);
        troupe_account_all(rt, &all);
    } while (troupe_account_missing(&all) || all.queued);
    MUST(all.returned == fulls_seen);
    MUST(all.handled >= each * SENDERS && all.handled + all.returned == all.sent);
}

static void run(const char *name, bool threads, uint64_t messages) {
    uint64_t begun = tr_clock();
    static stress_heap heap;
    stress_heap_init(&heap);
    by_threads = threads;
    each = messages / SENDERS;
    all_handled = false;
    tr_store64_relaxed(&fulls, 0);
    tr_store64_relaxed(&now_frozen, 0);
    for (int i = 0; i < SENDERS; i++) {
        tr_store64_relaxed(&accepted[i], 0);
        tr_store64_relaxed(&full_at[i], 0);
    }
    /* The second has pools, which one that is given a heap has not. */
    const troupe_heap none = {NULL, NULL, NULL};
    const troupe_config config = {
        .workers = threads ? 3 : 2, .heap = threads ? heap.heap : none, .log = refuse_line};
    MUST(troupe_open(&config, &rt) == TROUPE_OK);
    MUST(troupe_spawn(rt, &receiver_behaviour, NULL, &receiver) == TROUPE_OK);
    tr_thread thread[SENDERS], books;
    tr_store32_release(&books_over, 0);
    MUST(tr_thread_start(&books, "books", keep_books, NULL));
    for (uint32_t i = 0; i < SENDERS; i++) {
        troupe_ref ref;
        if (threads)
            MUST(tr_thread_start(&thread[i], "sender", run_sender, (void *)(uintptr_t)i));
        else
            MUST(troupe_spawn(rt, &sender_behaviour, &i, &ref) == TROUPE_OK);
    }
    await_all();
    for (int i = 0; threads && i < SENDERS; i++) tr_thread_join(&thread[i]);
    tr_store32_release(&books_over, 1);
    tr_thread_join(&books);
    check_books(tr_load64_relaxed(&fulls));
    troupe_close(&rt);
    MUST(stress_heap_empty(&heap));
    printf("%s %llu (%llu full, %llu freezes, %llu ms); ", name,
           (unsigned long long)(each * SENDERS), (unsigned long long)tr_load64_relaxed(&fulls),
           (unsigned long long)freezes_seen, (unsigned long long)((tr_clock() - begun) / TR_MS));
}

/* --- Wake-ups --------------------------------------------------------------------------------- */

static tr_atomic64 seen;

static troupe_err receive_counted(troupe_self *self, void *memory, troupe_msg **msg) {
    (void)self;
    (void)memory;
    (void)msg;
    tr_store64_release(&seen, tr_load64_relaxed(&seen) + 1);
    return TROUPE_OK;
}

static const troupe_behaviour counter_behaviour = {.name = "counter", .receive = receive_counted};

/* Posts at a random moment after the last message was handled, which is when actor and worker go to
 * rest. There is one of each, so nobody else's wake-up makes up for one that is lost. */
static void run_wakes(uint64_t rounds) {
    uint64_t begun = tr_clock(), seed = 1;
    static stress_heap heap;
    stress_heap_init(&heap);
    const troupe_config config = {.workers = 1, .heap = heap.heap, .log = refuse_line};
    troupe_ref counter;
    MUST(troupe_open(&config, &rt) == TROUPE_OK);
    MUST(troupe_spawn(rt, &counter_behaviour, NULL, &counter) == TROUPE_OK);
    for (uint64_t i = 0; i < rounds; i++) {
        troupe_msg *msg = NULL;
        MUST(troupe_make(rt, &go_type, NULL, &msg) == TROUPE_OK);
        MUST(troupe_post(rt, counter, &msg) == TROUPE_OK);
        for (uint64_t spins = 1, deadline = 0; tr_load64_acquire(&seen) != i + 1; spins++) {
            if (spins % 4096) continue;
            if (!deadline) deadline = stress_deadline();
            MUST(tr_clock() < deadline);
            sched_yield();
        }
        for (uint64_t n = stress_random(&seed) % 1024; n > 0; n--) (void)tr_load64_acquire(&seen);
    }
    troupe_close(&rt);
    MUST(stress_heap_empty(&heap));
    printf("wakes %llu (%llu ms); ", (unsigned long long)rounds,
           (unsigned long long)((tr_clock() - begun) / TR_MS));
}

int main(void) {
    tr_mutex_init(&lock);
    tr_cond_init(&done);
    printf("actors: ");
    run("threads", true, stress_count(8500000, 500000));
    run("actors", false, stress_count(1500000, 100000));
    run_wakes(stress_count(200000, 30000));
    tr_cond_fini(&done);
    tr_mutex_fini(&lock);
    printf("all held\n");
    return 0;
}
