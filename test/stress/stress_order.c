/* How an actor orders its work, while threads and an actor send: what is urgent, what has a
 * deadline, what is set aside and comes again. Each message is handled once; of one sender the
 * urgent ones are in order among themselves, and so are all others; never more than the bound is
 * in; and whoever looks at the actor from outside meanwhile sees it whole. */
#include <troupe/troupe.h>

#include "test/stress/stress.h"

enum { THREADS = 2, BOUND = 16, ASIDE = 5, IN_A_ROW = 40, HOUR = 3600 * 1000 };

struct word {
    uint32_t from;
    uint32_t urgent; /* 2: the last of all */
    uint64_t number;
};
static const troupe_type word_type = TROUPE_TYPE(
    word, TROUPE_FIELD(word, from), TROUPE_FIELD(word, urgent), TROUPE_FIELD(word, number));

static struct {
    troupe *rt;
    troupe_ref receiver;
    uint64_t each;
    uint64_t next[THREADS + 1][2]; /* the receiver's: ordinary ones, urgent ones */
    bool last;                     /* the receiver's: nothing is set aside any more */
    uint32_t row;                  /* the receiver's: ordinary ones handled since it was shut */
    tr_atomic64 handled;
    tr_atomic32 talked; /* the actor has sent all */
} now;

static troupe_err handle(const struct word *word) {
    const unsigned kind = word->urgent != 0;
    MUST(word->number >= now.next[word->from][kind]);
    now.next[word->from][kind] = word->number + 1;
    (void)tr_add64_relaxed(&now.handled, 1);
    return TROUPE_OK;
}

static troupe_err open(troupe_self *self, void *state, troupe_msg **msg) {
    const struct word *word = troupe_as(*msg, &word_type);
    (void)state;
    if (word->urgent == 2) now.last = true;
    if (!word->urgent && ++now.row % IN_A_ROW == 0 && !now.last) MUST(!troupe_become(self, NULL));
    return handle(word);
}

/* Nothing newer is handled before what it has set aside, so the order is kept. */
static troupe_err shut(troupe_self *self, void *state, troupe_msg **msg) {
    const struct word *word = troupe_as(*msg, &word_type);
    (void)state;
    if (word->urgent == 1) return handle(word);
    if (word->urgent == 2) {
        now.last = true;
        MUST(!handle(word));
    } else {
        MUST(!troupe_stash(self, msg) && !*msg);
        if (troupe_stashed(self) < ASIDE) return TROUPE_OK;
    }
    MUST(!troupe_become(self, open));
    MUST(troupe_unstash_all(self) <= ASIDE);
    return TROUPE_OK;
}

static const troupe_delivery *delivery_of(uint64_t number) {
    static const troupe_delivery urgent = {.urgent = true}, dated = {.within_ms = HOUR};
    return number % 16 == 15 ? &urgent : number % 4 == 1 ? &dated : NULL;
}

static troupe_msg *make_word(uint32_t from, uint64_t number) {
    const troupe_delivery *how = delivery_of(number);
    const struct word word = {from, how && how->urgent, number};
    troupe_msg *msg = NULL;
    MUST(!troupe_make(now.rt, &word_type, &word, &msg));
    return msg;
}

static void *send_all(void *arg) {
    const uint32_t from = (uint32_t)(uintptr_t)arg;
    for (uint64_t i = 0; i < now.each; i++) {
        troupe_msg *msg = make_word(from, i);
        troupe_err err;
        uint32_t waiting;
        while ((err = troupe_post_with(now.rt, now.receiver, &msg, delivery_of(i)))) {
            MUST(err == TROUPE_FULL && msg);
            sched_yield();
        }
        MUST(!troupe_mailbox(now.rt, now.receiver, &waiting, NULL) && waiting <= BOUND);
    }
    return NULL;
}

/* An actor that talks, a few words a turn. */
static troupe_err talk(troupe_self *self, void *state, troupe_msg **msg) {
    uint64_t *said = state;
    for (int i = 0; i < 5 && *said < now.each; i++) {
        troupe_msg *out = make_word(THREADS, *said);
        troupe_err err = troupe_send_with(self, now.receiver, &out, delivery_of(*said));
        MUST(!err || err == TROUPE_FULL);
        troupe_drop(&out);
        if (err) break;
        ++*said;
    }
    if (*said < now.each) return troupe_send(self, troupe_me(self), msg);
    tr_store32_release(&now.talked, 1);
    return TROUPE_OK;
}

/* Until all is handled; looks at the account meanwhile. */
static void await(uint64_t all, tr_atomic32 *flag) {
    uint64_t deadline = stress_deadline();
    troupe_account account;
    while (flag ? !tr_load32_acquire(flag) : tr_load64_relaxed(&now.handled) < all) {
        MUST(tr_clock() < deadline);
        MUST(!troupe_account_of(now.rt, now.receiver, &account));
        MUST(account.handled <= all);
        sched_yield();
    }
}

static void run(const char *name, bool blocking) {
    const troupe_behaviour receiver = {.name = "receiver",
                                       .receive = shut,
                                       .mailbox_limit = BOUND,
                                       .takes_urgent = true,
                                       .blocking = blocking};
    static const troupe_behaviour talker = {.state_size = sizeof(uint64_t), .receive = talk};
    const uint64_t each = stress_count(30000, 3000), all = each * (THREADS + 1) + 1;
    stress_heap heap;
    stress_heap_init(&heap);
    memset(&now, 0, sizeof now);
    now.each = each;
    const troupe_config config = {.workers = 2, .heap = heap.heap, .quiet = TROUPE_INFO};
    MUST(!troupe_open(&config, &now.rt));
    MUST(!troupe_spawn(now.rt, &receiver, NULL, &now.receiver));
    troupe_ref who;
    MUST(!troupe_spawn(now.rt, &talker, NULL, &who));
    troupe_msg *msg = make_word(0, 0);
    MUST(!troupe_post(now.rt, who, &msg));
    tr_thread thread[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++)
        MUST(tr_thread_start(&thread[i], "sender", send_all, (void *)i));
    await(all, &now.talked);
    for (unsigned i = 0; i < THREADS; i++) tr_thread_join(&thread[i]);
    const troupe_delivery urgent = {.urgent = true};
    MUST(!troupe_make(now.rt, &word_type, &(struct word){0, 2, each}, &msg));
    while (troupe_post_with(now.rt, now.receiver, &msg, &urgent)) sched_yield();
    await(all, NULL);
    troupe_close(&now.rt);
    MUST(tr_load64_relaxed(&now.handled) == all);
    MUST(stress_heap_empty(&heap));
    printf("%s: %llu handled, once and in order\n", name, (unsigned long long)all);
}

int main(void) {
    run("at home", false);
    run("blocking", true);
    return 0;
}
