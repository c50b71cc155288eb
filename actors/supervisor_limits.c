#include "actors/supervisor_limits.h"

#include <troupe/supervisor.h>

#include "base/heap.h"
#include "base/os.h"

bool tr_limits_init(tr_limits *limits, const troupe_heap *heap, unsigned most, unsigned within_ms) {
    *limits = (tr_limits){.within_ms = within_ms};
    if (!most) return true;
    if (most == TROUPE_UNLIMITED) {
        limits->most = most;
        return true;
    }
    limits->at = tr_take_zero(heap, most * sizeof *limits->at);
    if (limits->at) limits->most = most;
    return limits->at;
}

void tr_limits_fini(tr_limits *limits, const troupe_heap *heap) {
    if (limits->at) tr_give(heap, limits->at, limits->most * sizeof *limits->at);
    *limits = (tr_limits){0};
}

bool tr_limits_pass(tr_limits *limits, uint64_t now) {
    if (!limits->most) return false;
    if (limits->most == TROUPE_UNLIMITED) {
        if (limits->used < SIZE_MAX) limits->used++;
        return true;
    }
    uint64_t *oldest = &limits->at[limits->next];
    if (limits->used == limits->most) {
        if (now - *oldest <= limits->within_ms * TR_MS) return false;
    } else {
        limits->used++;
    }
    *oldest = now;
    limits->next = (limits->next + 1) % limits->most;
    return true;
}

void tr_limits_clear(tr_limits *limits) {
    limits->next = limits->used = 0;
}

/* The ring is in order of time, so a search by halves finds the oldest that counts. */
unsigned tr_limits_recent(const tr_limits *limits, uint64_t now) {
    if (!limits->at) return (unsigned)limits->used;
    size_t oldest = limits->used == limits->most ? limits->next : 0;
    size_t from = 0, to = limits->used;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        uint64_t at = limits->at[(oldest + middle) % limits->most];
        if (now - at <= limits->within_ms * TR_MS)
            to = middle;
        else
            from = middle + 1;
    }
    return (unsigned)(limits->used - from);
}
