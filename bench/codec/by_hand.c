/* msgpack-c, by calls that are written by hand for each type: how quick it can be. Decoding is
 * msgpack_unpack_next, and then a copy of each field to a struct of one allocation, as ours is. */
#include <msgpack.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "contenders.h"

/* --- Encoding --------------------------------------------------------------------------------- */

static void pack_text(msgpack_packer *to, const char *text) {
    size_t size = strlen(text);
    msgpack_pack_str(to, size);
    msgpack_pack_str_body(to, text, size);
}

static msgpack_sbuffer kept; /* so that it has its memory already */

static void pack_quote(void) {
    const struct quote *from = quote_at;
    msgpack_packer to;
    msgpack_sbuffer_clear(&kept);
    msgpack_packer_init(&to, &kept, msgpack_sbuffer_write);
    msgpack_pack_array(&to, 5);
    msgpack_pack_uint64(&to, from->id);
    msgpack_pack_int32(&to, from->change);
    msgpack_pack_double(&to, from->price);
    if (from->open)
        msgpack_pack_true(&to);
    else
        msgpack_pack_false(&to);
    pack_text(&to, from->name);
    sum += (double)kept.size;
}

static void pack_order(void) {
    const struct order *from = order_at;
    msgpack_packer to;
    msgpack_sbuffer_clear(&kept);
    msgpack_packer_init(&to, &kept, msgpack_sbuffer_write);
    msgpack_pack_array(&to, 3);
    msgpack_pack_uint64(&to, from->id);
    pack_text(&to, from->customer);
    msgpack_pack_array(&to, from->lines.count);
    for (size_t i = 0; i < from->lines.count; i++) {
        msgpack_pack_array(&to, 4);
        pack_text(&to, from->lines.at[i].article);
        msgpack_pack_uint32(&to, from->lines.at[i].number);
        msgpack_pack_double(&to, from->lines.at[i].price);
        pack_text(&to, from->lines.at[i].note);
    }
    sum += (double)kept.size;
}

static void pack_drawing(void) {
    const struct drawing *from = drawing_at;
    msgpack_packer to;
    msgpack_sbuffer_clear(&kept);
    msgpack_packer_init(&to, &kept, msgpack_sbuffer_write);
    msgpack_pack_array(&to, 1);
    msgpack_pack_array(&to, from->shapes.count);
    for (size_t i = 0; i < from->shapes.count; i++) {
        const struct shape *shape = &from->shapes.at[i];
        msgpack_pack_array(&to, 2);
        msgpack_pack_int32(&to, (int32_t)shape->what);
        switch (shape->what) {
        case DOT:
            msgpack_pack_nil(&to);
            break;
        case CIRCLE:
            msgpack_pack_double(&to, shape->radius);
            break;
        case LABEL:
            pack_text(&to, shape->label);
            break;
        case CORNER:
            msgpack_pack_array(&to, 2);
            msgpack_pack_int32(&to, shape->corner.x);
            msgpack_pack_int32(&to, shape->corner.y);
            break;
        }
    }
    sum += (double)kept.size;
}

static void pack_settings(void) {
    const struct settings *from = settings_at;
    msgpack_packer to;
    msgpack_sbuffer_clear(&kept);
    msgpack_packer_init(&to, &kept, msgpack_sbuffer_write);
    msgpack_pack_array(&to, 2);
    pack_text(&to, from->name);
    msgpack_pack_map(&to, from->all.count);
    for (size_t i = 0; i < from->all.count; i++) {
        const troupe_any *any = &from->all.at[i].value;
        pack_text(&to, from->all.at[i].key);
        if (any->is == TROUPE_IS_TEXT)
            pack_text(&to, any->text);
        else if (any->is == TROUPE_IS_I64)
            msgpack_pack_int64(&to, any->i64);
        else if (any->is == TROUPE_IS_F64)
            msgpack_pack_double(&to, any->f64);
        else if (any->truth)
            msgpack_pack_true(&to);
        else
            msgpack_pack_false(&to);
    }
    sum += (double)kept.size;
}

/* --- Decoding --------------------------------------------------------------------------------- */

static const msgpack_object *unpack(msgpack_unpacked *to, int which, size_t fields) {
    size_t at = 0;
    const char *bytes = (const char *)encoded[which];
    if (msgpack_unpack_next(to, bytes, encoded_size[which], &at) != MSGPACK_UNPACK_SUCCESS ||
        to->data.type != MSGPACK_OBJECT_ARRAY || to->data.via.array.size != fields)
        exit(1);
    return to->data.via.array.ptr;
}

/* A copy that ends with a NUL, as ours has it. */
static const char *copy_text(const msgpack_object *from, char **room) {
    if (from->type != MSGPACK_OBJECT_STR) exit(1);
    char *text = memcpy(*room, from->via.str.ptr, from->via.str.size);
    text[from->via.str.size] = '\0';
    *room += from->via.str.size + 1;
    return text;
}

static void unpack_quote(void) {
    msgpack_unpacked unpacked;
    msgpack_unpacked_init(&unpacked);
    const msgpack_object *field = unpack(&unpacked, QUOTE, 5);
    struct quote *to = malloc(sizeof *to + ROOM / 8);
    if (!to || field[0].type != MSGPACK_OBJECT_POSITIVE_INTEGER) exit(1);
    char *room = (char *)(to + 1);
    *to = (struct quote){field[0].via.u64, (int32_t)field[1].via.i64, field[2].via.f64,
                         field[3].via.boolean, copy_text(&field[4], &room)};
    sum += to->price;
    free(to);
    msgpack_unpacked_destroy(&unpacked);
}

static void unpack_order(void) {
    msgpack_unpacked unpacked;
    msgpack_unpacked_init(&unpacked);
    const msgpack_object *field = unpack(&unpacked, ORDER, 3);
    struct order *to = malloc(sizeof *to + LINES * sizeof(struct line) + ROOM);
    if (!to || field[2].type != MSGPACK_OBJECT_ARRAY || field[2].via.array.size != LINES) exit(1);
    struct line *line = (struct line *)(to + 1);
    char *room = (char *)(line + LINES);
    *to = (struct order){field[0].via.u64, copy_text(&field[1], &room), {line, LINES}};
    for (size_t i = 0; i < LINES; i++) {
        const msgpack_object *of = field[2].via.array.ptr[i].via.array.ptr;
        line[i] = (struct line){copy_text(&of[0], &room), (uint32_t)of[1].via.u64, of[2].via.f64,
                                copy_text(&of[3], &room)};
    }
    sum += to->lines.at[LINES - 1].price;
    free(to);
    msgpack_unpacked_destroy(&unpacked);
}

static void unpack_drawing(void) {
    msgpack_unpacked unpacked;
    msgpack_unpacked_init(&unpacked);
    const msgpack_object *list = unpack(&unpacked, DRAWING, 1);
    struct drawing *to = malloc(sizeof *to + SHAPES * sizeof(struct shape) + ROOM / 8);
    if (!to || list->type != MSGPACK_OBJECT_ARRAY || list->via.array.size != SHAPES) exit(1);
    struct shape *shape = (struct shape *)(to + 1);
    char *room = (char *)(shape + SHAPES);
    to->shapes.at = shape;
    to->shapes.count = SHAPES;
    for (size_t i = 0; i < SHAPES; i++) {
        const msgpack_object *of = list->via.array.ptr[i].via.array.ptr;
        shape[i].what = (enum what)of[0].via.i64;
        if (shape[i].what == CIRCLE)
            shape[i].radius = of[1].via.f64;
        else if (shape[i].what == LABEL)
            shape[i].label = copy_text(&of[1], &room);
        else if (shape[i].what == CORNER)
            shape[i].corner = (struct point){(int32_t)of[1].via.array.ptr[0].via.i64,
                                             (int32_t)of[1].via.array.ptr[1].via.i64};
        else if (shape[i].what != DOT)
            exit(1);
    }
    sum += shape[1].radius;
    free(to);
    msgpack_unpacked_destroy(&unpacked);
}

static troupe_any copy_any(const msgpack_object *from, char **room) {
    troupe_any any = {.is = TROUPE_IS_BOOL};
    if (from->type == MSGPACK_OBJECT_STR) {
        any.is = TROUPE_IS_TEXT;
        any.text = copy_text(from, room);
    } else if (from->type == MSGPACK_OBJECT_FLOAT64) {
        any.is = TROUPE_IS_F64;
        any.f64 = from->via.f64;
    } else if (from->type == MSGPACK_OBJECT_BOOLEAN) {
        any.truth = from->via.boolean;
    } else {
        any.is = TROUPE_IS_I64;
        any.i64 = from->via.i64;
    }
    return any;
}

static void unpack_settings(void) {
    msgpack_unpacked unpacked;
    msgpack_unpacked_init(&unpacked);
    const msgpack_object *field = unpack(&unpacked, SETTINGS, 2);
    struct settings *to = malloc(sizeof *to + KEYS * sizeof(troupe_entry) + ROOM / 8);
    if (!to || field[1].type != MSGPACK_OBJECT_MAP || field[1].via.map.size != KEYS) exit(1);
    troupe_entry *entry = (troupe_entry *)(to + 1);
    char *room = (char *)(entry + KEYS);
    *to = (struct settings){copy_text(&field[0], &room), {entry, KEYS}};
    for (size_t i = 0; i < KEYS; i++) {
        const msgpack_object_kv *of = &field[1].via.map.ptr[i];
        entry[i].key = copy_text(&of->key, &room);
        entry[i].value = copy_any(&of->val, &room);
    }
    sum += (double)troupe_map_i64(&to->all, "retries", 0);
    free(to);
    msgpack_unpacked_destroy(&unpacked);
}

/* --- All of it -------------------------------------------------------------------------------- */

/* Ends the program if the bytes of one of its messages are others than ours. */
static void prepare(void) {
    for (int i = 0; i < MESSAGES; i++) {
        by_hand.encode[i]();
        by_hand.size[i] = kept.size;
        if (kept.size == encoded_size[i] && !memcmp(kept.data, encoded[i], kept.size)) continue;
        fprintf(stderr, "codec: the bytes of message %d differ\n", i);
        exit(1);
    }
}

contender by_hand = {
    "msgpack-c",
    {pack_quote, pack_order, pack_drawing, pack_settings},
    {unpack_quote, unpack_order, unpack_drawing, unpack_settings},
    prepare,
    {0},
};
