#include "transport/keep.h"

#include <string.h>

#include "base/heap.h"
#include "transport/node.h"
#include "transport/secure.h"

enum {
    FIRST_MS = 50,
    MOST_MS = 5000,
    DIAL_MS = 1000 /* that an address may take, since others wait behind it */
};

static tr_kept *kept_of(tr_list *member) {
    return TR_OWNER(member, tr_kept, of_node);
}

void tr_keep_init(struct troupe_node *node, const troupe_node_config *config) {
    tr_keeping *keeping = &node->keeping;
    tr_list_init(&keeping->all);
    tr_cond_init(&keeping->work);
    keeping->first_ms = config->redial_ms ? config->redial_ms : FIRST_MS;
    keeping->most_ms = config->redial_most_ms ? config->redial_most_ms : MOST_MS;
    if (keeping->most_ms < keeping->first_ms) keeping->most_ms = keeping->first_ms;
}

void tr_keep_fini(struct troupe_node *node) {
    tr_cond_fini(&node->keeping.work);
}

void tr_keep_wake(struct troupe_node *node) {
    if (tr_list_empty(&node->keeping.all)) return;
    if (node->sim)
        tr_node_wake(node);
    else
        tr_cond_wake(&node->keeping.work);
}

/* --- One address ------------------------------------------------------------------------------ */

/* Sets the time of the next dial: half of the pause, and of the other half as much as chance has
 * it, so that nodes that lost each other at one moment do not all come back at one. */
static void schedule(struct troupe_node *node, tr_kept *kept, uint64_t now) {
    unsigned half = kept->pause_ms / 2, most = node->keeping.most_ms;
    uint64_t ms = half + troupe_random(node->rt) % (kept->pause_ms - half + 1);
    kept->at = tr_after_ms(now, (unsigned)ms);
    kept->pause_ms = kept->pause_ms < most / 2 ? 2 * kept->pause_ms : most;
}

/* A dial has come to an end: who was there. */
static void note_outcome(tr_kept *kept) {
    troupe_err outcome = kept->link->outcome;
    if (outcome == TROUPE_OK || outcome == TROUPE_TAKEN) kept->peer = kept->link->shake.peer.node;
    tr_node_release(kept->link);
    kept->link = NULL;
}

/* Sees how it is with an address. */
static void look_at(struct troupe_node *node, tr_kept *kept, uint64_t now) {
    if (kept->dialing || (kept->link && kept->link->outcome == TROUPE_LATER)) return;
    if (kept->link) note_outcome(kept);
    bool was_up = kept->up;
    kept->up = kept->peer && tr_node_is_up(node, kept->peer);
    if (kept->up) {
        if (!was_up) kept->since = now;
        kept->at = TR_NEVER;
        return;
    }
    /* A peer that lets us in and goes at once is not asked again and again without a pause. */
    if (was_up && now >= tr_after_ms(kept->since, node->keeping.most_ms))
        kept->pause_ms = node->keeping.first_ms;
    if (kept->at == TR_NEVER) schedule(node, kept, now);
}

/* Dials, without the lock. What comes of it is seen the next time. */
static void dial(struct troupe_node *node, tr_kept *kept, uint64_t now) {
    tr_peer_link *link = NULL;
    kept->at = TR_NEVER;
    kept->dialing = true;
    tr_unlock(&node->lock);
    troupe_err err = tr_node_dial(node, kept->url, tr_after_ms(now, DIAL_MS), &link);
    tr_lock(&node->lock);
    kept->dialing = false;
    kept->link = err ? NULL : link;
}

/* Takes an address out, at the latest once its dial has returned. */
static bool forget(struct troupe_node *node, tr_kept *kept) {
    if (kept->dialing) return false;
    if (kept->link) note_outcome(kept);
    tr_list_remove(&kept->of_node);
    tr_give(node->heap, kept, sizeof *kept);
    return true;
}

/* --- All of them ------------------------------------------------------------------------------ */

uint64_t tr_keep_look(struct troupe_node *node) {
    tr_keeping *keeping = &node->keeping;
    uint64_t next = TR_NEVER, now = tr_node_clock(node);
    tr_list *at = keeping->all.next;
    while (at != &keeping->all && !keeping->over) {
        tr_kept *kept = kept_of(at);
        at = at->next;
        if (kept->over) {
            (void)forget(node, kept);
            continue;
        }
        look_at(node, kept, now);
        if (kept->at <= now) { /* then all may be different: from the beginning */
            dial(node, kept, now);
            now = tr_node_clock(node);
            next = TR_NEVER;
            at = keeping->all.next;
        } else if (kept->at < next) {
            next = kept->at;
        }
    }
    return next;
}

static void *keep(void *arg) {
    struct troupe_node *node = arg;
    tr_lock(&node->lock);
    while (!node->keeping.over) {
        uint64_t next = tr_keep_look(node);
        if (!node->keeping.over) (void)tr_cond_wait(&node->keeping.work, &node->lock, next);
    }
    tr_unlock(&node->lock);
    return NULL;
}

void tr_keep_end(struct troupe_node *node) {
    tr_keeping *keeping = &node->keeping;
    tr_lock(&node->lock);
    keeping->over = true;
    tr_cond_wake(&keeping->work);
    bool runs = keeping->runs;
    tr_unlock(&node->lock);
    if (runs) tr_thread_join(&keeping->thread);
    tr_lock(&node->lock);
    while (!tr_list_empty(&keeping->all)) (void)forget(node, kept_of(keeping->all.next));
    tr_unlock(&node->lock);
}

/* The entry of an address; NULL: it is not kept. */
static tr_kept *find(struct troupe_node *node, const char *url) {
    tr_list *all = &node->keeping.all;
    for (tr_list *at = all->next; at != all; at = at->next)
        if (!kept_of(at)->over && strcmp(kept_of(at)->url, url) == 0) return kept_of(at);
    return NULL;
}

/* Enters an address, under the lock. */
static troupe_err enter(struct troupe_node *node, tr_kept *kept) {
    tr_keeping *keeping = &node->keeping;
    if (find(node, kept->url)) return TROUPE_TAKEN;
    if (keeping->over) return TROUPE_CLOSED;
    if (!node->sim && !keeping->runs) {
        keeping->runs = tr_thread_start(&keeping->thread, "troupe:dial", keep, node);
        if (!keeping->runs) return TROUPE_SYSTEM;
    }
    tr_list_add(&keeping->all, &kept->of_node);
    tr_keep_wake(node);
    return TROUPE_OK;
}

troupe_err troupe_keep_connected(troupe_node *node, const char *url) {
    size_t size = strlen(url) + 1;
    if (size > sizeof((tr_kept *)0)->url || !tr_secure_dials(node, url)) return TROUPE_INVALID;
    tr_kept *kept = tr_take_zero(node->heap, sizeof *kept);
    if (!kept) return TROUPE_NOMEM;
    tr_list_init(&kept->of_node);
    memcpy(kept->url, url, size);
    kept->pause_ms = node->keeping.first_ms;
    tr_lock(&node->lock);
    troupe_err err = enter(node, kept);
    tr_unlock(&node->lock);
    if (err) tr_give(node->heap, kept, sizeof *kept);
    return err;
}

troupe_err troupe_keep_no_more(troupe_node *node, const char *url) {
    tr_lock(&node->lock);
    tr_kept *kept = find(node, url);
    if (kept) {
        kept->over = true;
        (void)forget(node, kept);
    }
    tr_unlock(&node->lock);
    return kept ? TROUPE_OK : TROUPE_NOTFOUND;
}
