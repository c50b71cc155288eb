#include <criterion/criterion.h>
#include <string.h>

#include "base/heap.h"
#include "serial/envelope.h"
#include "test/serial/sample.h"
#include "test/support/counting_heap.h"

struct note {
    const char *first, *second;
    troupe_bytes blob;
    uint32_t number;
};

struct only {
    troupe_bytes blob;
};

static const troupe_type only_type = TROUPE_TYPE(only, TROUPE_FIELD(only, blob));
static const troupe_type note_type =
    TROUPE_TYPE(note, TROUPE_FIELD(note, first), TROUPE_FIELD(note, second),
                TROUPE_FIELD(note, blob), TROUPE_FIELD(note, number));
static const troupe_type tick_type = TROUPE_SIGNAL_TYPE("tick");
static const troupe_type tock_type = TROUPE_SIGNAL_TYPE("tock");

static counting_heap heap;
static const tr_pool pool = {.heap = &heap.heap}; /* direct: each message is a block of the heap */

static void open_heap(void) {
    counting_heap_init(&heap);
}

static void close_heap(void) {
    cr_assert(counting_heap_fini(&heap));
}

TestSuite(envelope, .timeout = 20, .init = open_heap, .fini = close_heap);

enum { PREFIX = 16 }; /* before a message that is the heap's */

static uint32_t flags_of(const troupe_msg *msg) {
    return msg->flags & ((1u << TR_MSG_STAMP_SHIFT) - 1);
}

/* Makes one, and looks at what every new message has in common. */
static troupe_msg *make(const troupe_type *type, const void *body) {
    troupe_msg *msg = NULL;
    cr_assert_eq(tr_msg_make(&pool, type, body, &msg), TROUPE_OK);
    cr_assert_not_null(msg);
    cr_assert_eq((uintptr_t)msg % 16, 0);
    cr_assert_eq(msg->type, type);
    cr_assert(troupe_same(tr_msg_sender(msg, 1), TROUPE_NOBODY));
    cr_assert_eq(msg->generation, 0);
    cr_assert_eq(flags_of(msg), 0);
    cr_assert_null(msg->link.next);
    return msg;
}

Test(envelope, copies_texts_and_bytes_into_one_allocation) {
    char first[] = "hello", blob[] = "abc";
    struct note note = {first, "x", {blob, 3}, 7};
    troupe_msg *msg = make(&note_type, &note);
    memset(first, '!', sizeof first - 1);
    memset(blob, '!', sizeof blob - 1);
    note.number = 0;

    const struct note *body = troupe_as(msg, &note_type);
    cr_assert_eq(body, tr_msg_body(msg));
    cr_assert_str_eq(body->first, "hello");
    cr_assert_str_eq(body->second, "x");
    cr_assert_eq(body->blob.size, 3);
    cr_assert_eq(memcmp(body->blob.data, "abc", 3), 0);
    cr_assert_eq(body->number, 7);

    size_t size = sizeof(troupe_msg) + sizeof note + sizeof "hello" + sizeof "x" + 3;
    counting_heap_state state = counting_heap_look(&heap);
    cr_assert_eq(tr_msg_size(msg), rounded(size));
    cr_assert_eq(state.blocks, 1);
    cr_assert_eq(state.bytes, PREFIX + rounded(size));
    cr_assert_eq(body->first, (const char *)(body + 1));
    cr_assert_eq((const char *)body->blob.data + 3, (const char *)msg + size);
    troupe_drop(&msg);
    cr_assert_null(msg);
}

Test(envelope, no_text_is_an_empty_text_and_no_bytes_are_none) {
    troupe_msg *msg = make(&note_type, &(struct note){.number = 1});
    const struct note *body = troupe_as(msg, &note_type);
    cr_assert_str_empty(body->first);
    cr_assert_str_empty(body->second);
    cr_assert_eq(body->blob.size, 0);
    cr_assert_eq(tr_msg_size(msg), rounded(sizeof *msg + sizeof *body + 2));
    troupe_drop(&msg);
}

Test(envelope, bytes_without_a_size_do_not_point_at_the_callers_memory) {
    struct only only = {{"theirs", 0}};
    troupe_msg *msg = make(&only_type, &only);
    const struct only *body = troupe_as(msg, &only_type);
    cr_assert_neq(body->blob.data, only.blob.data);
    cr_assert_eq(tr_msg_size(msg), rounded(sizeof *msg + sizeof only));
    troupe_drop(&msg);
}

Test(envelope, every_kind_arrives) {
    troupe_msg *msg = make(&sample_type, &sample);
    cr_assert(sample_equal(troupe_as(msg, &sample_type), &sample));
    troupe_drop(&msg);
}

Test(envelope, a_small_body_shares_one_cache_line_with_its_header) {
    tr_pool slabs;
    troupe_msg *msg = NULL;
    const troupe_type type = {"32 bytes", 32, NULL, 0, 0};
    cr_assert_eq(sizeof(troupe_msg), 32);
    cr_assert(tr_pool_init(&slabs, &tr_heap_default, tr_pool_ground()));
    cr_assert_eq(tr_msg_make(&slabs, &type, &sample, &msg), TROUPE_OK);
    cr_assert_eq(tr_msg_size(msg), 64);
    if (tr_pool_ground()) cr_assert_eq((uintptr_t)msg % 64, 0);
    tr_pool_fini(&slabs);
    troupe_drop(&msg); /* outlives its pool */
}

/* Made at once, a message is what it is when made by the long way; each byte of its body. */
Test(envelope, a_small_flat_message_is_made_at_once) {
    unsigned char body[68];
    for (size_t i = 0; i < sizeof body; i++) body[i] = (unsigned char)(i + 1);
    counting_heap ground;
    counting_heap_init(&ground);
    tr_pool slabs;
    tr_cache cache;
    cr_assert(tr_pool_init(&slabs, &tr_heap_default, &ground.heap));
    tr_cache_init(&cache, &slabs);
    (void)tr_cache_use(&cache);
    for (size_t size = 0; size <= sizeof body; size++) {
        const troupe_type type = {"flat", size, NULL, 0, TROUPE_FLAT};
        troupe_msg *slowly = NULL, *other = NULL;
        cr_assert_eq(tr_msg_make(&slabs, &type, body, &slowly), TROUPE_OK); /* fills the cache */
        troupe_msg *msg = tr_msg_make_at_once(&cache, &type, body, TR_MSG_COUNTED);
        cr_assert_eq(msg != NULL, size % 4 == 0 && size <= 64, "%zu", size);
        if (msg) {
            cr_assert_eq(memcmp(msg + 1, body, size), 0);
            cr_assert_eq(msg->flags, slowly->flags | TR_MSG_COUNTED);
            cr_assert_null(
                tr_msg_make_at_once(&cache, &(troupe_type){"deep", size, NULL, 0, 0}, body, 0),
                "who knows");
        }
        other = tr_msg_make_at_once(&cache, &type, NULL, 0);
        cr_assert_eq(other != NULL, size == 0);
        troupe_drop(&other);
        troupe_drop(&msg);
        troupe_drop(&slowly);
    }
    (void)tr_cache_use(NULL);
    tr_cache_flush(&cache);
    tr_pool_fini(&slabs);
    cr_assert(counting_heap_fini(&ground));
}

Test(envelope, nothing_is_made_at_once_of_an_empty_cache) {
    tr_pool slabs;
    tr_cache cache;
    cr_assert(tr_pool_init(&slabs, &tr_heap_default, NULL));
    tr_cache_init(&cache, &slabs);
    cr_assert_null(tr_msg_make_at_once(&cache, &tick_type, NULL, 0));
    tr_pool_fini(&slabs);
}

Test(envelope, a_block_of_a_slab_keeps_the_node_of_its_sender_behind_its_body) {
    tr_pool slabs;
    const troupe_ref far = {7, 9};
    cr_assert(tr_pool_init(&slabs, &tr_heap_default, tr_pool_ground()));
    for (size_t size = 0; size <= 1100; size++) {
        const troupe_type type = {"bytes", size, NULL, 0, 0};
        troupe_msg *msg = NULL;
        cr_assert_eq(tr_msg_take(&slabs, &type, 0, &msg), TROUPE_OK);
        cr_assert_geq(tr_msg_size(msg), sizeof *msg + size + sizeof far.node);
        tr_msg_set_sender(msg, 1, far);
        const char *body = tr_msg_body(msg);
        for (size_t i = 0; i < size; i++) cr_assert_eq(body[i], 0);
        cr_assert(troupe_same(tr_msg_sender(msg, 1), far));
        troupe_drop(&msg);
    }
    tr_pool_fini(&slabs);
}

Test(envelope, a_signal_has_no_body_but_is_told_apart) {
    troupe_msg *msg = make(&tick_type, NULL);
    cr_assert_eq(tr_msg_size(msg), sizeof *msg);
    cr_assert_not_null(troupe_as(msg, &tick_type));
    cr_assert_null(troupe_as(msg, &tock_type));
    cr_assert_null(troupe_as(msg, &note_type));
    cr_assert_null(troupe_as(msg, NULL));
    cr_assert_null(troupe_as(NULL, &tick_type));
    cr_assert_str_eq(troupe_type_name(msg), "tick");
    cr_assert_not_null(troupe_type_name(NULL));
    troupe_drop(&msg);
}

/* A header that two sources include makes two types of each `static const` one. */
Test(envelope, the_same_type_from_another_source_is_the_same) {
    static const troupe_type again = TROUPE_SIGNAL_TYPE("tick");
    static const troupe_field fields[] = {TROUPE_FIELD(note, first), TROUPE_FIELD(note, second),
                                          TROUPE_FIELD(note, blob), TROUPE_FIELD(note, number)};
    static const troupe_type note_again = {"note", sizeof(struct note), fields, 4, 0};
    static const troupe_type note_other = {"nota", sizeof(struct note), fields, 4, 0};
    troupe_msg *msg = make(&again, NULL), *note = make(&note_again, &(struct note){.number = 3});
    cr_assert_not_null(troupe_as(msg, &tick_type));
    cr_assert_not_null(troupe_as(note, &note_type));
    cr_assert_null(troupe_as(note, &note_other));
    troupe_drop(&msg);
    troupe_drop(&note);
}

Test(envelope, refuses_a_missing_body_and_bytes_without_data) {
    troupe_msg *msg = (troupe_msg *)&heap;
    cr_assert_eq(tr_msg_make(&pool, &note_type, NULL, &msg), TROUPE_INVALID);
    cr_assert_null(msg);
    struct note note = {.blob = {NULL, 1}};
    cr_assert_eq(tr_msg_make(&pool, &note_type, &note, &msg), TROUPE_INVALID);
    cr_assert_null(msg);
    cr_assert_eq(counting_heap_look(&heap).takes, 0);
}

Test(envelope, refuses_what_is_over_the_limit_before_it_reads_or_takes_anything) {
    size_t rest = TR_MSG_LIMIT - sizeof(troupe_msg) - sizeof(struct note) - 2; /* two texts */
    size_t sizes[] = {rest + 1, TR_MSG_LIMIT, TR_MSG_LIMIT + 1, SIZE_MAX - 1, SIZE_MAX};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct note note = {.blob = {"", sizes[i]}};
        troupe_msg *msg = NULL;
        cr_assert_eq(tr_msg_make(&pool, &note_type, &note, &msg), TROUPE_TOOBIG, "%zu", i);
        cr_assert_null(msg);
        cr_assert_eq(tr_msg_take(&pool, &note_type, sizes[i] - (i == 0 ? 6 : 0), &msg),
                     TROUPE_TOOBIG, "%zu", i);
    }
    const troupe_type huge = {"huge", SIZE_MAX, NULL, 0, 0};
    troupe_msg *msg = NULL;
    cr_assert_eq(tr_msg_take(&pool, &huge, 0, &msg), TROUPE_TOOBIG);
    cr_assert_eq(counting_heap_look(&heap).takes, 0);
    /* Exactly the limit is allowed; there is only no memory for it here. */
    counting_heap_fail(&heap, 1, 0);
    cr_assert_eq(tr_msg_take(&pool, &note_type, rest + 2 - 8, &msg), TROUPE_NOMEM);
    cr_assert_null(msg);
}

Test(envelope, survives_that_there_is_no_memory) {
    troupe_msg *msg = NULL;
    counting_heap_fail(&heap, 1, 0);
    cr_assert_eq(tr_msg_make(&pool, &sample_type, &sample, &msg), TROUPE_NOMEM);
    cr_assert_null(msg);
    msg = make(&sample_type, &sample); /* and the next one is made */
    troupe_drop(&msg);
    cr_assert_eq(counting_heap_look(&heap).takes, 2);
}

Test(envelope, take_gives_a_body_of_zeros_with_room_behind) {
    troupe_msg *msg = NULL;
    struct note zero = {0};
    cr_assert_eq(tr_msg_take(&pool, &note_type, 11, &msg), TROUPE_OK);
    cr_assert_eq(tr_msg_size(msg), rounded(sizeof *msg + sizeof zero + 11 + 8));
    cr_assert_eq(memcmp(tr_msg_body(msg), &zero, sizeof zero), 0);
    cr_assert_eq(flags_of(msg), TR_MSG_TRAILER);
    char *room = (char *)tr_msg_body(msg) + sizeof zero, *start = room;
    tr_msg_put_text(msg, &note_type.field[1], "four", 4, &room);
    tr_msg_put_text(msg, &note_type.field[0], "5", 1, &room);
    cr_assert_eq(room, start + 7);
    const struct note *body = troupe_as(msg, &note_type);
    cr_assert_str_eq(body->first, "5");
    cr_assert_str_eq(body->second, "four");
    cr_assert_null(body->blob.data);
    troupe_drop(&msg);
}

Test(envelope, knows_its_sender_on_this_node_and_on_others) {
    const troupe_ref here = {1, 77}, there = {2, 77};
    troupe_msg *msg = NULL;
    cr_assert_eq(tr_msg_take(&pool, &tick_type, 0, &msg), TROUPE_OK);
    tr_msg_set_sender(msg, 1, there);
    cr_assert(troupe_same(tr_msg_sender(msg, 1), there));
    tr_msg_set_sender(msg, 1, here);
    cr_assert(troupe_same(tr_msg_sender(msg, 1), here));
    tr_msg_set_sender(msg, 1, TROUPE_NOBODY);
    cr_assert(troupe_same(tr_msg_sender(msg, 1), TROUPE_NOBODY));
    cr_assert_eq(flags_of(msg), TR_MSG_TRAILER);
    troupe_drop(&msg);
}

Test(envelope, an_embedded_message_is_never_freed) {
    struct holder {
        troupe_msg msg;
        struct note body;
    } holder;
    memset(&holder, 0xEE, sizeof holder);
    holder.body = (struct note){.first = "kept", .number = 4};
    tr_msg_embed(&holder.msg, &note_type);
    cr_assert_eq(holder.msg.flags, TR_MSG_EMBEDDED);
    cr_assert_null(holder.msg.link.next);
    cr_assert(troupe_same(tr_msg_sender(&holder.msg, 1), TROUPE_NOBODY));
    const struct note *body = troupe_as(&holder.msg, &note_type);
    cr_assert_str_eq(body->first, "kept");
    cr_assert_eq(tr_msg_of(&holder.msg.link), &holder.msg);
    troupe_msg *msg = &holder.msg;
    troupe_drop(&msg);
    cr_assert_null(msg);
    cr_assert_eq(holder.body.number, 4);
}

Test(envelope, drop_does_nothing_to_nothing) {
    troupe_msg *msg = NULL;
    troupe_drop(&msg);
    troupe_drop(NULL);
    cr_assert_null(msg);
}
