/* Models of mailbox/channel.c, by the numbers of the conformance cases. */
#include "channel_world.h"

#include "base/os.h"
#include "base/place.h"

#define THREAD(name) static void name(__attribute__((unused)) void *arg)
#define SETUP(name, ...)                                                                           \
    static void name(void) {                                                                       \
        setup(__VA_ARGS__);                                                                        \
    }

SETUP(empty_1, 1, 0, 0)
SETUP(empty_2, 2, 0, 0)
SETUP(empty_3, 3, 0, 0)
SETUP(full_1, 1, 1, 0)
SETUP(full_2, 2, 2, 0)
SETUP(one_permit, 1, 0, 1)
SETUP(two_permits, 2, 0, 2)
SETUP(permit_and_item, 2, 1, 1)

/* --- Capacity --------------------------------------------------------------------------------- */

THREAD(try_twice_a) {
    for (int i = 0; i < 2; i++) (void)try_send(A);
}
THREAD(try_twice_b) {
    for (int i = 0; i < 2; i++) (void)try_send(B);
}
THREAD(try_twice_c) {
    for (int i = 0; i < 2; i++) (void)try_send(C);
}
THREAD(try_thrice_a) {
    for (int i = 0; i < 3; i++) (void)try_send(A);
}
THREAD(try_thrice_b) {
    for (int i = 0; i < 3; i++) (void)try_send(B);
}
THREAD(try_recv_thrice) {
    for (int i = 0; i < 3; i++) (void)try_recv();
}
static void is_full(void) {
    ex_check(book.sent == book.capacity);
    all_came_to_an_end();
}

THREAD(reserve_and_send_a) {
    if (!try_reserve(A)) ex_check(!send_reserved(A));
    (void)try_send(A);
}
THREAD(reserve_and_return_b) {
    if (!try_reserve(B)) give_back(B);
    (void)try_send(B);
}
static void room_is_what_is_left(void) {
    uint32_t room;
    troupe_channel_room(tx, &room, NULL);
    ex_check(room == book.capacity - (book.sent - book.received));
    all_came_to_an_end();
}

/* --- Order ------------------------------------------------------------------------------------ */

THREAD(send_a) {
    ex_check(!wait_to_send(A));
}
THREAD(send_b) {
    ex_check(!wait_to_send(B));
}
THREAD(send_c) {
    ex_check(!wait_to_send(C));
}
THREAD(send_twice_a) {
    for (int i = 0; i < 2; i++) ex_check(!wait_to_send(A));
}
THREAD(send_thrice_a) {
    for (int i = 0; i < 3; i++) ex_check(!wait_to_send(A));
}
THREAD(recv_once) {
    ex_check(!wait_to_recv());
}
THREAD(recv_twice) {
    for (int i = 0; i < 2; i++) ex_check(!wait_to_recv());
}
THREAD(recv_thrice) {
    for (int i = 0; i < 3; i++) ex_check(!wait_to_recv());
}
THREAD(recv_batches) {
    for (size_t all = 0, some; all < 3; all += some) ex_check(!wait_to_recv_many(2, &some));
}

/* B sends because A's send has returned. */
THREAD(cause) {
    ex_check(!wait_to_send(A));
    tr_store32_relaxed(&flag, 1); /* the order is the channel's to make */
}
THREAD(effect) {
    while (!tr_load32_relaxed(&flag)) tr_thread_yield();
    ex_check(!wait_to_send(B));
}
THREAD(recv_cause_first) {
    ex_check(!wait_to_recv());
    ex_check(book.next[A] == 1 && book.next[B] == 0);
    ex_check(!wait_to_recv());
}

/* --- Closing ---------------------------------------------------------------------------------- */

/* `tx` is the first one's; the others have clones, made before it starts. */
static void setup_clones(void) {
    setup(2, 0, 0);
    handle[B] = troupe_channel_clone(tx);
}
THREAD(send_and_drop_a) {
    ex_check(!wait_to_send(A));
    troupe_channel_drop(&tx);
}
THREAD(send_and_drop_b) {
    ex_check(!wait_to_send(B));
    troupe_channel_drop(&handle[B]);
}
THREAD(clone_and_drop_b) {
    troupe_tx *another = troupe_channel_clone(handle[B]);
    troupe_channel_drop(&handle[B]);
    troupe_channel_drop(&another);
}
THREAD(receive_all) {
    recv_to_the_end();
}
THREAD(close_and_receive_all) {
    troupe_channel_close(rx);
    recv_to_the_end();
}
THREAD(receive_close_receive_all) {
    ex_check(!wait_to_recv());
    troupe_channel_close(rx);
    recv_to_the_end();
}
THREAD(use_permit_a) {
    ex_check(!send_reserved(A));
}
THREAD(return_permit_a) {
    give_back(A);
}
THREAD(return_permit_b) {
    give_back(B);
}
/* Waits in line, and gives back what it is granted. */
THREAD(reserve_and_return_a) {
    if (!wait_to_reserve(A)) give_back(A);
}
THREAD(reserve_and_use_b) {
    if (!wait_to_reserve(B)) (void)send_reserved(B);
}
THREAD(send_until_closed_a) {
    for (int i = 0; i < 2; i++) (void)wait_to_send(A);
}
THREAD(try_b) {
    (void)try_send(B);
}
THREAD(try_c) {
    (void)try_send(C);
}
THREAD(close_it) {
    troupe_channel_close(rx);
}
THREAD(receive_and_end) {
    (void)wait_to_recv();
    (void)troupe_channel_end(&rx);
}

/* The memory is given back by whoever is last. */
THREAD(drop_tx) {
    troupe_channel_drop(&tx);
}
THREAD(use_permit_at_last) {
    (void)send_reserved(A);
}
THREAD(end_it) {
    (void)troupe_channel_end(&rx);
}
static void ended_meanwhile(void) {
    ex_check(book.gives == 1);
    all_came_to_an_end();
}

/* --- Waiting ---------------------------------------------------------------------------------- */

/* Once all three senders sleep, one slot is freed. */
THREAD(free_one_slot) {
    while (!ex_asleep(1) || !ex_asleep(2) || !ex_asleep(3)) tr_thread_yield();
    ex_check(ex_wakes() == 0);
    ex_check(!try_recv());
    ex_check(ex_wakes() == 1);
    for (int i = 0; i < 3; i++) ex_check(!wait_to_recv());
}

static void impatient_full_1(void) {
    setup(1, 1, 0);
    book.patient = false;
}
static void impatient_1(void) {
    setup(1, 0, 0);
    book.patient = false;
}
THREAD(may_send_a) {
    for (int i = 0; i < 2; i++) (void)wait_to_send(A);
}
THREAD(may_send_b) {
    (void)wait_to_send(B);
}
THREAD(may_recv_twice) {
    for (int i = 0; i < 2; i++) (void)wait_to_recv();
}
THREAD(may_recv_thrice) {
    (void)wait_to_recv();
    for (int i = 0; i < 2; i++) (void)try_recv();
}
/* Nobody waits any more, so each slot must be free again. */
static void all_is_as_before(void) {
    while (!try_recv()) {
    }
    ex_check(try_recv() == TROUPE_EMPTY);
    for (uint32_t i = 0; i < book.capacity; i++) ex_check(!try_send(FIRST));
    ex_check(try_send(FIRST) == TROUPE_FULL);
    all_came_to_an_end();
}

/* In a callback nobody waits; what others do goes on. */
THREAD(wait_in_a_callback) {
    void *item = &flag;
    size_t n;
    troupe_permit none;
    tr_place place = tr_place_enter((tr_place){.runtime = &flag});
    ex_check(troupe_channel_send(handle[A], &item, 1000) == TROUPE_INVALID && item == &flag);
    ex_check(troupe_channel_reserve(handle[A], &none, 1000) == TROUPE_INVALID && !none.of);
    ex_check(troupe_channel_recv(rx, &item, 1000) == TROUPE_INVALID && !item);
    ex_check(troupe_channel_recv_many(rx, &item, 1, 1000, &n) == TROUPE_INVALID && !n);
    (void)tr_place_enter(place);
    ex_check(!wait_to_send(A));
}

/* --- Everything at once, for seeds ------------------------------------------------------------ */

static void do_something(uint32_t sender) {
    switch (ex_choose(5)) {
    case 0:
        (void)try_send(sender);
        break;
    case 1:
        if (!try_reserve(sender)) (void)send_reserved(sender);
        break;
    case 2:
        if (!wait_to_reserve(sender)) give_back(sender);
        break;
    case 3:
        if (!wait_to_reserve(sender)) (void)send_reserved(sender);
        break;
    default:
        (void)wait_to_send(sender);
    }
}
static void do_things(uint32_t sender) {
    for (int i = 0; i < 8; i++) do_something(sender);
    troupe_channel_drop(&handle[sender]);
}
THREAD(something_a) {
    do_things(A);
}
THREAD(something_b) {
    do_things(B);
}
THREAD(something_c) {
    do_things(C);
}
THREAD(something_d) {
    do_things(D);
}
THREAD(receive_somehow) {
    size_t some;
    for (int i = 0; i < 12; i++) {
        unsigned how = ex_choose(3);
        if (how == 0) (void)try_recv();
        if (how == 1) (void)wait_to_recv();
        if (how == 2) (void)wait_to_recv_many(3, &some);
    }
    troupe_channel_close(rx);
    recv_to_the_end();
}
static void begin_somehow(bool patient) {
    setup(1 + ex_choose(3), 0, 0);
    book.patient = patient;
    for (uint32_t i = B; i <= D; i++) handle[i] = troupe_channel_clone(tx);
    tx = NULL; /* it is the first one's, and is dropped there */
    ex_thread("a", something_a, NULL);
    ex_thread("b", something_b, NULL);
    ex_thread("c", something_c, NULL);
    ex_thread("d", something_d, NULL);
    ex_thread("receiver", receive_somehow, NULL);
}
static void begin_patiently(void) {
    begin_somehow(true);
}
static void begin_impatiently(void) {
    begin_somehow(false);
}

/* --- The list --------------------------------------------------------------------------------- */

#define M(model, begin, bound, end, ...)                                                           \
    {                                                                                              \
        .name = "channel." model, .setup = begin, .preemptions = bound, .finish = end, .thread = { \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }
/* The same with waits that may time out. */
#define T(model, begin, bound, times, end, ...)                                                    \
    {                                                                                              \
        .name = "channel." model, .setup = begin, .preemptions = bound, .timeouts = times,         \
        .spurious = 1, .finish = end, .thread = {                                                  \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }

static const ex_model models[] = {
    M("case_01_exact_capacity", empty_2, 20, is_full, try_thrice_a, try_thrice_b),
    M("case_02_one_out_one_in", full_1, 20, all_came_to_an_end, try_thrice_a, try_recv_thrice),
    M("case_02_two_senders", full_2, 6, all_came_to_an_end, try_twice_a, try_twice_b,
      try_recv_thrice),
    M("case_04_permits", empty_2, 5, room_is_what_is_left, reserve_and_send_a, reserve_and_return_b,
      try_recv_thrice),
    M("case_05_concurrent_fill", empty_3, 8, is_full, try_twice_a, try_twice_b, try_twice_c),
    M("case_07_fifo", empty_1, 3, all_came_to_an_end, send_twice_a, send_b, recv_thrice),
    M("case_07_fifo_one", empty_1, 6, all_came_to_an_end, send_thrice_a, recv_thrice),
    M("case_08_cause_first", empty_1, 3, all_came_to_an_end, cause, effect, recv_cause_first),
    M("case_08_cause_first_wide", empty_2, 3, all_came_to_an_end, cause, effect, recv_cause_first),
    M("case_10_batch", empty_2, 4, all_came_to_an_end, send_twice_a, send_b, recv_batches),
    M("case_11_last_sender", setup_clones, 4, all_came_to_an_end, send_and_drop_a, clone_and_drop_b,
      receive_all),
    M("case_11_two_send", setup_clones, 4, all_came_to_an_end, send_and_drop_a, send_and_drop_b,
      receive_all),
    M("case_13_drain", permit_and_item, 5, all_came_to_an_end, use_permit_a, try_b,
      close_and_receive_all),
    M("case_14_by_send", one_permit, 20, all_came_to_an_end, use_permit_a, close_and_receive_all),
    M("case_14_given_back", two_permits, 6, all_came_to_an_end, return_permit_a, return_permit_b,
      close_and_receive_all),
    M("case_14_queued", full_1, 3, all_came_to_an_end, reserve_and_return_a, reserve_and_use_b,
      receive_close_receive_all),
    T("case_14_queued_cancelled", impatient_full_1, 2, 1, all_came_to_an_end, reserve_and_return_a,
      reserve_and_use_b, close_and_receive_all),
    M("case_16_close", full_1, 3, all_came_to_an_end, send_until_closed_a, close_it, receive_all),
    M("case_16_close_two", empty_1, 2, all_came_to_an_end, send_until_closed_a, try_b, receive_all,
      close_it),
    M("case_16_end", full_1, 5, all_came_to_an_end, send_until_closed_a, try_b, receive_and_end),
    M("case_16_all_ends", permit_and_item, 20, ended_meanwhile, drop_tx, use_permit_at_last,
      end_it),
    M("case_17_wake_up", empty_1, 20, all_came_to_an_end, send_a, recv_once),
    M("case_17_wake_up_three", empty_3, 5, all_came_to_an_end, send_twice_a, send_b, recv_thrice),
    M("case_19_fair", full_1, 4, all_came_to_an_end, send_a, send_b, recv_thrice),
    M("case_19_newcomer", full_1, 2, all_came_to_an_end, send_a, send_b, recv_thrice, try_c),
    M("case_20_one_wakes_one", full_1, 2, all_came_to_an_end, send_a, send_b, send_c,
      free_one_slot),
    T("case_22_cancel_send", impatient_full_1, 2, 4, all_is_as_before, may_send_a, may_send_b,
      may_recv_thrice),
    T("case_22_cancel_reserve", impatient_full_1, 2, 2, all_is_as_before, reserve_and_return_a,
      reserve_and_use_b, try_recv_thrice),
    T("case_22_cancel_receive", impatient_1, 4, 2, all_is_as_before, may_send_b, may_recv_twice),
    M("case_23_in_a_callback", empty_1, 4, all_came_to_an_end, wait_in_a_callback, send_b,
      recv_twice),
    {.name = "channel.seeds",
     .setup = begin_patiently,
     .finish = all_came_to_an_end,
     .seeds = 1000},
    {.name = "channel.seeds_cancel",
     .setup = begin_impatiently,
     .finish = all_came_to_an_end,
     .timeouts = 6,
     .spurious = 2,
     .seeds = 1000},
};

int main(int argc, char **argv) {
    return ex_main(argc, argv, models, sizeof models / sizeof *models);
}
