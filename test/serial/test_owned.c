#include "serial/owned.h"

#include <criterion/criterion.h>
#include <pthread.h>

#include "serial/codec.h"
#include "serial/share.h"
#include "serial/type.h"
#include "test/support/counting_heap.h"
#include "test/support/exhaust.h"

static const troupe_type file_type = TROUPE_OWNED_TYPE("file");
static const troupe_type other_type = TROUPE_OWNED_TYPE("other");
static const troupe_type signal_type = TROUPE_SIGNAL_TYPE("file");

static counting_heap heap;
static const tr_pool direct = {.heap = &heap.heap};
static tr_atomic32 destroyed;
static int thing;

static void destroy(void *object) {
    cr_assert_eq(object, &thing);
    (void)tr_add32_relaxed(&destroyed, 1);
}

static void open_heap(void) {
    counting_heap_init(&heap);
}

static void close_heap(void) {
    cr_assert(counting_heap_fini(&heap));
}

TestSuite(owned, .timeout = 20, .init = open_heap, .fini = close_heap);

static troupe_msg *make(void) {
    troupe_msg *msg = NULL;
    cr_assert_eq(tr_msg_own(&direct, &file_type, &thing, destroy, &msg), TROUPE_OK);
    return msg;
}

Test(owned, the_destructor_runs_when_the_message_ends) {
    troupe_msg *msg = make();
    cr_assert_str_eq(troupe_type_name(msg), "file");
    cr_assert_not_null(troupe_as(msg, &file_type));
    cr_assert_eq(troupe_object(msg, &file_type), &thing);
    cr_assert_eq(tr_load32_relaxed(&destroyed), 0);
    troupe_drop(&msg);
    cr_assert_null(msg);
    cr_assert_eq(tr_load32_relaxed(&destroyed), 1);
    cr_assert_eq(counting_heap_look(&heap).blocks, 0);
}

Test(owned, what_is_taken_out_is_not_destroyed) {
    troupe_msg *msg = make();
    cr_assert_eq(troupe_take_object(&msg, &file_type), &thing);
    cr_assert_null(msg);
    cr_assert_eq(tr_load32_relaxed(&destroyed), 0);
    cr_assert_eq(counting_heap_look(&heap).blocks, 0, "the message has ended");
    cr_assert_null(troupe_take_object(&msg, &file_type));
}

Test(owned, of_many_who_share_it_the_last_one_ends_it_or_takes_it) {
    for (int take = 0; take < 2; take++) {
        troupe_msg *first = make(), *second, *third;
        cr_assert_eq(tr_msg_share(&direct, &first, &second), TROUPE_OK);
        cr_assert_eq(tr_msg_share(&direct, &second, &third), TROUPE_OK);
        cr_assert_eq(troupe_object(third, &file_type), &thing);
        troupe_drop(&first);
        cr_assert_null(troupe_take_object(&second, &file_type), "another one has it");
        cr_assert_eq(troupe_object(second, &file_type), &thing);
        troupe_drop(&third);
        cr_assert_eq(tr_load32_relaxed(&destroyed), 0);
        if (take)
            cr_assert_eq(troupe_take_object(&second, &file_type), &thing);
        else
            troupe_drop(&second);
        cr_assert_eq(tr_load32_relaxed(&destroyed), take ? 0 : 1);
        tr_store32_relaxed(&destroyed, 0);
        cr_assert_eq(counting_heap_look(&heap).blocks, 0);
    }
}

Test(owned, a_message_of_another_type_has_no_object) {
    troupe_msg *msg = make(), *signal;
    cr_assert_null(troupe_as(msg, &other_type));
    cr_assert_null(troupe_as(msg, &signal_type), "that has only its name");
    cr_assert_null(troupe_object(msg, &other_type));
    cr_assert_null(troupe_take_object(&msg, &other_type));
    cr_assert_not_null(msg);
    troupe_drop(&msg);
    cr_assert_eq(tr_msg_make(&direct, &signal_type, NULL, &signal), TROUPE_OK);
    cr_assert_null(troupe_object(signal, &signal_type));
    cr_assert_null(troupe_take_object(&signal, &file_type));
    cr_assert_null(troupe_object(NULL, &file_type));
    troupe_drop(&signal);
}

Test(owned, arguments_are_checked) {
    static const troupe_type small = {"small", 8, NULL, 0, TROUPE_OPAQUE};
    troupe_msg *msg = (troupe_msg *)&heap;
    cr_assert_eq(tr_msg_own(&direct, &file_type, NULL, destroy, &msg), TROUPE_INVALID);
    cr_assert_null(msg);
    cr_assert_eq(tr_msg_own(&direct, &file_type, &thing, NULL, &msg), TROUPE_INVALID);
    cr_assert_eq(tr_msg_own(&direct, &signal_type, &thing, destroy, &msg), TROUPE_INVALID);
    cr_assert_eq(tr_msg_own(&direct, &small, &thing, destroy, &msg), TROUPE_INVALID);
    cr_assert_eq(tr_msg_own(&direct, NULL, &thing, destroy, &msg), TROUPE_INVALID);
    cr_assert_eq(tr_load32_relaxed(&destroyed), 0);
}

static troupe_err own(void *ctx) {
    troupe_msg **out = ctx;
    troupe_err err = tr_msg_own(&direct, &file_type, &thing, destroy, out);
    cr_assert_eq(*out == NULL, err != TROUPE_OK);
    return err;
}

static void undo(void *ctx) {
    troupe_drop(ctx);
}

Test(owned, without_memory_the_object_is_still_the_callers) {
    troupe_msg *msg = NULL;
    exhaust_call(&heap, own, undo, &msg);
    cr_assert_eq(tr_load32_relaxed(&destroyed), EXHAUST_SWEEPS, "each time it worked");
}

Test(owned, it_does_not_leave_the_process) {
    troupe_msg *msg = make(), *copy;
    unsigned char bytes[64];
    size_t size;
    char why[64];
    cr_assert_eq(troupe_encode(msg, bytes, sizeof bytes, &size), TROUPE_INVALID);
    cr_assert_eq(troupe_check_type(&file_type, why, sizeof why), TROUPE_INVALID);
    cr_assert_str_eq(why, "file: owns an object");
    struct troupe_owned mine = {&thing, destroy};
    cr_assert_eq(tr_msg_make(&direct, &file_type, &mine, &copy), TROUPE_INVALID);
    cr_assert_null(copy);
    troupe_drop(&msg);
    cr_assert_eq(tr_load32_relaxed(&destroyed), 1);
}

Test(owned, two_are_equal_if_they_are_of_one_object) {
    troupe_msg *one = make(), *other = make(), *share;
    char text[64];
    cr_assert_eq(tr_msg_share(&direct, &one, &share), TROUPE_OK);
    cr_assert(troupe_equal(one, share));
    cr_assert_not(troupe_equal(one, other));
    cr_assert_eq(troupe_hash(one), troupe_hash(share));
    cr_assert_neq(troupe_hash(one), troupe_hash(other));
    (void)troupe_print(one, text, sizeof text);
    cr_assert_str_eq(text, "file");
    troupe_drop(&one);
    troupe_drop(&other);
    troupe_drop(&share);
}

enum { SHARES = 100, ROUNDS = 50 };

static void *drop_all(void *arg) {
    troupe_msg **many = arg;
    for (int i = 0; i < SHARES; i++) troupe_drop(&many[i]);
    return NULL;
}

Test(owned, the_last_one_is_on_any_thread) {
    for (uint32_t round = 1; round <= ROUNDS; round++) {
        troupe_msg *first = make(), *many[2][SHARES];
        pthread_t thread;
        for (int i = 0; i < 2 * SHARES; i++)
            cr_assert_eq(tr_msg_share(&direct, &first, &many[i % 2][i / 2]), TROUPE_OK);
        troupe_drop(&first);
        cr_assert_eq(pthread_create(&thread, NULL, drop_all, many[0]), 0);
        (void)drop_all(many[1]);
        cr_assert_eq(pthread_join(thread, NULL), 0);
        cr_assert_eq(tr_load32_relaxed(&destroyed), round);
    }
}
