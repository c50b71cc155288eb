#include "actors/table.h"

#include "actors/actor.h"
#include "base/check.h"
#include "base/heap.h"

static size_t chunk_places(unsigned chunk) {
    return (size_t)TR_TABLE_CHUNK_FIRST << chunk;
}

void tr_table_init(tr_table *table, const troupe_heap *heap) {
    *table = (tr_table){.heap = heap};
    tr_list_init(&table->top);
    tr_mutex_init(&table->lock);
    tr_cond_init(&table->ended);
}

void tr_table_fini(tr_table *table) {
    for (unsigned k = 0; k < TR_TABLE_CHUNKS; k++) {
        void *chunk = (void *)(uintptr_t)tr_load64_relaxed(&table->chunk[k]);
        tr_give(table->heap, chunk, chunk_places(k) * sizeof(troupe_self));
    }
    tr_cond_fini(&table->ended);
    tr_mutex_fini(&table->lock);
}

/* The memory of a place; its chunk must exist. */
static troupe_self *memory_of(tr_table *table, uint32_t place) {
    uint64_t n = (uint64_t)place + TR_TABLE_CHUNK_FIRST;
    unsigned k = 63 - (unsigned)__builtin_clzll(n) - 6;
    /* Acquire pairs with the release in `new_place`: the chunk's memory is there. */
    troupe_self *chunk = (troupe_self *)(uintptr_t)tr_load64_acquire(&table->chunk[k]);
    return chunk ? &chunk[n - chunk_places(k)] : NULL;
}

/* A place that was never used, under the lock; NULL: no memory, or all places are in use. */
static troupe_self *new_place(tr_table *table) {
    uint32_t place = tr_load32_relaxed(&table->used);
    if (place == TR_PLACE_ASKS) return NULL;
    troupe_self *self = memory_of(table, place);
    if (!self) {
        unsigned k = 63 - (unsigned)__builtin_clzll((uint64_t)place + TR_TABLE_CHUNK_FIRST) - 6;
        troupe_self *chunk = tr_take(table->heap, chunk_places(k) * sizeof *chunk);
        if (!chunk) return NULL;
        tr_store64_release(&table->chunk[k], (uint64_t)(uintptr_t)chunk);
        self = memory_of(table, place);
    }
    self->place = place;
    tr_store64_relaxed(&self->control, UINT64_C(1) << 32 | TR_CONTROL_VACANT);
    tr_mailbox_open(&self->box, 1);
    (void)tr_mailbox_close(&self->box);
    /* Release pairs with the acquire in tr_table_find: what is set above is seen there. */
    tr_store32_release(&table->used, place + 1);
    return self;
}

troupe_self *tr_table_take(tr_table *table, bool top, bool is_supervisor) {
    tr_lock(&table->lock);
    troupe_self *self = table->free;
    if (self)
        table->free = self->next_free;
    else
        self = new_place(table);
    if (self) {
        self->generation = (uint32_t)(tr_load64_relaxed(&self->control) >> 32);
        self->is_supervisor = is_supervisor;
        tr_list_init(&self->top);
        if (top) tr_list_add(&table->top, &self->top);
        table->live++;
    }
    tr_unlock(&table->lock);
    return self;
}

void tr_table_retire(troupe_self *self) {
    /* Only generations after the last are refused reuse; 0 is none, so a ref never comes again. */
    uint64_t next = (uint64_t)(uint32_t)(self->generation + 1) << 32 | TR_CONTROL_VACANT;
    uint64_t control = tr_load64_relaxed(&self->control);
    while (!tr_cas64_seq(&self->control, &control, next)) {
    }
}

void tr_table_give(tr_table *table, troupe_self *self) {
    tr_lock(&table->lock);
    tr_list_remove(&self->top);
    bool worn_out = tr_load64_relaxed(&self->control) >> 32 == 0;
    if (!worn_out) {
        self->next_free = table->free;
        table->free = self;
    }
    TR_ASSERT(table->live > 0);
    table->live--;
    if (table->waited_for) tr_cond_wake_all(&table->ended);
    tr_unlock(&table->lock);
}

troupe_self *tr_table_find(tr_table *table, uint64_t id) {
    troupe_self *self = tr_table_at(table, (uint32_t)id);
    if (!self || id >> 32 == 0) return NULL;
    uint64_t control = tr_load64_acquire(&self->control);
    return control >> 32 == id >> 32 && !(control & TR_CONTROL_VACANT) ? self : NULL;
}

troupe_self *tr_table_at(tr_table *table, uint32_t place) {
    return place < tr_load32_acquire(&table->used) ? memory_of(table, place) : NULL;
}

bool tr_table_wait(tr_table *table, uint64_t id, uint64_t deadline) {
    bool over, in_time = true;
    tr_lock(&table->lock);
    table->waited_for = true;
    while (!(over = id ? !tr_table_find(table, id) : !table->live) && in_time)
        in_time = tr_cond_wait(&table->ended, &table->lock, deadline);
    table->waited_for = false;
    tr_unlock(&table->lock);
    return over;
}

size_t tr_table_live(tr_table *table) {
    tr_lock(&table->lock);
    size_t live = table->live;
    tr_unlock(&table->lock);
    return live;
}
