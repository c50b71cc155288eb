/* A census: all actors of a runtime in the order of the tree, each supervisor before its children;
 * and who is meant by a path. By a plain thread, or a callback of a blocking actor. */
#ifndef TR_TRANSPORT_CENSUS_H
#define TR_TRANSPORT_CENSUS_H

#include <troupe/console.h>
#include <troupe/supervisor.h>

#include "base/check.h"

/* One line of it. */
typedef struct tr_census_row {
    troupe_actor_info info; /* of who is there; else only the path is filled in */
    troupe_child_state state;
    bool known; /* its supervisor was asked: state, restarts and why are so */
    uint32_t depth, restarts;
    troupe_err why;
} tr_census_row;

typedef struct tr_census {
    const troupe_heap *heap;
    tr_census_row *row;
    size_t rows, room;
    uint64_t left_out; /* actors in no row */
} tr_census;

/* Takes one. A supervisor that does not answer in time, which is `timeout_ms` for all together, has
 * no children there. NOMEM: nothing is left. */
TR_CHECKED troupe_err tr_census_take(troupe *rt, const troupe_heap *heap, unsigned timeout_ms,
                                     tr_census *out);

/* Gives its memory back. */
void tr_census_free(tr_census *census);

/* Who was found. */
typedef struct tr_found {
    troupe_ref who, parent;       /* its supervisor; TROUPE_NOBODY: it has none */
    char id[TROUPE_NAME_MAX + 1]; /* among that one's children */
} tr_found;

/* The actor that is meant by a name, a path or "@PLACE.GENERATION", which may also be the last part
 * of a path. NOTFOUND, GONE, TIMEOUT; TAKEN: several are meant. `why`, of `room` bytes, says what
 * is wrong. */
TR_CHECKED troupe_err tr_census_find(troupe *rt, const char *path, unsigned timeout_ms,
                                     tr_found *out, char *why, size_t room);

/* A state in a word. */
const char *tr_census_state(const tr_census_row *row);

#endif
