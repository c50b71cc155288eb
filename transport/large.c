#include "transport/large.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/heap.h"
#include "transport/checksum.h"

/* --- The sending side ------------------------------------------------------------------------- */

/* A body, behind room for the head of a part. The head of each later part is written over the end
 * of the part before, which is out by then: so nothing is copied. */
typedef struct tr_large {
    tr_link link;
    uint64_t target, number;
    tr_buffer bytes;
    size_t out;     /* bytes of the body that are out */
    tr_fifo behind; /* others for the same actor */
} tr_large;

void tr_larges_init(tr_larges *larges, const troupe_heap *heap) {
    *larges = (tr_larges){.heap = heap};
    tr_spare_init(&larges->spare, heap, TR_LARGE_SPARE);
}

static tr_large *large_of(tr_link *link) {
    return link ? TR_OWNER(link, tr_large, link) : NULL;
}

tr_buffer tr_larges_room(tr_larges *larges, size_t size) {
    tr_buffer room = {.heap = larges->heap};
    room.data = tr_spare_get(&larges->spare, TR_LARGE_HEAD + size, &room.room);
    return room;
}

tr_large *tr_large_make(const troupe_heap *heap, size_t size, tr_buffer room) {
    tr_large *large = tr_take_zero(heap, sizeof *large);
    if (large && tr_buffer_reserve(&room, TR_LARGE_HEAD + size)) {
        large->bytes = room;
        large->bytes.size = TR_LARGE_HEAD;
        return large;
    }
    tr_buffer_fini(&room);
    tr_give(heap, large, sizeof *large);
    return NULL;
}

void tr_large_end(const troupe_heap *heap, tr_large *large) {
    tr_buffer_fini(&large->bytes);
    tr_give(heap, large, sizeof *large);
}

void tr_larges_fini(tr_larges *larges) {
    for (tr_large *large; (large = large_of(tr_fifo_get(&larges->turns)));) {
        for (tr_large *next; (next = large_of(tr_fifo_get(&large->behind)));)
            tr_large_end(larges->heap, next);
        tr_large_end(larges->heap, large);
    }
    tr_spare_flush(&larges->spare);
}

bool tr_larges_may_put(const tr_larges *larges) {
    return larges->count < TR_LARGE_MOST && larges->bytes <= TR_LARGE_BYTES;
}

tr_buffer *tr_large_bytes(tr_large *large) {
    return &large->bytes;
}

size_t tr_large_size(const tr_large *large) {
    return large->bytes.size - TR_LARGE_HEAD;
}

uint64_t tr_larges_put(tr_larges *larges, uint64_t target, tr_large *large) {
    large->target = target;
    large->number = ++larges->number;
    larges->count++;
    larges->bytes += tr_large_size(large);
    tr_fifo *line = &larges->turns;
    for (tr_link *at = line->head; at; at = at->next)
        if (large_of(at)->target == target) line = &large_of(at)->behind;
    tr_fifo_put(line, &large->link);
    return large->number;
}

bool tr_larges_next(tr_larges *larges, const void **bytes, size_t *size) {
    tr_large *large = large_of(larges->turns.head);
    if (!large) return false;
    const size_t left = tr_large_size(large) - large->out;
    larges->part = left < TR_PART_SIZE ? left : TR_PART_SIZE;
    unsigned char *head = large->bytes.data + large->out;
    *bytes = head;
    *size = TR_LARGE_HEAD + larges->part;
    tr_wire_store(head + TR_FRAME_HEAD - 1, TR_FRAME_PART, 1);
    tr_wire_store(head + TR_FRAME_HEAD + TR_FRAME_CHECKS, large->number, 8);
    tr_frame_seal(head, *size);
    return true;
}

void tr_larges_sent(tr_larges *larges) {
    tr_large *large = large_of(tr_fifo_get(&larges->turns));
    large->out += larges->part;
    larges->part = 0;
    if (large->out < tr_large_size(large)) {
        tr_fifo_put(&larges->turns, &large->link);
        return;
    }
    tr_large *next = large_of(tr_fifo_get(&large->behind));
    if (next) {
        next->behind = large->behind;
        tr_fifo_put(&larges->turns, &next->link);
    }
    larges->count--;
    larges->bytes -= tr_large_size(large);
    tr_spare_put(&larges->spare, large->bytes.data, large->bytes.room);
    tr_give(larges->heap, large, sizeof *large);
}

/* --- The receiving side ----------------------------------------------------------------------- */

troupe_err tr_piece_get(tr_piece *piece, const unsigned char *at, size_t size, tr_frame *frame,
                        size_t *used) {
    size_t head = 0;
    if (!piece->left) {
        if (size <= TR_LARGE_HEAD || at[TR_FRAME_HEAD - 1] != TR_FRAME_PART) return TROUPE_LATER;
        head = TR_LARGE_HEAD;
        piece->left = (size_t)tr_wire_load(at, 4) - (TR_LARGE_HEAD - 4);
        piece->number = tr_wire_load(at + TR_LARGE_HEAD - 8, 8);
        piece->check = tr_frame_check(at, TR_LARGE_HEAD);
        piece->says = tr_frame_says(at);
    }
    const size_t here = size - head < piece->left ? size - head : piece->left;
    *used = head + here;
    if (!here) return TROUPE_LATER;
    piece->left -= here;
    piece->check = tr_checksum(piece->check, at + head, here);
    *frame = (tr_frame){.kind = TR_FRAME_PART,
                        .number = piece->number,
                        .how = piece->left ? TR_PART_GOES_ON : 0,
                        .tail = at + head,
                        .tail_size = here};
    return piece->left || piece->check == piece->says ? TROUPE_OK : TROUPE_DAMAGED;
}

void tr_assemblies_init(tr_assemblies *set, const tr_pool *pool, const troupe_heap *heap) {
    *set = (tr_assemblies){.pool = pool, .heap = heap};
    tr_map_init(&set->by_number, heap);
}

void tr_assembly_end(tr_assemblies *set, tr_assembly *it) {
    if (it->type)
        troupe_drop(&it->landing); /* if it is no message yet */
    else
        tr_give(set->heap, it->bytes, it->total);
    tr_give(set->heap, it, sizeof *it);
}

static void end_one(void *ctx, tr_map_entry *entry) {
    tr_assembly_end(ctx, TR_OWNER(entry, tr_assembly, by_number));
}

void tr_assemblies_fini(tr_assemblies *set) {
    tr_map_each(&set->by_number, end_one, set);
    tr_map_fini(&set->by_number);
    set->bytes = 0;
}

static troupe_err bad(troupe_err err, const char *what, char *why, size_t room) {
    snprintf(why, room, "%s", what);
    return err;
}

/* Whether the peer may announce such a message now; nothing is taken for it before. */
static troupe_err may_begin(const tr_assemblies *set, const tr_frame *frame, uint64_t total,
                            size_t limit, char *why, size_t room) {
    if (total > limit) {
        snprintf(why, room, "a large message of %llu bytes, the limit is %zu",
                 (unsigned long long)total, limit);
        return TROUPE_TOOBIG;
    }
    if (!total) return bad(TROUPE_MALFORMED, "a large message without bytes", why, room);
    if (set->by_number.count >= TR_LARGE_MOST || set->bytes > TR_LARGE_BYTES)
        return bad(TROUPE_MALFORMED, "more large messages at once than it may", why, room);
    if (tr_map_find(&set->by_number, frame->number))
        return bad(TROUPE_MALFORMED, "a large message with the number of another", why, room);
    return TROUPE_OK;
}

troupe_err tr_assembly_begin(tr_assemblies *set, const tr_frame *frame, size_t limit,
                             tr_assembly **out, char *why, size_t room) {
    *out = NULL;
    const bool again = frame->how & TR_HOW_AGAIN;
    if (frame->tail_size != (again ? 16 : 8))
        return bad(TROUPE_MALFORMED, "a large message without its size", why, room);
    const uint64_t total = tr_wire_load(frame->tail, 8);
    troupe_err err = may_begin(set, frame, total, limit, why, room);
    if (err) return err;
    tr_assembly *it = tr_take_zero(set->heap, sizeof *it);
    if (!it || !tr_map_add(&set->by_number, frame->number, &it->by_number)) {
        tr_give(set->heap, it, sizeof *it);
        return TROUPE_NOMEM;
    }
    it->head = *frame;
    it->head.tail = NULL;
    it->head.tail_size = 0;
    it->total = (size_t)total;
    if (again) it->again = tr_wire_load((const unsigned char *)frame->tail + 8, 8);
    set->bytes += it->total;
    *out = it;
    return TROUPE_OK;
}

/* Takes the memory for its body, in a message if it is known of what type. NOMEM, TOOBIG. */
static troupe_err make_room(const tr_assemblies *set, tr_assembly *it) {
    if (it->type) return tr_landing_make(set->pool, it->type, it->total, &it->landing, &it->bytes);
    it->bytes = tr_take(set->heap, it->total);
    return it->bytes ? TROUPE_OK : TROUPE_NOMEM;
}

troupe_err tr_assembly_add(tr_assemblies *set, const tr_frame *frame, tr_assembly **whole,
                           char *why, size_t room) {
    *whole = NULL;
    tr_map_entry *entry = tr_map_find(&set->by_number, frame->number);
    if (!entry) return bad(TROUPE_MALFORMED, "a part of no large message", why, room);
    tr_assembly *it = TR_OWNER(entry, tr_assembly, by_number);
    if (frame->tail_size == 0) return bad(TROUPE_MALFORMED, "an empty part", why, room);
    if (frame->tail_size > it->total - it->got)
        return bad(TROUPE_MALFORMED, "a part beyond the end of its message", why, room);
    troupe_err err = it->bytes ? TROUPE_OK : make_room(set, it);
    if (err) return err;
    memcpy(it->bytes + it->got, frame->tail, frame->tail_size);
    it->got += frame->tail_size;
    if (it->got < it->total || frame->how == TR_PART_GOES_ON) return TROUPE_OK;
    tr_map_remove(&set->by_number, entry);
    set->bytes -= it->total;
    it->head.tail = it->bytes;
    it->head.tail_size = it->total;
    *whole = it;
    return TROUPE_OK;
}
