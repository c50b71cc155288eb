#include "transport/announce.h"

#include "base/heap.h"
#include "transport/wire.h"

/* A type that the peer was told about. */
typedef struct mark {
    tr_map_entry by_hash;
} mark;

void tr_announced_init(tr_announced *announced, const troupe_heap *heap, size_t limit) {
    *announced = (tr_announced){.heap = heap, .most = TR_SCHEMA_SIZE_MOST};
    if (limit < announced->most) announced->most = limit;
    tr_map_init(&announced->by_hash, heap);
}

static void give_mark(void *ctx, tr_map_entry *at) {
    const tr_announced *announced = ctx;
    tr_give(announced->heap, TR_OWNER(at, mark, by_hash), sizeof(mark));
}

void tr_announced_fini(tr_announced *announced) {
    tr_map_each(&announced->by_hash, give_mark, announced);
    tr_map_fini(&announced->by_hash);
}

static bool append(tr_announced *announced, const troupe_type *type, uint64_t hash,
                   tr_buffer *out) {
    const tr_frame frame = {.kind = TR_FRAME_SCHEMA, .type = hash};
    const size_t start = tr_frame_begin(out, &frame);
    if (start == SIZE_MAX) return false;
    const size_t tail = out->size;
    const bool spelt = tr_type_spell(type, out);
    if (!spelt || out->size - tail > announced->most)
        out->size = start; /* too long: the peer has to do without */
    else
        tr_frame_end(out, start);
    return spelt;
}

static bool announce(tr_announced *announced, const troupe_type *type, uint64_t hash,
                     tr_buffer *out, unsigned depth);

/* The structs within a field come first; those of the cases of a one-of, too. */
static bool announce_within(tr_announced *announced, const troupe_field *field, tr_buffer *out,
                            unsigned depth) {
    bool done = true;
    if (field->kind == TROUPE_STRUCT) {
        const troupe_type *type = tr_field_type(field);
        return announce(announced, type, tr_type_hash(type), out, depth);
    }
    if (field->kind != TROUPE_ONE_OF || depth > TR_LEVELS_MOST) return true;
    const troupe_one_of *of = tr_field_one_of(field);
    for (size_t i = 0; i < of->cases && done; i++)
        done = announce_within(announced, &of->when[i].field, out, depth + 1);
    return done;
}

static bool announce(tr_announced *announced, const troupe_type *type, uint64_t hash,
                     tr_buffer *out, unsigned depth) {
    if (depth > TR_LEVELS_MOST || tr_map_find(&announced->by_hash, hash)) return true;
    for (size_t i = 0; i < type->fields; i++)
        if (!announce_within(announced, &type->field[i], out, depth + 1)) return false;
    mark *made = tr_take_zero(announced->heap, sizeof *made);
    if (!made) return false;
    const size_t before = out->size;
    if (append(announced, type, hash, out) && tr_map_add(&announced->by_hash, hash, &made->by_hash))
        return true;
    out->size = before;
    tr_give(announced->heap, made, sizeof *made);
    return false;
}

bool tr_announce_new(tr_announced *announced, const troupe_type *type, uint64_t hash,
                     tr_buffer *out) {
    if (!announce(announced, type, hash, out, 1)) return false;
    announced->last = hash;
    return true;
}
