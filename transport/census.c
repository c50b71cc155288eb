#include "transport/census.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/port.h"
#include "base/heap.h"
#include "base/os.h"

enum {
    LEVELS = 64, /* of supervisors, at most */
    PAGE = 64    /* refs that are listed at a time */
};

/* What a walk needs. */
typedef struct walk {
    troupe *rt;
    tr_census *census;
    uint64_t deadline;
    uint64_t seen; /* actors in rows */
    bool no_memory;
} walk;

static unsigned left_ms(uint64_t deadline) {
    uint64_t now = tr_clock();
    return now < deadline ? (unsigned)((deadline - now) / TR_MS) : 0;
}

/* --- Rows ------------------------------------------------------------------------------------- */

/* One more row, all zero; NULL: there are enough, or there is no memory. */
static tr_census_row *add(walk *w) {
    tr_census *c = w->census;
    if (c->rows == TROUPE_CONSOLE_ACTORS) return NULL;
    if (c->rows == c->room) {
        size_t room = c->room ? 2 * c->room : 32;
        tr_census_row *more = tr_take_zero(c->heap, room * sizeof *more);
        w->no_memory |= !more;
        if (!more) return NULL;
        if (c->rows) memcpy(more, c->row, c->rows * sizeof *more);
        tr_give(c->heap, c->row, c->room * sizeof *more);
        c->row = more;
        c->room = room;
    }
    return &c->row[c->rows++];
}

static void add_children(walk *w, troupe_ref supervisor, size_t above);

static void add_child(walk *w, const troupe_child_info *child, size_t above) {
    tr_census_row *row = add(w);
    if (!row) return;
    size_t place = w->census->rows - 1;
    const tr_census_row *parent = &w->census->row[above];
    bool there = troupe_inspect(w->rt, child->ref, &row->info) == TROUPE_OK;
    if (!there) row->info = (troupe_actor_info){.oldest_ms = -1, .supervisor = child->supervisor};
    w->seen += there;
    /* The path by which it is found: what a report calls it if it has ended may be shorter. */
    if (snprintf(row->info.path, sizeof row->info.path, "%s/%s", parent->info.path, child->id) < 0)
        row->info.path[0] = 0;
    row->known = true;
    row->state = child->state;
    row->restarts = child->restarts;
    row->why = child->why;
    row->depth = parent->depth + 1;
    if (there && child->supervisor) add_children(w, child->ref, place);
}

static void add_children(walk *w, troupe_ref supervisor, size_t above) {
    const troupe_heap *heap = w->census->heap;
    size_t count = 0, room;
    if (w->census->row[above].depth >= LEVELS) return;
    if (troupe_children(w->rt, supervisor, left_ms(w->deadline), NULL, 0, &count) || !count) return;
    room = count < TROUPE_CONSOLE_ACTORS ? count : TROUPE_CONSOLE_ACTORS;
    troupe_child_info *child = tr_take(heap, room * sizeof *child);
    w->no_memory |= !child;
    if (!child) return;
    if (!troupe_children(w->rt, supervisor, left_ms(w->deadline), child, room, &count))
        for (size_t i = 0; i < count && i < room; i++) add_child(w, &child[i], above);
    tr_give(heap, child, room * sizeof *child);
}

/* --- Who is at the top ------------------------------------------------------------------------ */

/* Calls for each actor that no supervisor has; returns how many actors there are at all. */
static uint64_t each_top(troupe *rt, void (*each)(void *ctx, const troupe_actor_info *info),
                         void *ctx) {
    troupe_ref page[PAGE];
    troupe_actor_info info;
    uint32_t from = 0;
    uint64_t all = 0;
    for (size_t count; (count = troupe_actors(rt, &from, page, PAGE));) {
        all += count;
        for (size_t i = 0; i < count; i++)
            if (!troupe_inspect(rt, page[i], &info) && info.top) each(ctx, &info);
    }
    return all;
}

static void add_top(walk *w, const troupe_actor_info *info) {
    tr_census_row *row = add(w);
    if (!row) return;
    row->info = *info;
    row->state = TROUPE_CHILD_RUNNING;
    w->seen++;
    if (info->supervisor) add_children(w, info->who, w->census->rows - 1);
}

static void add_if_supervisor(void *ctx, const troupe_actor_info *info) {
    if (info->supervisor) add_top(ctx, info);
}

static void add_if_not(void *ctx, const troupe_actor_info *info) {
    if (!info->supervisor) add_top(ctx, info);
}

troupe_err tr_census_take(troupe *rt, const troupe_heap *heap, unsigned timeout_ms,
                          tr_census *out) {
    *out = (tr_census){.heap = heap};
    walk w = {.rt = rt, .census = out, .deadline = tr_after_ms(tr_clock(), timeout_ms)};
    (void)each_top(rt, add_if_supervisor, &w);
    uint64_t all = each_top(rt, add_if_not, &w);
    out->left_out = all > w.seen ? all - w.seen : 0;
    if (!w.no_memory) return TROUPE_OK;
    tr_census_free(out);
    return TROUPE_NOMEM;
}

void tr_census_free(tr_census *census) {
    tr_give(census->heap, census->row, census->room * sizeof *census->row);
    *census = (tr_census){0};
}

const char *tr_census_state(const tr_census_row *row) {
    static const char *const words[] = {
        [TROUPE_CHILD_WAITING] = "waiting", [TROUPE_CHILD_STARTING] = "starting",
        [TROUPE_CHILD_RUNNING] = "running", [TROUPE_CHILD_STOPPING] = "stopping",
        [TROUPE_CHILD_ENDED] = "ended",     [TROUPE_CHILD_HELD] = "held"};
    if (!row->known && row->info.ending) return "ending";
    return words[row->state];
}

/* --- Who is meant ----------------------------------------------------------------------------- */

/* "@PLACE.GENERATION" */
static bool parse_ref(const char *text, uint64_t node, troupe_ref *out) {
    unsigned place, generation;
    int used = 0;
    if (sscanf(text, "@%u.%u%n", &place, &generation, &used) != 2 || text[used]) return false;
    *out = (troupe_ref){node, (uint64_t)generation << 32 | place};
    return true;
}

typedef struct by_path {
    const char *path;
    troupe_ref who;
    unsigned found;
} by_path;

static void match(void *ctx, const troupe_actor_info *info) {
    by_path *by = ctx;
    if (strcmp(info->path, by->path) != 0) return;
    by->who = info->who;
    by->found++;
}

/* Who is at the top: by the registered name, else by what reports call it. */
static troupe_err find_top(troupe *rt, const char *name, troupe_ref *who, char *why, size_t room) {
    if (troupe_whereis(rt, name, who) == TROUPE_OK) return TROUPE_OK;
    by_path by = {.path = name};
    (void)each_top(rt, match, &by);
    *who = by.who;
    if (by.found == 1) return TROUPE_OK;
    if (by.found) {
        (void)snprintf(why, room, "%u actors are called %s: say @PLACE.GENERATION", by.found, name);
        return TROUPE_TAKEN;
    }
    (void)snprintf(why, room, "no actor is called %s", name);
    return TROUPE_NOTFOUND;
}

/* A child, by its id or its ref. Who is no supervisor is not asked: it would not know what. */
static troupe_err find_child(troupe *rt, troupe_ref parent, const char *id, unsigned timeout_ms,
                             troupe_ref *who) {
    troupe_actor_info info;
    troupe_child_info child;
    if (troupe_inspect(rt, parent, &info) || !info.supervisor) return TROUPE_NOTFOUND;
    if (parse_ref(id, tr_port_node(rt), who)) return troupe_inspect(rt, *who, &info);
    troupe_err err = troupe_find_child(rt, parent, id, timeout_ms, &child);
    if (err) return err;
    *who = child.ref;
    return troupe_same(child.ref, TROUPE_NOBODY) ? TROUPE_GONE : TROUPE_OK;
}

/* Goes down a path that has more than one part. */
static troupe_err go_down(troupe *rt, const char *path, uint64_t deadline, tr_found *out, char *why,
                          size_t room) {
    const char *end = path + strcspn(path, "/");
    (void)snprintf(out->id, sizeof out->id, "%.*s", (int)(end - path), path);
    troupe_err err = find_top(rt, out->id, &out->who, why, room);
    while (!err && *end) {
        const char *at = end + 1;
        end = at + strcspn(at, "/");
        (void)snprintf(out->id, sizeof out->id, "%.*s", (int)(end - at), at);
        out->parent = out->who;
        err = find_child(rt, out->parent, out->id, left_ms(deadline), &out->who);
        if (err)
            (void)snprintf(why, room, "%.*s: %s", (int)(end - path), path, troupe_strerror(err));
    }
    return err;
}

/* Who was found by name or number may be a child: its path leads to its supervisor. If that can't
 * be found it has none, for who asks. */
static void find_parent(troupe *rt, uint64_t deadline, tr_found *out) {
    troupe_actor_info info;
    tr_found above = {TROUPE_NOBODY, TROUPE_NOBODY, ""};
    char why[16];
    if (troupe_inspect(rt, out->who, &info) || info.top) return;
    char *slash = strrchr(info.path, '/');
    if (!slash) return;
    *slash = 0;
    if (go_down(rt, info.path, deadline, &above, why, sizeof why)) return;
    out->parent = above.who;
    (void)snprintf(out->id, sizeof out->id, "%.*s", TROUPE_NAME_MAX, slash + 1);
}

troupe_err tr_census_find(troupe *rt, const char *path, unsigned timeout_ms, tr_found *out,
                          char *why, size_t room) {
    const uint64_t deadline = tr_after_ms(tr_clock(), timeout_ms);
    troupe_actor_info info;
    *out = (tr_found){TROUPE_NOBODY, TROUPE_NOBODY, ""};
    bool number = parse_ref(path, tr_port_node(rt), &out->who);
    if (number && troupe_inspect(rt, out->who, &info)) {
        (void)snprintf(why, room, "no actor is %s", path);
        return TROUPE_NOTFOUND;
    }
    bool found = number || troupe_whereis(rt, path, &out->who) == TROUPE_OK;
    if (found) find_parent(rt, deadline, out);
    if (found) return TROUPE_OK;
    return strchr(path, '/') ? go_down(rt, path, deadline, out, why, room)
                             : find_top(rt, path, &out->who, why, room);
}
