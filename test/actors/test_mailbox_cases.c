/* The numbered cases of bounded mailboxes, by the public interface: an actor's mailbox instead of a
 * channel. docs/conformance.md says what each number is about, and why some do not apply. */
#include <criterion/criterion.h>
#include <sched.h>
#include <string.h>

#include "base/os.h"
#include "test/support/gate.h"
#include "test/support/stage.h"

TestSuite(mailbox_conformance, .timeout = 60);

enum { PRODUCERS = 8 };

struct numbered {
    uint32_t sender;
    uint64_t number, copy[4];
};
static const troupe_type numbered_type =
    TROUPE_TYPE(numbered, TROUPE_FIELD(numbered, sender), TROUPE_FIELD(numbered, number));

static troupe_msg *make(uint32_t sender, uint64_t number) {
    const struct numbered body = {sender, number, {number, number, number, number}};
    troupe_msg *msg;
    cr_assert_eq(troupe_make(stage_rt(), &numbered_type, &body, &msg), TROUPE_OK);
    return msg;
}

/* Posts one, which stays ours if it is refused, unchanged. */
static troupe_err post(troupe_ref to, uint32_t sender, uint64_t number) {
    troupe_msg *msg = make(sender, number), *before = msg;
    troupe_err err = troupe_post(stage_rt(), to, &msg);
    cr_assert_eq(msg, err ? before : NULL);
    if (err)
        cr_assert_eq(((const struct numbered *)troupe_as(msg, &numbered_type))->number, number);
    troupe_drop(&msg);
    return err;
}

/* Posts it again and again until there is room. */
static void post_at_last(troupe_ref to, uint32_t sender, uint64_t number) {
    troupe_err err;
    while ((err = post(to, sender, number)) == TROUPE_FULL) sched_yield();
    cr_assert_eq(err, TROUPE_OK);
}

static troupe_ref spawn(const troupe_behaviour *what) {
    troupe_ref who;
    cr_assert_eq(troupe_spawn(stage_rt(), what, NULL, &who), TROUPE_OK);
    return who;
}

/* --- What the actors have seen ---------------------------------------------------------------- */

static struct {
    uint64_t next[PRODUCERS]; /* of each sender; written by the one actor */
    tr_atomic64 handled;
} seen;

/* Each sender's numbers rise by one, and the body is whole. */
static troupe_err count_in_order(troupe_self *self, void *state, troupe_msg **msg) {
    (void)self, (void)state;
    const struct numbered *it = troupe_as(*msg, &numbered_type);
    cr_assert_eq(it->number, seen.next[it->sender]++);
    for (int i = 0; i < 4; i++) cr_assert_eq(it->copy[i], it->number);
    tr_add64_relaxed(&seen.handled, 1);
    return TROUPE_OK;
}

static void await_handled(uint64_t n) {
    while (tr_load64_relaxed(&seen.handled) < n) sched_yield();
    cr_assert_eq(tr_load64_relaxed(&seen.handled), n);
}

/* --- Threads ---------------------------------------------------------------------------------- */

static struct member {
    tr_thread thread;
    uint32_t index;
    void (*work)(uint32_t index);
} members[PRODUCERS];
static troupe_ref target;
static uint64_t each;

static void *run(void *arg) {
    struct member *me = arg;
    me->work(me->index);
    return NULL;
}

/* So many threads do the same, and end. */
static void together(unsigned n, void (*work)(uint32_t index)) {
    for (uint32_t i = 0; i < n; i++) {
        members[i].index = i;
        members[i].work = work;
        cr_assert(tr_thread_start(&members[i].thread, "member", run, &members[i]));
    }
    for (uint32_t i = 0; i < n; i++) tr_thread_join(&members[i].thread);
}

/* --- Capacity --------------------------------------------------------------------------------- */

static const uint32_t capacities[] = {1, 2, 3, 7, 8, 64, 1000};
enum { CAPACITIES = sizeof capacities / sizeof *capacities };

Test(mailbox_conformance, case_01_exact_capacity) {
    static troupe_behaviour counter = {.name = "counter", .receive = count_in_order};
    for (int i = 0; i < CAPACITIES; i++) {
        uint32_t n = counter.mailbox_limit = capacities[i];
        memset(&seen, 0, sizeof seen);
        (void)stage_open(TROUPE_STEPPED);
        troupe_ref who = spawn(&counter);
        for (uint64_t k = 0; k < n; k++) cr_assert_eq(post(who, 0, k), TROUPE_OK);
        for (int k = 0; k < 3; k++) cr_assert_eq(post(who, 0, n), TROUPE_FULL);
        (void)stage_run();
        cr_assert_eq(seen.next[0], n);
        stage_close();
    }
}

/* A message counts until it is handled: so what the callback holds still takes its place. */
Test(mailbox_conformance, case_02_one_out_one_in) {
    static troupe_behaviour holder = {.name = "holder", .receive = gate_receive};
    for (int i = 0; i < 5; i++) {
        uint32_t n = holder.mailbox_limit = capacities[i];
        (void)stage_open(1);
        gate_shut();
        troupe_ref who = spawn(&holder);
        for (uint64_t k = 0; k < n; k++) cr_assert_eq(post(who, 0, k), TROUPE_OK);
        gate_await(1);
        for (int k = 0; k < 20; k++) {
            cr_assert_eq(post(who, 0, 0), TROUPE_FULL);
            gate_open(1);
            if (n == 1) post_at_last(who, 0, 0); /* nothing says when the one is handled */
            gate_await(1);
            if (n > 1) cr_assert_eq(post(who, 0, 0), TROUPE_OK); /* the one before is */
            cr_assert_eq(post(who, 0, 0), TROUPE_FULL);
        }
        gate_open(2000);
        stage_close();
    }
}

Test(mailbox_conformance, case_04_free_and_total_capacity) {
    static const troupe_behaviour counter = {
        .name = "counter", .mailbox_limit = 5, .receive = count_in_order};
    troupe *rt = stage_open(TROUPE_STEPPED);
    troupe_ref who = spawn(&counter);
    uint32_t waiting, limit;
    for (uint32_t n = 0; n <= 5; n++) {
        cr_assert_eq(troupe_mailbox(rt, who, &waiting, &limit), TROUPE_OK);
        cr_assert_eq(waiting, n);
        cr_assert_eq(limit, 5);
        cr_assert_eq(post(who, 0, n), n < 5 ? TROUPE_OK : TROUPE_FULL);
    }
    (void)stage_run();
    cr_assert_eq(troupe_mailbox(rt, who, &waiting, &limit), TROUPE_OK);
    cr_assert_eq(waiting, 0);
    cr_assert_eq(limit, 5);
    stage_close();
}

static tr_atomic64 accepted;

static void fill(uint32_t index) {
    troupe_err err;
    for (uint64_t n = 0; !(err = post(target, index, n)); n++) tr_add64_relaxed(&accepted, 1);
    cr_assert_eq(err, TROUPE_FULL);
}

/* The actor holds one of them, and handles none. */
Test(mailbox_conformance, case_05_concurrent_fill) {
    static troupe_behaviour holder = {.name = "holder", .receive = gate_receive};
    (void)stage_open(1);
    gate_shut();
    for (uint32_t round = 0; round < 100; round++) {
        holder.mailbox_limit = 1 + round * 7 % 100;
        target = spawn(&holder);
        accepted.value = 0;
        together(PRODUCERS, fill);
        cr_assert_eq(tr_load64_relaxed(&accepted), holder.mailbox_limit);
        gate_await(1);
        cr_assert_eq(troupe_kill(stage_rt(), target), TROUPE_OK);
        gate_open(1);
        stage_await_gone(target);
    }
    stage_close();
}

/* --- Order ------------------------------------------------------------------------------------ */

static void post_numbers(uint32_t index) {
    for (uint64_t n = 0; n < each; n++) post_at_last(target, index, n);
}

static void in_order_per_sender(uint32_t capacity, uint64_t of_each) {
    static troupe_behaviour counter = {.name = "counter", .receive = count_in_order};
    counter.mailbox_limit = capacity;
    memset(&seen, 0, sizeof seen);
    (void)stage_open(2);
    target = spawn(&counter);
    each = of_each;
    together(4, post_numbers);
    await_handled(4 * each);
    stage_close();
}

Test(mailbox_conformance, case_07_fifo_per_sender) {
    in_order_per_sender(64, 25000);
    in_order_per_sender(2, 2000);
}

Test(mailbox_conformance, case_07_fifo_per_sender_at_capacity_1) {
    in_order_per_sender(1, 2000);
}

/* The first one sends to the target, then tells the second one, who sends there as well. Numbers of
 * all three are those of the rounds, which are plain for each of the actors. */
static troupe_ref second;

static troupe_err send_and_tell(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    troupe_msg *told = make(0, ((const struct numbered *)troupe_as(*msg, &numbered_type))->number);
    cr_assert_eq(troupe_send(self, target, msg), TROUPE_OK);
    cr_assert_eq(troupe_send(self, second, &told), TROUPE_OK);
    return TROUPE_OK;
}

static troupe_err send_too(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    uint64_t number = ((const struct numbered *)troupe_as(*msg, &numbered_type))->number;
    troupe_msg *effect = make(1, number);
    cr_assert_eq(troupe_send(self, target, &effect), TROUPE_OK);
    return TROUPE_OK;
}

static troupe_err cause_first(troupe_self *self, void *state, troupe_msg **msg) {
    troupe_err err = count_in_order(self, state, msg);
    cr_assert_geq(seen.next[0], seen.next[1], "the cause comes first");
    return err;
}

Test(mailbox_conformance, case_08_causal_order_through_a_third_party) {
    enum { ROUNDS = 10000, AT_ONCE = 32 };
    static const troupe_behaviour first_is = {.name = "first", .receive = send_and_tell},
                                  second_is = {.name = "second", .receive = send_too},
                                  target_is = {.name = "target", .receive = cause_first};
    for (unsigned workers = 1; workers <= 4; workers *= 2) {
        memset(&seen, 0, sizeof seen);
        (void)stage_open(workers);
        target = spawn(&target_is);
        second = spawn(&second_is);
        troupe_ref first = spawn(&first_is);
        for (uint64_t n = 0; n < ROUNDS; n++) {
            post_at_last(first, 0, n);
            if (n % AT_ONCE == AT_ONCE - 1) await_handled(2 * n + 2);
        }
        await_handled(2 * ROUNDS);
        stage_close();
    }
}

/* --- Closing ---------------------------------------------------------------------------------- */

static tr_atomic32 here;

static void race_to_stop(uint32_t index) {
    tr_add32_relaxed(&here, 1);
    while (tr_load32_acquire(&here) < 3) sched_yield();
    if (index == 0) (void)troupe_stop(stage_rt(), target);
    for (uint64_t n = 0; index > 0 && n < 20; n++) {
        troupe_err err = post(target, index, n);
        cr_assert(!err || err == TROUPE_FULL || err == TROUPE_GONE);
        if (err) break; /* or the numbers would have a gap */
        tr_add64_relaxed(&accepted, 1);
    }
}

/* What was accepted is handled or is a dead letter, whenever the actor is stopped. */
Test(mailbox_conformance, case_16_close_races) {
    static const troupe_behaviour counter = {
        .name = "counter", .mailbox_limit = 8, .receive = count_in_order};
    (void)stage_open(2);
    uint64_t dead = stage_dead_letters();
    for (int round = 0; round < 500; round++) {
        memset(&seen, 0, sizeof seen);
        accepted.value = here.value = 0;
        target = spawn(&counter);
        together(3, race_to_stop);
        stage_await_gone(target);
        uint64_t handled = tr_load64_relaxed(&seen.handled), now = stage_dead_letters();
        cr_assert_eq(tr_load64_relaxed(&accepted), handled + now - dead);
        dead = now;
        cr_assert_eq(post(target, 1, 0), TROUPE_GONE);
    }
    stage_close();
}

/* --- The wrong place -------------------------------------------------------------------------- */

static troupe_err ask_myself(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    troupe_msg *before = *msg;
    cr_assert_eq(troupe_ask(troupe_runtime(self), target, msg, 60000), TROUPE_INVALID);
    cr_assert_eq(*msg, before);
    tr_add64_relaxed(&seen.handled, 1);
    return TROUPE_OK;
}

/* On a thread of its own an actor may: test_waits.c. */
Test(mailbox_conformance, case_23_blocking_calls_from_the_wrong_place) {
    static const troupe_behaviour asks = {.name = "asks", .receive = ask_myself};
    const unsigned workers[] = {TROUPE_STEPPED, 1, 2};
    for (int i = 0; i < 3; i++) {
        memset(&seen, 0, sizeof seen);
        (void)stage_open(workers[i]);
        target = spawn(&asks);
        cr_assert_eq(post(target, 0, 0), TROUPE_OK);
        (void)stage_run();
        await_handled(1);
        stage_close();
    }
}

/* --- Ownership and publishing ----------------------------------------------------------------- */

/* `post` looks whether the message is still its sender's. */
Test(mailbox_conformance, case_25_every_refusal_hands_the_message_back) {
    static const troupe_behaviour one = {.mailbox_limit = 1, .receive = count_in_order};
    memset(&seen, 0, sizeof seen);
    troupe *rt = stage_open(TROUPE_STEPPED);
    troupe_ref who = spawn(&one);
    cr_assert_eq(post(who, 0, 0), TROUPE_OK);
    cr_assert_eq(post(who, 0, 1), TROUPE_FULL);
    cr_assert_eq(post(TROUPE_NOBODY, 0, 1), TROUPE_GONE);
    cr_assert_eq(post((troupe_ref){who.node + 1, who.id}, 0, 1), TROUPE_NOCONNECTION);
    cr_assert_eq(troupe_stop(rt, who), TROUPE_OK);
    (void)stage_run();
    cr_assert_eq(post(who, 0, 1), TROUPE_GONE);
    stage_close();
}

/* Sends its message on to itself, until it has done so often enough. */
static troupe_err go_round(troupe_self *self, void *state, troupe_msg **msg) {
    uint64_t *left = state;
    if (*left == 0) *left = each;
    if (--*left == 0) {
        tr_add64_relaxed(&seen.handled, 1);
        return TROUPE_OK;
    }
    return troupe_send(self, troupe_me(self), msg);
}

Test(mailbox_conformance, case_25_a_million_sends_take_no_memory) {
    static const troupe_behaviour circle = {.state_size = sizeof(uint64_t), .receive = go_round};
    each = 1000000;
    const unsigned workers[] = {TROUPE_STEPPED, 1, 2};
    for (int i = 0; i < 3; i++) {
        memset(&seen, 0, sizeof seen);
        (void)stage_open(workers[i]);
        troupe_ref who = spawn(&circle);
        troupe_msg *msg = make(0, 0);
        size_t before = counting_heap_look(stage_heap()).takes;
        cr_assert_eq(troupe_post(stage_rt(), who, &msg), TROUPE_OK);
        (void)stage_run();
        await_handled(1);
        cr_assert_eq(counting_heap_look(stage_heap()).takes, before);
        stage_close();
    }
}

/* Bodies are whole when they arrive (count_in_order looks), though their memory is the next one's
 * as soon as one is handled, and the counting heap fills it with rubbish before. */
Test(mailbox_conformance, case_26_publishing) {
    in_order_per_sender(8, 10000);
}
