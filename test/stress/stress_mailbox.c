/* A mailbox and real threads. Four senders push numbered links; the receiver sleeps when it has
 * parked, and a WAKE is what wakes it. Watched over: the bound, exactly; the order per sender;
 * nothing lost, nothing twice; one WAKE for each parking, none missed; room told when wanted. */
#include <string.h>

#include "mailbox/mailbox.h"
#include "test/stress/stress.h"

enum { SENDERS = 4, FREEZE_EVERY = 5000 };

/* How the receiver runs and what else goes on. */
typedef enum scene_kind {
    SLEEPS,      /* a thread of its own, which sleeps while parked */
    KICKED,      /* the same, and a further thread kicks it all the time */
    WANTED,      /* the same, and senders wait for room instead of trying again */
    ONE_WANTS,   /* the same, but only the first sender waits */
    HANDED_OVER  /* none of its own: whose push or kick woke it is the receiver until it parks */
} scene_kind;

/* A numbered link. Its fields are plain: only the mailbox puts their write before their read. */
typedef struct item {
    _Alignas(16) tr_link link;
    uint64_t number;
    uint32_t sender;
    tr_atomic32 in; /* 1: accepted and not handled. Relaxed: the order is the mailbox's to make */
} item;

typedef struct sender {
    struct scene *scene;
    tr_thread thread;
    uint32_t index;
    uint64_t fulls;
    item *pool;            /* one more than the bound: then the next one must always be free */
    tr_atomic64 accepted;  /* pushed so far */
    tr_atomic64 full_at;   /* the freeze in which it last met FULL */
    uint64_t next;         /* the receiver's: the number it must see next */
} sender;

typedef struct scene {
    _Alignas(64) tr_mailbox box;
    scene_kind kind;
    uint32_t limit;
    uint64_t each, handled; /* messages of each sender; the receiver's count over all */
    uint64_t parks, looks, freezes;
    sender from[SENDERS];
    uint64_t wish;        /* of the one who waits: plain, so that only the mailbox orders it */
    tr_atomic64 freeze;   /* number of freezes begun */
    tr_atomic32 stopped;  /* 1: no more kicks */
    _Alignas(64) tr_mutex lock; /* guards what follows */
    tr_cond woken, room;
    uint64_t wakes;       /* WAKEs given */
    bool runs;            /* a WAKE that the receiver has not taken yet */
    uint64_t rooms;       /* times that room was told */
} scene;

static void receive_all(scene *s);

static void wake(scene *s) {
    if (s->kind == HANDED_OVER) {
        receive_all(s);
        return;
    }
    tr_lock(&s->lock);
    MUST(!s->runs); /* one WAKE for each parking */
    s->runs = true;
    s->wakes++;
    tr_cond_wake(&s->woken);
    tr_unlock(&s->lock);
}

static void sleep_until_woken(scene *s) {
    uint64_t deadline = stress_deadline();
    tr_lock(&s->lock);
    while (!s->runs) MUST(tr_cond_wait(&s->woken, &s->lock, deadline) || s->runs);
    s->runs = false;
    tr_unlock(&s->lock);
}

static uint64_t sum_accepted(scene *s) {
    uint64_t sum = 0;
    for (int i = 0; i < SENDERS; i++) sum += tr_load64_acquire(&s->from[i].accepted);
    return sum;
}

/* Handles nothing until every sender has met FULL. Then all the counts stand still, and exactly as
 * many messages as the bound must be accepted and not handled, by the senders' own counting. */
static void freeze(scene *s) {
    uint64_t freeze = tr_add64_relaxed(&s->freeze, 1) + 1, deadline = stress_deadline();
    for (int i = 0; i < SENDERS; i++) {
        while (tr_load64_acquire(&s->from[i].full_at) != freeze) {
            if (tr_load64_acquire(&s->from[i].accepted) == s->each) return; /* no more to send */
            MUST(tr_clock() < deadline);
            sched_yield();
        }
    }
    MUST(sum_accepted(s) - s->handled == s->limit);
    MUST(tr_mailbox_count(&s->box) == s->limit);
    s->freezes++;
}

static void handle(scene *s, tr_link *link) {
    item *it = (item *)(void *)link;
    sender *from = &s->from[it->sender];
    MUST(it->number == from->next); /* in order, none lost, none twice */
    from->next++;
    uint32_t count = tr_mailbox_count(&s->box);
    MUST(count >= 1 && count <= s->limit);
    /* Without a thread of its own the receiver is a sender, who can't meet FULL meanwhile. */
    if (s->handled % FREEZE_EVERY == 0 && (s->kind == SLEEPS || s->kind == KICKED)) freeze(s);
    tr_store32_relaxed(&it->in, 0);
    s->handled++;
    bool room = tr_mailbox_handled(&s->box);
    if (!room) return;
    MUST(s->kind == WANTED || s->kind == ONE_WANTS);
    if (s->kind == ONE_WANTS) MUST(s->wish == tr_load64_relaxed(&s->from[0].accepted));
    tr_lock(&s->lock);
    s->rooms++;
    tr_cond_wake_all(&s->room);
    tr_unlock(&s->lock);
}

/* Handles what comes until the receiver is parked; then it may be running elsewhere already. */
static void receive_all(scene *s) {
    do {
        for (tr_link *link; (link = tr_mailbox_pop(&s->box));) handle(s, link);
        /* Mostly it looks once more first: a sleep costs as much as a thousand messages. */
        if (s->kind != HANDED_OVER && s->handled % 16 && s->looks++ % 4) {
            sched_yield();
            continue;
        }
        s->parks++; /* before: after a parking it is the next receiver's */
        if (tr_mailbox_park(&s->box)) return;
        s->parks--;
    } while (true);
}

static void *run_receiver(void *arg) {
    scene *s = arg;
    while (s->handled < s->each * SENDERS) {
        receive_all(s);
        if (s->handled < s->each * SENDERS || s->kind == KICKED) sleep_until_woken(s);
    }
    return NULL;
}

static void *run_kicker(void *arg) {
    scene *s = arg;
    while (!tr_load32_acquire(&s->stopped)) {
        if (tr_mailbox_kick(&s->box)) wake(s);
        sched_yield();
    }
    return NULL;
}

/* Waits until room is told for message `n`, unless there is room already. */
static void await_room(scene *s, uint64_t n) {
    uint64_t deadline = stress_deadline();
    tr_lock(&s->lock);
    uint64_t before = s->rooms;
    tr_unlock(&s->lock);
    if (s->kind == ONE_WANTS) s->wish = n;
    if (!tr_mailbox_want(&s->box)) return;
    tr_lock(&s->lock);
    while (s->rooms == before)
        MUST(tr_cond_wait(&s->room, &s->lock, deadline) || s->rooms != before);
    tr_unlock(&s->lock);
}

static void *run_sender(void *arg) {
    sender *me = arg;
    scene *s = me->scene;
    for (uint64_t n = 0; n < s->each;) {
        item *it = &me->pool[n % (s->limit + 1)];
        MUST(tr_load32_relaxed(&it->in) == 0); /* more than the bound would be in */
        tr_store32_relaxed(&it->in, 1);
        it->number = n;
        it->sender = me->index;
        uint64_t freeze = tr_load64_acquire(&s->freeze);
        tr_push push = tr_mailbox_push(&s->box, &it->link, true);
        if (push == TR_PUSH_FULL) {
            tr_store32_relaxed(&it->in, 0);
            me->fulls++;
            tr_store64_release(&me->full_at, freeze);
            if (s->kind == WANTED || (s->kind == ONE_WANTS && me->index == 0))
                await_room(s, n);
            else
                sched_yield();
            continue;
        }
        MUST(push == TR_PUSH_OK || push == TR_PUSH_WAKE);
        tr_store64_release(&me->accepted, ++n);
        if (push == TR_PUSH_WAKE) wake(s);
    }
    return NULL;
}

static void run(const char *name, scene_kind kind, uint32_t limit, uint64_t messages) {
    static scene s;
    memset(&s, 0, sizeof s);
    s.kind = kind;
    s.limit = limit;
    s.each = messages / SENDERS;
    tr_mutex_init(&s.lock);
    tr_cond_init(&s.woken);
    tr_cond_init(&s.room);
    tr_mailbox_open(&s.box, limit, false);
    if (kind == HANDED_OVER) MUST(tr_mailbox_park(&s.box));
    uint64_t begun = tr_clock(), fulls = 0;
    tr_thread receiver, kicker;
    if (kind != HANDED_OVER) MUST(tr_thread_start(&receiver, "receiver", run_receiver, &s));
    for (uint32_t i = 0; i < SENDERS; i++) {
        sender *from = &s.from[i];
        from->scene = &s;
        from->index = i;
        from->pool = aligned_alloc(16, (limit + 1) * sizeof *from->pool);
        MUST(from->pool);
        memset(from->pool, 0, (limit + 1) * sizeof *from->pool);
        MUST(tr_thread_start(&from->thread, "sender", run_sender, from));
    }
    bool kicked = kind == KICKED || kind == HANDED_OVER;
    if (kicked) MUST(tr_thread_start(&kicker, "kicker", run_kicker, &s));
    for (int i = 0; i < SENDERS; i++) tr_thread_join(&s.from[i].thread);
    if (kind != HANDED_OVER) tr_thread_join(&receiver);
    tr_store32_release(&s.stopped, 1);
    if (kicked) tr_thread_join(&kicker);

    MUST(s.handled == s.each * SENDERS && sum_accepted(&s) == s.handled);
    MUST(tr_mailbox_count(&s.box) == 0);
    MUST(kind == HANDED_OVER || s.parks == s.wakes + (tr_mailbox_kick(&s.box) ? 1 : 0));
    MUST(!tr_mailbox_close(&s.box));
    MUST(tr_mailbox_push(&s.box, &s.from[0].pool->link, true) == TR_PUSH_CLOSED);
    for (int i = 0; i < SENDERS; i++) {
        fulls += s.from[i].fulls;
        free(s.from[i].pool);
    }
    tr_cond_fini(&s.room);
    tr_cond_fini(&s.woken);
    tr_mutex_fini(&s.lock);
    printf("%s %u: %llu (%llu full, %llu parks, %llu freezes, %llu rooms, %llu ms); ", name,
           (unsigned)limit, (unsigned long long)s.handled, (unsigned long long)fulls,
           (unsigned long long)s.parks, (unsigned long long)s.freezes, (unsigned long long)s.rooms,
           (unsigned long long)((tr_clock() - begun) / TR_MS));
}

int main(void) {
    uint64_t all = stress_count(10000000, 1000000), some = stress_count(1000000, 200000);
    printf("mailbox: ");
    run("sleeps", SLEEPS, 8, all);
    run("sleeps", SLEEPS, 1, some / 5);
    run("sleeps", SLEEPS, 1000, some);
    run("kicked", KICKED, 8, some);
    run("wanted", WANTED, 1, some / 20);
    run("wanted", WANTED, 8, some / 5);
    run("one wants", ONE_WANTS, 8, some / 5);
    run("handed over", HANDED_OVER, 1, some);
    run("handed over", HANDED_OVER, 8, some);
    printf("all held\n");
    return 0;
}
