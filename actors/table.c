#include "actors/table.h"

#include "actors/find.h"
#include "base/check.h"
#include "base/heap.h"

enum { BATCH = 64 }; /* places that move at once between a worker and all others */

/* Places of a chunk, and those of all before it. */
static size_t chunk_places(unsigned chunk) {
    return (size_t)TR_TABLE_CHUNK_FIRST << chunk;
}

static size_t first_place(unsigned chunk) {
    return chunk_places(chunk) - TR_TABLE_CHUNK_FIRST;
}

bool tr_table_init(tr_table *table, const troupe_heap *heap, unsigned workers) {
    *table = (tr_table){.heap = heap, .workers = workers};
    table->places = tr_take_zero(heap, (workers + 1) * sizeof *table->places);
    if (!table->places) return false;
    tr_list_init(&table->supervisors);
    tr_mutex_init(&table->lock);
    tr_cond_init(&table->ended);
    return true;
}

void tr_table_fini(tr_table *table) {
    uint32_t used = tr_load32_relaxed(&table->used);
    for (unsigned k = 0; k < TR_TABLE_CHUNKS && first_place(k) < used; k++)
        tr_give(table->heap, tr_table_at(table, (uint32_t)first_place(k)),
                chunk_places(k) * sizeof(troupe_self));
    tr_give(table->heap, table->places, (table->workers + 1) * sizeof *table->places);
    tr_cond_fini(&table->ended);
    tr_mutex_fini(&table->lock);
}

/* A place that was never used, under the lock; NULL: no memory, or all places are in use. */
static troupe_self *new_place(tr_table *table) {
    uint32_t place = tr_load32_relaxed(&table->used);
    if (place == TR_PLACE_ASKS) return NULL;
    unsigned k = tr_table_chunk(place);
    if (place == first_place(k)) {
        void *chunk = tr_take(table->heap, chunk_places(k) * sizeof(troupe_self));
        if (!chunk) return NULL;
        uint64_t before = place * sizeof(troupe_self);
        tr_store64_relaxed(&table->zero[k], (uint64_t)(uintptr_t)chunk - before);
    }
    troupe_self *self = tr_table_memory(table, place);
    self->id = place;
    tr_store64_relaxed(&self->task.control, UINT64_C(1) << 32 | TR_CONTROL_VACANT);
    tr_mailbox_open(&self->task.box, 1, false);
    (void)tr_mailbox_close(&self->task.box);
    /* Release pairs with the acquire in tr_table_find: what is set above is seen there. */
    tr_store32_release(&table->used, place + 1);
    return self;
}

/* --- Free places ------------------------------------------------------------------------------ */

static void put_free(tr_places *places, troupe_self *self) {
    self->task.run.next = places->free;
    places->free = &self->task.run;
    places->frees++;
}

static troupe_self *get_free(tr_places *places) {
    tr_link *link = places->free;
    if (!link) return NULL;
    places->free = link->next;
    places->frees--;
    return TR_OWNER(link, troupe_self, task.run);
}

/* Moves up to `n` places to a worker that has none, from the common ones, else new ones. */
static void refill(tr_table *table, tr_places *places, unsigned n) {
    tr_lock(&table->lock);
    troupe_self *self = NULL;
    while (n-- > 0 &&
           ((self = get_free(&table->places[table->workers])) || (self = new_place(table))))
        put_free(places, self);
    tr_unlock(&table->lock);
}

/* Moves all places of a worker to the common ones, so that none of them is out of reach for long.
 */
static void spill(tr_table *table, tr_places *places) {
    troupe_self *self;
    tr_lock(&table->lock);
    while ((self = get_free(places))) put_free(&table->places[table->workers], self);
    tr_unlock(&table->lock);
}

/* Sets a place up for a new actor. Release: who spawns publishes it afterwards (tr_actor_make), and
 * who sees that must see it counted. */
static void bear(tr_places *places, troupe_self *self) {
    uint64_t generation = tr_load64_relaxed(&self->task.control) >> 32;
    self->id = generation << 32 | (uint32_t)self->id;
    tr_store64_release(&places->born, tr_load64_relaxed(&places->born) + 1);
}

static troupe_self *take_in_common(tr_table *table) {
    tr_places *places = &table->places[table->workers];
    tr_lock(&table->lock);
    troupe_self *self = get_free(places);
    if (!self) self = new_place(table);
    if (self) bear(places, self);
    tr_unlock(&table->lock);
    return self;
}

/* --- Supervisors at the top level ------------------------------------------------------------- */

static troupe_self *take_supervisor(tr_table *table) {
    tr_top *top = tr_take(table->heap, sizeof *top);
    troupe_self *self = top ? take_in_common(table) : NULL;
    if (!self) {
        tr_give(table->heap, top, sizeof *top);
        return NULL;
    }
    top->self = self;
    tr_lock(&table->lock);
    tr_list_add(&table->supervisors, &top->list);
    tr_unlock(&table->lock);
    return self;
}

/* Forgets one, under the lock. They end mostly in the order in which a close ends them. */
static void forget_supervisor(tr_table *table, const troupe_self *self) {
    tr_list *at = table->supervisors.prev;
    while (TR_OWNER(at, tr_top, list)->self != self) at = at->prev;
    tr_list_remove(at);
    tr_give(table->heap, TR_OWNER(at, tr_top, list), sizeof(tr_top));
}

uint64_t tr_table_youngest_supervisor(tr_table *table) {
    tr_lock(&table->lock);
    tr_list *youngest = table->supervisors.prev;
    bool none = youngest == &table->supervisors;
    uint64_t id = none ? 0 : TR_OWNER(youngest, tr_top, list)->self->id;
    tr_unlock(&table->lock);
    return id;
}

/* --- Places of actors ------------------------------------------------------------------------- */

troupe_self *tr_table_take(tr_table *table, uint32_t worker, bool supervisor) {
    if (supervisor) return take_supervisor(table);
    if (worker >= table->workers) return take_in_common(table);
    tr_places *places = &table->places[worker];
    if (!places->free) refill(table, places, BATCH);
    troupe_self *self = get_free(places);
    if (self) bear(places, self);
    return self;
}

void tr_table_give(tr_table *table, uint32_t worker, troupe_self *self) {
    bool worn_out = tr_load64_relaxed(&self->task.control) >> 32 == 0;
    bool supervisor = self->is_supervisor && !self->bond;
    bool own = worker < table->workers && !supervisor;
    tr_places *places = &table->places[own ? worker : table->workers];
    if (!own) tr_lock(&table->lock);
    if (supervisor) forget_supervisor(table, self);
    if (!worn_out) put_free(places, self);
    /* Seq: who waits for an end says so and then counts, who ends counts and then asks whether
     * somebody waits. */
    tr_store64_seq(&places->ended, tr_load64_relaxed(&places->ended) + 1);
    if (!own) tr_unlock(&table->lock);
    if (own && places->frees >= 2 * BATCH) spill(table, places);
    if (!tr_load32_seq(&table->waited_for)) return;
    tr_lock(&table->lock);
    tr_cond_wake_all(&table->ended);
    tr_unlock(&table->lock);
}

/* --- Generations ------------------------------------------------------------------------------ */

uint64_t tr_table_retire(troupe_self *self, bool well) {
    /* Only generations after the last are refused reuse; 0 is none, so a ref never comes again. */
    uint64_t next = (uint64_t)(uint32_t)(tr_actor_generation(self) + 1) << 32 | TR_CONTROL_VACANT |
                    (well ? TR_CONTROL_ENDED_WELL : 0);
    uint64_t control = tr_load64_relaxed(&self->task.control);
    while (!tr_cas64_seq(&self->task.control, &control, next)) {
    }
    return control;
}

troupe_err tr_table_ended(const tr_table *table, uint64_t id) {
    const troupe_self *self = tr_table_at(table, (uint32_t)id);
    if (!self) return TROUPE_GONE;
    const uint64_t control = tr_load64_acquire(&self->task.control);
    const uint32_t marks = TR_CONTROL_VACANT | TR_CONTROL_ENDED_WELL;
    const bool next = control >> 32 == (uint32_t)(id >> 32) + UINT64_C(1);
    return next && (control & marks) == marks ? TROUPE_STOPPED : TROUPE_GONE;
}

bool tr_table_mark(troupe_self *self, uint32_t generation, uint32_t marks) {
    uint64_t control = tr_load64_acquire(&self->task.control);
    do {
        if (control >> 32 != generation || (control & TR_CONTROL_VACANT)) return false;
        if ((control & marks) == marks) return true;
    } while (!tr_cas64_seq(&self->task.control, &control, control | marks));
    return true;
}

bool tr_table_wait(tr_table *table, uint64_t id, uint64_t deadline) {
    bool over, in_time = true;
    (void)tr_add32_seq(&table->waited_for, 1);
    tr_lock(&table->lock);
    while (!(over = id ? !tr_table_find(table, id) : !tr_table_live(table)) && in_time)
        in_time = tr_cond_wait(&table->ended, &table->lock, deadline);
    tr_unlock(&table->lock);
    (void)tr_sub32_seq(&table->waited_for, 1);
    return over;
}

size_t tr_table_live(tr_table *table) {
    uint64_t born = 0, ended = 0;
    /* The ended first: one that is born meanwhile may be counted too much, never too little. */
    for (unsigned i = 0; i <= table->workers; i++) ended += tr_load64_seq(&table->places[i].ended);
    for (unsigned i = 0; i <= table->workers; i++) born += tr_load64_seq(&table->places[i].born);
    return (size_t)(born - ended);
}
