#include "serial/share.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <string.h>

#include "test/support/counting_heap.h"

struct word {
    const char *text;
    uint32_t n;
};
static const troupe_type word_type =
    TROUPE_TYPE(word, TROUPE_FIELD(word, text), TROUPE_FIELD(word, n));
static const troupe_type other_type = TROUPE_SIGNAL_TYPE("word");
static const troupe_type share_like = {"word", 16, NULL, 0, TROUPE_FLAT};

static counting_heap heap;
static const tr_pool direct = {.heap = &heap.heap};

static void open_heap(void) {
    counting_heap_init(&heap);
}

static void close_heap(void) {
    cr_assert(counting_heap_fini(&heap));
}

TestSuite(share, .timeout = 20, .init = open_heap, .fini = close_heap);

static troupe_msg *make(const tr_pool *pool, uint32_t n) {
    troupe_msg *msg;
    cr_assert_eq(tr_msg_make(pool, &word_type, &(struct word){"hello", n}, &msg), TROUPE_OK);
    return msg;
}

Test(share, all_have_one_body) {
    troupe_msg *first = make(&direct, 7), *second, *third;
    const struct word *body = troupe_as(first, &word_type);
    cr_assert_eq(tr_msg_share(&direct, &first, &second), TROUPE_OK);
    cr_assert_eq(tr_msg_share(&direct, &second, &third), TROUPE_OK);
    cr_assert_neq(first, second);
    cr_assert_neq(second, third);
    cr_assert_eq(troupe_as(first, &word_type), body);
    cr_assert_eq(troupe_as(second, &word_type), body);
    cr_assert_eq(troupe_as(third, &word_type), body);
    troupe_drop(&first);
    troupe_drop(&third);
    cr_assert_str_eq(body->text, "hello");
    troupe_drop(&second);
    cr_assert_eq(counting_heap_look(&heap).blocks, 0);
}

Test(share, each_reads_like_the_message) {
    char text[64];
    troupe_msg *first = make(&direct, 7), *second;
    cr_assert_eq(tr_msg_share(&direct, &first, &second), TROUPE_OK);
    cr_assert_str_eq(troupe_type_name(second), "word");
    cr_assert_null(troupe_as(second, &other_type));
    cr_assert_null(troupe_as(second, &share_like));
    cr_assert_gt(troupe_print(second, text, sizeof text), 0);
    cr_assert_str_eq(text, "word {text: \"hello\", n: 7}");
    cr_assert_eq(tr_msg_content(second)->type, &word_type);
    troupe_msg *alone = make(&direct, 7);
    cr_assert(troupe_equal(second, alone));
    cr_assert_eq(troupe_hash(second), troupe_hash(alone));
    unsigned char shared_bytes[64], bytes[64];
    size_t shared_size, size;
    cr_assert_eq(troupe_encode(second, shared_bytes, sizeof bytes, &shared_size), TROUPE_OK);
    cr_assert_eq(troupe_encode(alone, bytes, sizeof bytes, &size), TROUPE_OK);
    cr_assert_eq(shared_size, size);
    cr_assert_eq(memcmp(shared_bytes, bytes, size), 0);
    troupe_drop(&alone);
    troupe_drop(&first);
    troupe_drop(&second);
}

Test(share, who_has_it_in_hand_keeps_its_sender) {
    troupe_msg *first, *second;
    cr_assert_eq(tr_msg_take(&direct, &word_type, 0, &first), TROUPE_OK);
    tr_msg_set_sender(first, 1, (troupe_ref){9, 5});
    first->flags |= TR_MSG_ASK;
    cr_assert_eq(tr_msg_share(&direct, &first, &second), TROUPE_OK);
    cr_assert(troupe_same(tr_msg_sender(first, 1), (troupe_ref){9, 5}));
    cr_assert(first->flags & TR_MSG_ASK);
    cr_assert(troupe_same(tr_msg_sender(second, 1), TROUPE_NOBODY), "nobody has sent it yet");
    cr_assert_not(second->flags & TR_MSG_ASK);
    troupe_drop(&second);
    troupe_drop(&first);
}

Test(share, of_nothing_is_invalid) {
    troupe_msg *none = NULL, *out = (troupe_msg *)&heap;
    cr_assert_eq(tr_msg_share(&direct, &none, &out), TROUPE_INVALID);
    cr_assert_null(out);
    struct {
        _Alignas(16) troupe_msg msg;
    } part;
    tr_msg_embed(&part.msg, &other_type);
    none = &part.msg;
    cr_assert_eq(tr_msg_share(&direct, &none, &out), TROUPE_INVALID);
    cr_assert_eq(none, &part.msg);
}

Test(share, in_a_pool_too) {
    tr_pool pool;
    cr_assert(tr_pool_init(&pool, &heap.heap, &heap.heap));
    troupe_msg *first = make(&pool, 3), *many[100];
    for (int i = 0; i < 100; i++) cr_assert_eq(tr_msg_share(&pool, &first, &many[i]), TROUPE_OK);
    tr_pool_fini(&pool); /* a message may outlive it */
    for (int i = 0; i < 100; i++) {
        cr_assert_eq(((const struct word *)troupe_as(many[i], &word_type))->n, 3);
        troupe_drop(&many[i]);
    }
    troupe_drop(&first);
}

enum { SHARES = 200 };

static void *drop_all(void *arg) {
    troupe_msg **many = arg;
    for (int i = 0; i < SHARES; i++) {
        cr_assert_eq(((const struct word *)troupe_as(many[i], &word_type))->n, 3);
        troupe_drop(&many[i]);
    }
    return NULL;
}

Test(share, the_last_one_is_on_any_thread) {
    for (int round = 0; round < 50; round++) {
        troupe_msg *first = make(&direct, 3), *many[2][SHARES];
        pthread_t thread;
        for (int i = 0; i < 2 * SHARES; i++)
            cr_assert_eq(tr_msg_share(&direct, &first, &many[i % 2][i / 2]), TROUPE_OK);
        troupe_drop(&first);
        cr_assert_eq(pthread_create(&thread, NULL, drop_all, many[0]), 0);
        (void)drop_all(many[1]);
        cr_assert_eq(pthread_join(thread, NULL), 0);
    }
}
