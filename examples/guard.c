/* An actor that guards a value, and the same program with a mutex and a condition variable beside
 * it: customers of an account that may not be overdrawn. Who wants more than there is waits, by the
 * condition in one program; in the other the account keeps who asked, and answers later. Nobody
 * forgets to unlock, waits without a deadline, or wakes up for nothing there. */
#include <pthread.h>
#include <stdio.h>
#include <troupe/troupe.h>

enum { PAIRS = 3, ROUNDS = 200, AMOUNT = 5, WAIT_MS = 60000 };

/* --- With a lock ------------------------------------------------------------------------------ */

static struct locked {
    pthread_mutex_t lock;
    pthread_cond_t more;
    int64_t balance, moved, least;
} locked = {.lock = PTHREAD_MUTEX_INITIALIZER, .more = PTHREAD_COND_INITIALIZER};

static void change_locked(int64_t by) {
    pthread_mutex_lock(&locked.lock);
    while (locked.balance + by < 0) pthread_cond_wait(&locked.more, &locked.lock);
    locked.balance += by;
    locked.moved += by > 0 ? by : -by;
    if (locked.balance < locked.least) locked.least = locked.balance;
    if (by > 0) pthread_cond_broadcast(&locked.more);
    pthread_mutex_unlock(&locked.lock);
}

/* --- With an actor ---------------------------------------------------------------------------- */

struct change {
    int64_t by;
};
struct account {
    int64_t balance, moved, least;
};
static const troupe_type change_type = TROUPE_TYPE(change, TROUPE_FIELD(change, by));
static const troupe_type account_type =
    TROUPE_TYPE(account, TROUPE_FIELD(account, balance), TROUPE_FIELD(account, moved),
                TROUPE_FIELD(account, least));

/* The value, and who waits for more of it: the mutex and the condition are not needed. */
struct guard {
    struct account account;
    struct waiting {
        troupe_ref who;
        int64_t by;
    } waiting[PAIRS];
    unsigned waits;
};

static troupe_err answer(troupe_self *self, struct guard *guard, troupe_ref who, int64_t by) {
    struct account *account = &guard->account;
    account->balance += by;
    account->moved += by > 0 ? by : -by;
    if (account->balance < account->least) account->least = account->balance;
    return troupe_tell(self, who, &account_type, account);
}

/* Answers those who wait, in the order in which they came, as far as there is enough. */
static troupe_err serve(troupe_self *self, struct guard *guard) {
    troupe_err err = TROUPE_OK;
    unsigned served = 0;
    for (; served < guard->waits && !err; served++) {
        const struct waiting *next = &guard->waiting[served];
        if (guard->account.balance + next->by < 0) break;
        err = answer(self, guard, next->who, next->by);
    }
    for (unsigned i = served; i < guard->waits; i++) guard->waiting[i - served] = guard->waiting[i];
    guard->waits -= served;
    return err;
}

static troupe_err receive(troupe_self *self, void *state, troupe_msg **msg) {
    struct guard *guard = state;
    const struct change *change = troupe_as(*msg, &change_type);
    if (!change) return TROUPE_BADTYPE;
    if (guard->account.balance + change->by < 0) { /* later */
        TROUPE_REQUIRE(self, guard->waits < PAIRS, "%u wait already", guard->waits);
        guard->waiting[guard->waits++] = (struct waiting){troupe_sender(self), change->by};
        return TROUPE_OK;
    }
    troupe_err err = answer(self, guard, troupe_sender(self), change->by);
    return err ? err : serve(self, guard);
}

static const troupe_behaviour guard = {
    .name = "guard", .state_size = sizeof(struct guard), .receive = receive};

static troupe *rt;
static troupe_ref account;

static struct account change_guarded(int64_t by) {
    troupe_msg *msg = NULL;
    struct account now = {-1, -1, -1};
    if (troupe_make(rt, &change_type, &(struct change){by}, &msg)) return now;
    if (!troupe_ask(rt, account, &msg, WAIT_MS)) {
        const struct account *answered = troupe_as(msg, &account_type);
        if (answered) now = *answered;
    }
    troupe_drop(&msg);
    return now;
}

/* --- Both ------------------------------------------------------------------------------------- */

static void *customer(void *arg) {
    const int64_t by = *(const int64_t *)arg;
    for (int i = 0; i < ROUNDS; i++) change_locked(by);
    for (int i = 0; i < ROUNDS; i++) (void)change_guarded(by);
    return NULL;
}

int main(void) {
    static const int64_t by[] = {AMOUNT, -AMOUNT};
    pthread_t thread[2 * PAIRS];
    if (troupe_open(NULL, &rt) || troupe_spawn(rt, &guard, NULL, &account)) return 1;
    for (int i = 0; i < 2 * PAIRS; i++)
        if (pthread_create(&thread[i], NULL, customer, (void *)(uintptr_t)&by[i % 2])) return 1;
    for (int i = 0; i < 2 * PAIRS; i++) pthread_join(thread[i], NULL);
    struct account last = change_guarded(0);
    printf("mutex: moved %d, never below %d, now %d\n", (int)locked.moved, (int)locked.least,
           (int)locked.balance);
    printf("actor: moved %d, never below %d, now %d\n", (int)last.moved, (int)last.least,
           (int)last.balance);
    troupe_close(&rt);
    return 0;
}
