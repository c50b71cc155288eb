#include "transport/outgoing.h"

#include "base/check.h"
#include "base/heap.h"
#include "serial/envelope.h"

enum {
    SIZE_UNIT = 256, /* in which the size of a kept message is counted */
    GONE_MOST = 1024 /* ended actors that a sender remembers, so as to answer GONE */
};

typedef struct tr_target {
    tr_map_entry by_target;
    uint64_t sent, granted, acked; /* messages in all */
    tr_fifo kept; /* those that are not acknowledged, and some that are; signals are none */
    size_t kept_units;
    bool gone, well; /* it has ended; in good order */
} tr_target;

void tr_outgoing_init(tr_outgoing *out, const troupe_heap *heap) {
    *out = (tr_outgoing){.heap = heap};
    tr_map_init(&out->by_target, heap);
}

/* A kept message says in its header which it was, where the generation stands else, and its size,
 * where the stamp does. */
static uint32_t units_of(const troupe_msg *msg) {
    return (msg->flags & TR_MSG_STAMP_MASK) >> TR_MSG_STAMP_SHIFT;
}

static void put_kept(tr_outgoing *out, tr_target *target, troupe_msg *msg, size_t size) {
    uint32_t units = (uint32_t)(size / SIZE_UNIT + 1);
    msg->generation = (uint32_t)target->sent;
    msg->flags = (msg->flags & ~TR_MSG_STAMP_MASK) | units << TR_MSG_STAMP_SHIFT;
    target->kept_units += units;
    out->kept_units += units;
    tr_fifo_put(&target->kept, &msg->link);
}

/* The oldest that is kept; NULL: none is. */
static troupe_msg *get_kept(tr_outgoing *out, tr_target *target) {
    tr_link *link = tr_fifo_get(&target->kept);
    if (!link) return NULL;
    troupe_msg *msg = tr_msg_of(link);
    target->kept_units -= units_of(msg);
    out->kept_units -= units_of(msg);
    msg->generation = 0;
    msg->flags &= ~TR_MSG_STAMP_MASK;
    return msg;
}

static bool is_acked(const tr_target *target, const troupe_msg *msg) {
    return (int32_t)(msg->generation - (uint32_t)target->acked) <= 0;
}

/* For the next time: it was touched long ago, and a new message takes its place at once. Most are
 * two lines of the cache (both instead of one: one way 7 % faster over tcp, in 8 pairs). */
static void fetch(const tr_link *oldest) {
    if (!oldest) return;
    __builtin_prefetch(oldest, 1);
    __builtin_prefetch((const char *)oldest + 64, 1);
}

/* Drops at most so many of those that are acknowledged. */
static void drop_acked(tr_outgoing *out, tr_target *target, size_t most) {
    for (; most && target->kept.head && is_acked(target, tr_msg_of(target->kept.head)); most--) {
        troupe_msg *msg = get_kept(out, target);
        troupe_drop(&msg);
    }
}

static void drop_all(tr_outgoing *out, tr_target *target) {
    target->acked = target->sent;
    drop_acked(out, target, SIZE_MAX);
}

static void forget_target(void *ctx, tr_map_entry *entry) {
    tr_outgoing *out = ctx;
    tr_target *target = TR_OWNER(entry, tr_target, by_target);
    drop_all(out, target);
    if (out->last == target) out->last = NULL;
    tr_map_remove(&out->by_target, entry);
    tr_give(out->heap, target, sizeof *target);
}

static void forget_gone(void *ctx, tr_map_entry *entry) {
    if (TR_OWNER(entry, tr_target, by_target)->gone) forget_target(ctx, entry);
}

void tr_outgoing_fini(tr_outgoing *out) {
    tr_map_each(&out->by_target, forget_target, out);
    tr_map_fini(&out->by_target);
}

static TR_COLD tr_target *look_up_target(tr_outgoing *out, uint64_t id) {
    tr_map_entry *entry = tr_map_find(&out->by_target, id);
    return out->last = entry ? TR_OWNER(entry, tr_target, by_target) : NULL;
}

/* Mostly it is the same as the last time. */
static TR_INLINE tr_target *find_target(tr_outgoing *out, uint64_t id) {
    tr_target *last = out->last;
    return TR_LIKELY(last && last->by_target.key == id) ? last : look_up_target(out, id);
}

static bool has_room(tr_outgoing *out, tr_target *target) {
    if (TR_UNLIKELY(target->kept_units > TR_KEPT_MOST / SIZE_UNIT))
        drop_acked(out, target, SIZE_MAX);
    return target->kept_units <= TR_KEPT_MOST / SIZE_UNIT && target->sent < target->granted;
}

/* Whether all of a peer has had too much. */
static bool is_full(const tr_outgoing *out, bool another) {
    return out->kept_units > TR_KEPT_ALL / SIZE_UNIT ||
           (another && out->by_target.count >= TR_TARGETS_MOST);
}

bool tr_outgoing_eased(tr_outgoing *out) {
    if (!out->refused || is_full(out, false)) return false;
    out->refused = false;
    return true;
}

bool tr_outgoing_has_room(tr_outgoing *out, uint64_t id) {
    tr_target *target = find_target(out, id);
    return target && !target->gone && has_room(out, target) && !is_full(out, false);
}

troupe_err tr_outgoing_may_send(tr_outgoing *out, uint64_t id) {
    tr_target *target = find_target(out, id);
    if (is_full(out, !target) && !(target && target->gone)) {
        out->refused = true;
        return TROUPE_FULL;
    }
    if (!target) {
        target = tr_take_zero(out->heap, sizeof *target);
        if (!target) return TROUPE_NOMEM;
        target->granted = TR_WINDOW_FIRST;
        if (!tr_map_add(&out->by_target, id, &target->by_target)) {
            tr_give(out->heap, target, sizeof *target);
            return TROUPE_NOMEM;
        }
    }
    if (target->gone) return TROUPE_GONE;
    return has_room(out, target) ? TROUPE_OK : TROUPE_FULL;
}

uint64_t tr_outgoing_count(tr_outgoing *out, uint64_t id) {
    const tr_target *target = find_target(out, id);
    return target ? target->sent : 0;
}

void tr_outgoing_sent(tr_outgoing *out, uint64_t id) {
    find_target(out, id)->sent++;
}

void tr_outgoing_keep(tr_outgoing *out, uint64_t id, uint64_t from, size_t size,
                      troupe_msg **msg) {
    tr_target *target = find_target(out, id);
    drop_acked(out, target, 1); /* as many as are added: so no more than ever were on the way */
    fetch(target->kept.head);
    target->sent++;
    (*msg)->flags &= ~(uint32_t)(TR_MSG_COUNTED | TR_MSG_ASK | TR_MSG_FOREIGN);
    (*msg)->sender = from;
    put_kept(out, target, *msg, size);
    *msg = NULL;
}

void tr_outgoing_acked(tr_outgoing *out, uint64_t id, uint64_t accepted) {
    tr_target *target = find_target(out, id);
    if (!target) return;
    if (accepted > target->sent) accepted = target->sent;
    if (accepted > target->acked) target->acked = accepted;
    if (is_full(out, false)) drop_acked(out, target, SIZE_MAX);
    out->stale = true;
}

static void trim_target(void *ctx, tr_map_entry *entry) {
    drop_acked(ctx, TR_OWNER(entry, tr_target, by_target), SIZE_MAX);
}

void tr_outgoing_trim(tr_outgoing *out) {
    if (!out->stale) return;
    out->stale = false;
    tr_map_each(&out->by_target, trim_target, out);
}

/* Whom to give what is kept. */
typedef struct tr_losing {
    tr_outgoing *out;
    void (*lost)(void *ctx, uint64_t target, troupe_msg *msg);
    void *ctx;
} tr_losing;

static void lose_target(void *ctx, tr_map_entry *entry) {
    const tr_losing *losing = ctx;
    tr_target *target = TR_OWNER(entry, tr_target, by_target);
    drop_acked(losing->out, target, SIZE_MAX);
    for (troupe_msg *msg; (msg = get_kept(losing->out, target));)
        losing->lost(losing->ctx, entry->key, msg);
}

void tr_outgoing_lose(tr_outgoing *out, void (*lost)(void *ctx, uint64_t target, troupe_msg *msg),
                      void *ctx) {
    tr_map_each(&out->by_target, lose_target, &(tr_losing){out, lost, ctx});
}

void tr_outgoing_granted(tr_outgoing *out, uint64_t id, uint64_t granted) {
    tr_target *target = find_target(out, id);
    if (target && granted > target->granted) target->granted = granted;
}

troupe_err tr_outgoing_ended(tr_outgoing *out, uint64_t id) {
    const tr_target *target = find_target(out, id);
    return target && target->well ? TROUPE_STOPPED : TROUPE_GONE;
}

void tr_outgoing_gone(tr_outgoing *out, uint64_t id, troupe_err how) {
    tr_target *target = find_target(out, id);
    if (!target || target->gone) return;
    target->gone = true;
    target->well = how == TROUPE_STOPPED;
    drop_all(out, target); /* its node has accounted for them */
    if (++out->gone < GONE_MOST) return;
    tr_map_each(&out->by_target, forget_gone, out);
    out->gone = 0;
}
