#include "actors/memory.h"

#include <string.h>

#include "actors/actor.h"
#include "base/check.h"
#include "base/heap.h"

/* Stands before the memory that the actor sees, and keeps that aligned to 16. */
typedef struct tr_property {
    _Alignas(16) tr_list of_life;
    const tr_owned *owner; /* who may give it back; NULL once somebody has */
    size_t size;           /* that was asked for */
} tr_property;

typedef struct tr_cleanup {
    struct tr_cleanup *next;
    void (*run)(void *arg);
    void *arg;
} tr_cleanup;

struct tr_owned {
    tr_cleanup *cleanups; /* the last one first */
    tr_list blocks;
    size_t size;        /* of all blocks, as asked for */
    troupe_msg *result; /* what it leaves; NULL: nothing */
};

/* What the life has; NULL: no memory for that. */
static tr_owned *owned(troupe_self *self) {
    if (self->owned) return self->owned;
    tr_owned *it = tr_pool_take(&self->rt->pool, sizeof *it);
    if (!it) return NULL;
    *it = (tr_owned){.cleanups = NULL};
    tr_list_init(&it->blocks);
    return self->owned = it;
}

/* --- Memory ----------------------------------------------------------------------------------- */

/* Whether the life may have so much more once `less` of what it has is given back. If not, it
 * fails. */
static bool within_budget(troupe_self *self, size_t more, size_t less) {
    const size_t limit = self->what->memory_limit;
    if (!limit) return true;
    size_t used = self->what->state_size + (self->owned ? self->owned->size : 0) - less;
    if (more <= limit - used) return true;
    tr_actor_fail(self, TROUPE_OVER_BUDGET, "%zu bytes more than %zu of at most %zu", more, used,
                  limit);
    return false;
}

static void *take(troupe_self *self, size_t size) {
    if (!size || size > SIZE_MAX - sizeof(tr_property)) return NULL;
    tr_property *block = tr_pool_take(&self->rt->pool, sizeof *block + size);
    tr_owned *owner = block ? owned(self) : NULL;
    if (!owner) {
        tr_pool_give(&self->rt->pool, block, sizeof *block + size);
        return NULL;
    }
    block->owner = owner;
    block->size = size;
    tr_list_add(&owner->blocks, &block->of_life);
    owner->size += size;
    return block + 1;
}

static void give(troupe_self *self, tr_property *block) {
    tr_list_remove(&block->of_life);
    self->owned->size -= block->size;
    block->owner = NULL;
    tr_pool_give(&self->rt->pool, block, sizeof *block + block->size);
}

/* The block of some memory, which must be this life's and not given back yet. */
static tr_property *block_of(const troupe_self *self, void *memory) {
    tr_property *block = (tr_property *)memory - 1;
    TR_ASSERT(self->owned && block->owner == self->owned);
    (void)self;
    return block;
}

void *troupe_alloc(troupe_self *self, size_t size) {
    return within_budget(self, size, 0) ? take(self, size) : NULL;
}

void *troupe_resize(troupe_self *self, void *memory, size_t size) {
    if (!memory) return troupe_alloc(self, size);
    tr_property *block = block_of(self, memory);
    size_t kept = block->size < size ? block->size : size;
    void *moved = within_budget(self, size, block->size) ? take(self, size) : NULL;
    if (!moved) return NULL;
    memcpy(moved, memory, kept);
    give(self, block);
    return moved;
}

void troupe_free(troupe_self *self, void *memory) {
    if (memory) give(self, block_of(self, memory));
}

/* --- Cleanups --------------------------------------------------------------------------------- */

troupe_err troupe_defer(troupe_self *self, void (*run)(void *arg), void *arg) {
    if (!run) return TROUPE_INVALID;
    tr_cleanup *cleanup = tr_pool_take(&self->rt->pool, sizeof *cleanup);
    tr_owned *owner = cleanup ? owned(self) : NULL;
    if (!owner) {
        tr_pool_give(&self->rt->pool, cleanup, sizeof *cleanup);
        return TROUPE_NOMEM;
    }
    *cleanup = (tr_cleanup){owner->cleanups, run, arg};
    owner->cleanups = cleanup;
    return TROUPE_OK;
}

troupe_err troupe_undefer(troupe_self *self, void (*run)(void *arg), void *arg) {
    tr_cleanup **at = self->owned ? &self->owned->cleanups : NULL;
    while (at && *at && ((*at)->run != run || (*at)->arg != arg)) at = &(*at)->next;
    if (!at || !*at) return TROUPE_NOTFOUND;
    tr_cleanup *found = *at;
    *at = found->next;
    tr_pool_give(&self->rt->pool, found, sizeof *found);
    return TROUPE_OK;
}

troupe_err tr_memory_leave(troupe_self *self, troupe_msg **msg) {
    tr_owned *owner = owned(self);
    if (!owner) return TROUPE_NOMEM;
    if (owner->result) return TROUPE_INVALID;
    owner->result = *msg;
    *msg = NULL;
    return TROUPE_OK;
}

troupe_msg *tr_memory_end(troupe_self *self) {
    tr_owned *owner = self->owned;
    if (!owner) return NULL;
    for (tr_cleanup *cleanup; (cleanup = owner->cleanups);) {
        owner->cleanups = cleanup->next;
        cleanup->run(cleanup->arg);
        tr_pool_give(&self->rt->pool, cleanup, sizeof *cleanup);
    }
    while (!tr_list_empty(&owner->blocks))
        give(self, TR_OWNER(owner->blocks.next, tr_property, of_life));
    troupe_msg *result = owner->result;
    tr_pool_give(&self->rt->pool, owner, sizeof *owner);
    self->owned = NULL;
    return result;
}
