#include "transport/far.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/heap.h"
#include "transport/node.h"

const troupe_type tr_far_start_type = TROUPE_TYPE(
    far_start, TROUPE_FIELD(far_start, id), TROUPE_FIELD(far_start, what),
    TROUPE_FIELD(far_start, type), TROUPE_FIELD(far_start, arg), TROUPE_FIELD(far_start, keeper),
    TROUPE_FIELD(far_start, steward), TROUPE_FIELD(far_start, token),
    TROUPE_FIELD(far_start, stop_ms), TROUPE_FIELD(far_start, lease_ms));
const troupe_type tr_far_about_type =
    TROUPE_TYPE(far_about, TROUPE_FIELD(far_about, act), TROUPE_FIELD(far_about, id),
                TROUPE_FIELD(far_about, keeper), TROUPE_FIELD(far_about, token));
const troupe_type tr_far_told_type =
    TROUPE_TYPE(far_told, TROUPE_FIELD(far_told, who), TROUPE_FIELD(far_told, why));
const troupe_type tr_far_lease_type =
    TROUPE_TYPE(far_lease, TROUPE_FIELD(far_lease, asked), TROUPE_FIELD(far_lease, answer));

void tr_far_init(struct troupe_node *node) {
    tr_mutex_init(&node->far.making);
    node->far.opened = tr_node_clock(node);
    tr_list_init(&node->far.homes);
    tr_list_init(&node->far.guests);
}

static void end_home(struct troupe_node *node, tr_far_home *home) {
    tr_list_remove(&home->of_node);
    tr_give(node->heap, home, sizeof *home);
}

void tr_far_fini(struct troupe_node *node) {
    tr_far_guests_fini(node);
    while (!tr_list_empty(&node->far.homes))
        end_home(node, TR_OWNER(node->far.homes.next, tr_far_home, of_node));
    tr_mutex_fini(&node->far.making);
}

/* Under the lock. */
static tr_far_home *find(struct troupe_node *node, const char *id) {
    for (tr_list *at = node->far.homes.next; at != &node->far.homes; at = at->next) {
        tr_far_home *home = TR_OWNER(at, tr_far_home, of_node);
        if (strcmp(home->id, id) == 0) return home;
    }
    return NULL;
}

/* Forgets those of whom none can be any more, and nobody cares. Under the lock. */
static void sweep(struct troupe_node *node) {
    uint64_t now = tr_node_clock(node);
    for (tr_list *at = node->far.homes.next, *next; at != &node->far.homes; at = next) {
        tr_far_home *home = TR_OWNER(at, tr_far_home, of_node);
        next = at->next;
        if (!home->kept && home->clear_at && home->clear_at <= now) end_home(node, home);
    }
}

troupe_err tr_far_home_take(struct troupe_node *node, const char *id, tr_far_home **out) {
    tr_far_home *made = tr_take_zero(node->heap, sizeof *made);
    if (!made) return TROUPE_NOMEM;
    (void)snprintf(made->id, sizeof made->id, "%s", id);
    tr_lock(&node->lock);
    sweep(node);
    tr_far_home *home = find(node, id);
    troupe_err err = home && home->kept ? TROUPE_TAKEN : TROUPE_OK;
    if (!home) {
        home = made;
        made = NULL;
        tr_list_add(&node->far.homes, &home->of_node);
    }
    if (!err) home->kept = true;
    tr_unlock(&node->lock);
    if (made) tr_give(node->heap, made, sizeof *made);
    if (!err) *out = home;
    return err;
}

void tr_far_home_leave(struct troupe_node *node, tr_far_home *home) {
    tr_lock(&node->lock);
    home->kept = false;
    if (!home->maybe) end_home(node, home);
    tr_unlock(&node->lock);
}

/* Microseconds of the wall clock, which go on while a process is started again; in a simulation
 * those of its own clock do. */
static uint64_t wall(const struct troupe_node *node) {
    if (node->sim) return tr_node_clock(node) / 1000;
    struct timespec now;
    if (clock_gettime(CLOCK_REALTIME, &now)) return 0;
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

void tr_far_home_enter(struct troupe_node *node, tr_far_home *home, troupe_ref host) {
    uint64_t token = wall(node);
    tr_lock(&node->lock);
    if (token <= node->far.token) token = node->far.token + 1;
    node->far.token = home->token = token;
    home->host = host;
    home->maybe = true;
    home->clear_at = 0;
    tr_unlock(&node->lock);
}

void tr_far_home_clear(struct troupe_node *node, tr_far_home *home) {
    tr_lock(&node->lock);
    home->maybe = false;
    home->clear_at = 0;
    tr_unlock(&node->lock);
}

size_t tr_far_home_count(struct troupe_node *node, uint64_t there, const tr_far_home *but) {
    size_t n = 0;
    tr_lock(&node->lock);
    for (tr_list *at = node->far.homes.next; at != &node->far.homes; at = at->next) {
        const tr_far_home *home = TR_OWNER(at, tr_far_home, of_node);
        n += home != but && home->kept && home->maybe && home->host.node == there;
    }
    tr_unlock(&node->lock);
    return n;
}
