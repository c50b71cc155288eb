#include "actors/supervisor_backoff.h"

#include "base/os.h"

enum { CAP_MS = 60000, DOUBLINGS = 32 };

static unsigned cap(const troupe_child *spec) {
    return spec->backoff_max_ms ? spec->backoff_max_ms : CAP_MS;
}

/* The cap comes after the drawing: of what has failed often most wait for the whole of it. */
unsigned tr_backoff_delay(const troupe_child *spec, unsigned nth, uint64_t random) {
    unsigned doublings = nth - 1 < DOUBLINGS ? nth - 1 : DOUBLINGS;
    uint64_t most = (uint64_t)spec->backoff_ms << doublings;
    uint64_t drawn = random % (most + 1);
    return drawn < cap(spec) ? (unsigned)drawn : cap(spec);
}

unsigned tr_backoff_next(tr_kid *kid, uint64_t now) {
    const troupe_child *spec = &kid->spec;
    if (!spec->backoff_ms) return 0;
    unsigned quiet_ms = spec->backoff_reset_ms ? spec->backoff_reset_ms : cap(spec);
    if (kid->was_ready && now - kid->ready_at >= quiet_ms * TR_MS) kid->failures = 0;
    if (kid->failures < UINT32_MAX) kid->failures++;
    return tr_backoff_delay(spec, kid->failures, troupe_random(kid->bond.parent->rt));
}
