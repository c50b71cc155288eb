/* Models of mailbox/mailbox.c: the exact bound with a reserve at home, closing, and telling of
 * room. */
#include "mailbox_world.h"

#include <string.h>

static void setup1(void) {
    setup(1);
}
static void setup2(void) {
    setup(2);
}
static void setup3(void) {
    setup(3);
}
static void setup_big(void) {
    setup(16);
}

THREAD(push_second) {
    (void)push(SECOND);
}

/* The same without that look at the count, and trying but twice: not exact. */
static tr_push push_inexact(uint32_t sender) {
    item *it = fresh(sender);
    note_begin(sender);
    tr_push pushed = tr_mailbox_push(&box, &it->link, true);
    if (pushed == TR_PUSH_FULL && tr_mailbox_reserved(&box)) {
        tr_bias_take(&bias);
        tr_mailbox_reclaim(&box);
        tr_bias_give(&bias);
        pushed = tr_mailbox_push(&box, &it->link, true);
    }
    note_end(sender, pushed);
    return pushed;
}

/* --- The bound -------------------------------------------------------------------------------- */

THREAD(exact_first) {
    (void)push_exact(FIRST);
    (void)push_exact(FIRST);
}
THREAD(exact_first_once) {
    (void)push_exact(FIRST);
}
THREAD(exact_second) {
    (void)push_exact(SECOND);
}
THREAD(inexact_first) {
    (void)push_inexact(FIRST);
    (void)push_inexact(FIRST);
}
THREAD(inexact_second) {
    (void)push_inexact(SECOND);
}
THREAD(home_fills) {
    (void)push_home(HOME);
    (void)push_home(HOME);
    (void)take();
}
THREAD(home_takes) {
    (void)push_home(HOME);
    (void)take();
    (void)push_home(HOME);
}
/* Two places are known to be idle when the one who waits for that pushes; a third becomes so while
 * the home takes what another sender has pushed. */
THREAD(home_idles) {
    (void)push_home(HOME);
    (void)take();
    tr_store32_release(&flag, 1);
    (void)take();
}
THREAD(exact_when_idle) {
    while (!tr_load32_acquire(&flag)) tr_thread_yield();
    ex_check(push_exact(FIRST) == TR_PUSH_OK);
}
THREAD(fill) { /* one sender alone gets as many in as the bound says */
    for (uint32_t i = 0; i < 3; i++) ex_check(push(FIRST) == TR_PUSH_OK);
    ex_check(push(FIRST) == TR_PUSH_FULL);
    tr_store32_release(&flag, 1);
}
THREAD(take_when_full) {
    while (!tr_load32_acquire(&flag)) tr_thread_yield();
    ex_check(push_home(HOME) == TR_PUSH_FULL);
    ex_check(take());
    ex_check(push_home(HOME) == TR_PUSH_OK);
    ex_check(push_home(HOME) == TR_PUSH_FULL);
}

/* --- Closing ---------------------------------------------------------------------------------- */

static bool closed_told; /* the one who wanted room is to be told by close */

THREAD(close_and_empty) {
    (void)take();
    bool lightly = tr_bias_enter(&bias);
    closed_told = tr_mailbox_close(&box);
    ex_check(tr_mailbox_push_home(&box, &items[HOME][0].link, true) == TR_PUSH_CLOSED);
    for (tr_link *link; (link = tr_mailbox_pop(&box));) {
        look_at(link);
        handled();
    }
    tr_bias_leave(&bias, lightly);
    tr_store32_release(&flag, 1);
}
THREAD(push_until_closed) {
    if (push(FIRST) == TR_PUSH_CLOSED) ex_check(push(FIRST) == TR_PUSH_CLOSED);
    if (tr_load32_acquire(&flag)) ex_check(push(FIRST) == TR_PUSH_CLOSED);
}

/* A push that comes late, while the box is opened for somebody else. */
static uint32_t next_limit;
THREAD(reopen) {
    (void)tr_mailbox_close(&box);
    next_limit = 1;
    tr_mailbox_open(&box, 1, false);
}
THREAD(push_late) {
    static item late[2];
    memset(late, 0, sizeof late);
    if (tr_mailbox_push(&box, &late[0].link, true) != TR_PUSH_OK) return;
    (void)tr_mailbox_push(&box, &late[1].link, true);
}
static void setup_closed(void) {
    setup(2);
    next_limit = 2;
    (void)tr_mailbox_close(&box);
}
static void limit_is_kept(void) {
    ex_check(tr_mailbox_count(&box) <= next_limit);
}

/* --- Room ------------------------------------------------------------------------------------- */

static struct wish { uint32_t of; } wish;

/* Wants room when it is refused; waits until it is told. */
static void push_or_wait(uint32_t messages) {
    for (uint32_t accepted = 0; accepted < messages;) {
        if (push_exact(FIRST) <= TR_PUSH_WAKE) {
            accepted++;
            continue;
        }
        wish.of = accepted;
        bool granted = tr_mailbox_want(&box);
        note_want(granted);
        while (granted && !tr_swap32_seq(&flag, 0)) (void)tr_futex_wait(&flag, 0, TR_NEVER);
    }
}
THREAD(push_or_want) {
    push_or_wait(2);
}
THREAD(push_or_want_thrice) {
    push_or_wait(3);
}
static void take_and_tell_of(uint32_t wanted) {
    for (uint32_t messages = 0; messages < wanted;) {
        bool lightly = tr_bias_enter(&bias);
        tr_link *link = tr_mailbox_pop(&box);
        if (!link) {
            bool parked = tr_mailbox_park(&box);
            if (parked) note_park();
            tr_bias_leave(&bias, lightly);
            if (parked) sleep_until_called();
            continue;
        }
        look_at(link);
        messages++;
        note_handling();
        bool room = tr_mailbox_handled(&box);
        note_handled(room);
        tr_bias_leave(&bias, lightly);
        if (!room) continue;
        ex_check(wish.of < wanted); /* what the wisher wrote before */
        tr_store32_seq(&flag, 1);
        tr_futex_wake(&flag, 1);
    }
}
THREAD(take_and_tell) {
    take_and_tell_of(2);
}
THREAD(take_three_and_tell) {
    take_and_tell_of(push_home(HOME) == TR_PUSH_OK ? 4 : 3);
}
THREAD(take_five_and_tell) {
    take_and_tell_of(5);
}
/* The home keeps what it gives back, and half of the places are taken. */
static void setup_kept(void) {
    setup(4);
    (void)push_home(HOME);
    (void)push_home(HOME);
}
THREAD(want_once) {
    if (push(FIRST) != TR_PUSH_FULL) return;
    wish.of = 1;
    note_want(tr_mailbox_want(&box));
}
static void setup_full(void) {
    setup(1);
    closed_told = false;
    wish.of = 0;
    (void)push(SECOND);
}
THREAD(close_and_tell) {
    closed_told = tr_mailbox_close(&box);
    if (closed_told) ex_check(wish.of == 1);
}
static void the_wish_is_told(void) {
    ex_check(book.wants == (closed_told ? 1 : 0));
}

static const ex_model models[] = {
    M("bound_1", setup1, 4, all_is_received, exact_first, home_takes),
    M("bound_2", setup2, 4, all_is_received, exact_first, home_takes),
    M("bound_2_two", setup2, 3, all_is_received, exact_first_once, exact_second, home_takes),
    M("bound_3", setup3, 4, all_is_received, exact_first, home_fills),
    M("bound_3_two", setup3, 3, all_is_received, exact_first, exact_second, home_fills),
    {.name = "mailbox.bound_3_inexact",
     .setup = setup3,
     .finish = all_is_received,
     .membarrier = true,
     .preemptions = 3,
     .thread = {inexact_first, inexact_second, home_fills},
     .expect = EX_CHECK},
    M("bound_3_idle", setup3, 3, all_is_received, exact_when_idle, exact_second, home_idles),
    M("bound_alone", setup3, 4, all_is_received, fill, take_when_full),
    M("close", setup_big, 4, all_is_received, push_until_closed, push_second, close_and_empty),
    M("close_full", setup2, 4, all_is_received, push_until_closed, push_second, close_and_empty),
    M("reopen", setup_closed, 4, limit_is_kept, push_late, reopen),
    M("want", setup1, 4, all_is_received, push_or_want, take_and_tell),
    M("want_2", setup2, 3, all_is_received, push_or_want_thrice, take_three_and_tell),
    M("want_4", setup_kept, 1, all_is_received, push_or_want_thrice, take_five_and_tell),
    M("want_close", setup_full, 6, the_wish_is_told, want_once, close_and_tell),
};

int main(int argc, char **argv) {
    return ex_main(argc, argv, models, sizeof models / sizeof *models);
}
