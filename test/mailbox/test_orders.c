/* Every order of the calls of two senders, a kicker and a receiver, replayed one by one. The calls
 * run whole; each but `handled` changes the mailbox by a single atomic operation, so these are also
 * the orders that threads can produce, but for operations that fail and are tried again. */
#include <criterion/criterion.h>
#include <string.h>

#include "mailbox/mailbox.h"

TestSuite(orders, .timeout = 60);

enum { SENDERS = 2, PUSHES_MAX = 3, STEPS_MAX = 64 };

typedef struct item {
    _Alignas(16) tr_link link;
    unsigned number, sender;
} item;

/* What can act next. */
enum { FIRST_SENDER, SECOND_SENDER, KICKER, RECEIVER, PLAYERS };

/* How big a world is. */
typedef struct scale {
    uint32_t limit;
    unsigned pushes, kicks;
} scale;

/* A world that is run from its start for each order: a replay is simpler than a copy, and quick. */
typedef struct world {
    tr_mailbox box;
    uint32_t limit;
    unsigned pushes; /* of each sender */
    item item[SENDERS][PUSHES_MAX];
    unsigned pushed[SENDERS], accepted[SENDERS]; /* tried; numbered from 0 if accepted */
    unsigned received[SENDERS];
    unsigned unhandled; /* accepted, and its place not given back */
    unsigned kicks;     /* left to do */
    unsigned parks, wakes;
    unsigned wants, rooms; /* wishes that were granted since the last telling; tellings */
    bool runs;          /* the receiver is not parked */
    bool saw_nothing;   /* the receiver's last pop; it parks next */
    item *in_hand;
} world;

static unsigned long orders;

static void begin(world *w, scale size) {
    memset(w, 0, sizeof *w);
    w->limit = size.limit;
    w->pushes = size.pushes;
    w->kicks = size.kicks;
    w->runs = true;
    tr_mailbox_open(&w->box, size.limit, false);
}

static void wake(world *w) {
    cr_assert_not(w->runs); /* one wake for each parking */
    w->runs = true;
    w->wakes++;
}

static void push(world *w, unsigned sender) {
    item *it = &w->item[sender][w->pushed[sender]++];
    it->sender = sender;
    it->number = w->accepted[sender];
    bool had_room = w->unhandled < w->limit, ran = w->runs;
    tr_push got = tr_mailbox_push(&w->box, &it->link, true);
    if (!had_room) {
        cr_assert_eq(got, TR_PUSH_FULL);
        cr_assert(tr_mailbox_want(&w->box));
        w->wants++;
        return;
    }
    cr_assert_eq(got, ran ? TR_PUSH_OK : TR_PUSH_WAKE);
    w->accepted[sender]++;
    w->unhandled++;
    if (got == TR_PUSH_WAKE) wake(w);
}

static void kick(world *w) {
    bool ran = w->runs;
    w->kicks--;
    cr_assert_eq(tr_mailbox_kick(&w->box), !ran);
    if (!ran) wake(w);
}

/* One call of the receiver: give a place back, or take the next. */
static void receive(world *w) {
    if (w->in_hand) {
        w->in_hand = NULL;
        w->unhandled--;
        bool room = tr_mailbox_handled(&w->box);
        cr_assert_eq(room, w->wants > 0 && w->unhandled <= w->limit / 2);
        if (room) w->wants = 0;
        w->rooms += room;
        return;
    }
    item *it = (item *)(void *)tr_mailbox_pop(&w->box);
    if (it) {
        cr_assert_eq(it->number, w->received[it->sender]); /* in order, none lost, none twice */
        w->received[it->sender]++;
        w->in_hand = it;
        return;
    }
    cr_assert_eq(w->unhandled, 0);
    w->saw_nothing = true;
}

/* What came since the receiver looked keeps it from parking. */
static void park(world *w) {
    w->saw_nothing = false;
    bool parked = tr_mailbox_park(&w->box);
    cr_assert_eq(parked, w->unhandled == 0);
    w->runs = !parked;
    w->parks += parked;
}

static bool can(const world *w, int player) {
    if (player == KICKER) return w->kicks > 0;
    if (player == RECEIVER) return w->runs;
    return w->pushed[player] < w->pushes;
}

static void act(world *w, int player) {
    if (player == KICKER)
        kick(w);
    else if (player == RECEIVER)
        w->saw_nothing ? park(w) : receive(w);
    else
        push(w, (unsigned)player);
    cr_assert_eq(tr_mailbox_count(&w->box), w->unhandled);
    cr_assert(w->unhandled <= w->limit);
}

static void check_end(const world *w) {
    for (int i = 0; i < SENDERS; i++) cr_assert_eq(w->received[i], w->accepted[i]);
    cr_assert(w->unhandled == 0 && w->wants == 0); /* who wished for room was told */
    cr_assert_eq(w->parks, w->wakes + 1);
}

/* All orders that begin with `step[0..depth)`; each ends when nobody can act. */
static void explore(scale size) {
    unsigned char step[STEPS_MAX] = {0};
    size_t depth;
    static world w;
    do {
        begin(&w, size);
        for (depth = 0;; depth++) {
            cr_assert(depth < STEPS_MAX - 1);
            int player = step[depth];
            while (player < PLAYERS && !can(&w, player)) player++;
            if (player == PLAYERS) break;
            step[depth] = (unsigned char)player;
            act(&w, player);
        }
        check_end(&w);
        orders++;
        /* The next order: the last step that some later player could have made is given to it. */
        bool more = false;
        while (depth > 0 && !more) {
            depth--;
            begin(&w, size);
            for (size_t i = 0; i < depth; i++) act(&w, step[i]);
            for (int player = step[depth] + 1; player < PLAYERS && !more; player++)
                if (can(&w, player)) {
                    step[depth] = (unsigned char)player;
                    memset(step + depth + 1, 0, sizeof step - depth - 1);
                    more = true;
                }
        }
        if (!more) return;
    } while (true);
}

Test(orders, every_order_of_two_senders_and_a_receiver) {
    for (uint32_t limit = 1; limit <= 3; limit++) explore((scale){limit, 2, 0});
    explore((scale){1, 3, 0});
    cr_log_info("%lu orders", orders);
    cr_assert(orders > 50000);
}

Test(orders, every_order_with_kicks) {
    for (uint32_t limit = 1; limit <= 2; limit++) explore((scale){limit, 2, 1});
    explore((scale){1, 2, 2});
    cr_log_info("%lu orders", orders);
    cr_assert(orders > 50000);
}
