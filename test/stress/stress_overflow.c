/* Mailboxes that drop: many senders, threads and actors, on one receiver that is at home on a
 * worker, moves, or blocks. Never more than its bound is in; each message is handled once or is one
 * dead letter; what one sends is in order; the last words of all are heard where the oldest go. */
#include <troupe/troupe.h>

#include "test/stress/stress.h"

enum { THREADS = 3, BOUND = 8 };

struct word {
    uint32_t from;
    uint64_t number;
};
static const troupe_type word_type =
    TROUPE_TYPE(word, TROUPE_FIELD(word, from), TROUPE_FIELD(word, number));

static struct {
    troupe *rt;
    troupe_ref receiver;
    uint64_t each;
    uint64_t next[THREADS + 1]; /* the receiver's */
    tr_atomic64 handled, dropped;
    tr_atomic32 talked; /* the actor has sent all */
} now;

static troupe_err listen(troupe_self *self, void *state, troupe_msg **msg) {
    (void)self, (void)state;
    const struct word *word = troupe_as(*msg, &word_type);
    MUST(word->number >= now.next[word->from]);
    now.next[word->from] = word->number + 1;
    (void)tr_add64_relaxed(&now.handled, 1);
    return TROUPE_OK;
}

static void bury(void *ctx, const troupe_dead_letter *letter, troupe_msg **msg) {
    (void)ctx;
    MUST(letter->reason == TROUPE_DEAD_DROPPED);
    MUST(troupe_as(*msg, &word_type));
    (void)tr_add64_relaxed(&now.dropped, 1);
}

static void *send_all(void *arg) {
    const uint32_t from = (uint32_t)(uintptr_t)arg;
    for (uint64_t i = 0; i < now.each; i++) {
        const struct word word = {from, i};
        troupe_msg *msg;
        uint32_t waiting;
        MUST(!troupe_make(now.rt, &word_type, &word, &msg));
        MUST(!troupe_post(now.rt, now.receiver, &msg) && !msg);
        MUST(!troupe_mailbox(now.rt, now.receiver, &waiting, NULL) && waiting <= BOUND);
    }
    return NULL;
}

/* An actor that talks, a few words a turn. */
static troupe_err talk(troupe_self *self, void *state, troupe_msg **msg) {
    uint64_t *said = state;
    for (int i = 0; i < 5 && *said < now.each; i++) {
        const struct word word = {THREADS, (*said)++};
        MUST(!troupe_tell(self, now.receiver, &word_type, &word));
    }
    if (*said < now.each) return troupe_send(self, troupe_me(self), msg);
    tr_store32_release(&now.talked, 1);
    return TROUPE_OK;
}

static void await_all(uint64_t all) {
    uint64_t deadline = stress_deadline();
    while (!tr_load32_acquire(&now.talked) ||
           tr_load64_relaxed(&now.handled) + tr_load64_relaxed(&now.dropped) < all) {
        MUST(tr_clock() < deadline);
        sched_yield();
    }
}

static void run(const char *name, troupe_overflow overflow, bool blocking) {
    const troupe_behaviour listener = {
        .receive = listen, .mailbox_limit = BOUND, .overflow = overflow, .blocking = blocking};
    static const troupe_behaviour talker = {.state_size = sizeof(uint64_t), .receive = talk};
    const uint64_t each = stress_count(200000, 10000), all = each * (THREADS + 1);
    stress_heap heap;
    stress_heap_init(&heap);
    memset(&now, 0, sizeof now);
    now.each = each;
    const troupe_config config = {
        .workers = 2, .heap = heap.heap, .dead_letter = bury, .quiet = TROUPE_INFO};
    MUST(!troupe_open(&config, &now.rt));
    MUST(!troupe_spawn(now.rt, &listener, NULL, &now.receiver));
    troupe_ref who;
    MUST(!troupe_spawn(now.rt, &talker, NULL, &who));
    troupe_msg *go;
    MUST(!troupe_make(now.rt, &word_type, &(struct word){0, 0}, &go));
    MUST(!troupe_post(now.rt, who, &go));
    tr_thread thread[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++)
        MUST(tr_thread_start(&thread[i], "sender", send_all, (void *)i));
    for (unsigned i = 0; i < THREADS; i++) tr_thread_join(&thread[i]);
    await_all(all);
    troupe_close(&now.rt);
    const uint64_t handled = tr_load64_relaxed(&now.handled);
    MUST(handled + tr_load64_relaxed(&now.dropped) == all);
    MUST(stress_heap_empty(&heap));
    printf("%s: %llu sent, %llu handled, %llu dropped\n", name, (unsigned long long)all,
           (unsigned long long)handled, (unsigned long long)(all - handled));
}

int main(void) {
    run("newest", TROUPE_DROP_NEWEST, false);
    run("oldest", TROUPE_DROP_OLDEST, false);
    run("newest, blocking", TROUPE_DROP_NEWEST, true);
    run("oldest, blocking", TROUPE_DROP_OLDEST, true);
    return 0;
}
