#include "actors/name.h"

#include <string.h>

#include "actors/actor.h"
#include "actors/find.h"
#include "base/check.h"
#include "base/heap.h"

typedef struct tr_named {
    tr_map_entry by_hash;
    troupe_self *who;
    char name[];
} tr_named;

void tr_names_init(tr_names *names, const troupe_heap *heap) {
    names->heap = heap;
    tr_mutex_init(&names->lock);
    tr_map_init(&names->by_hash, heap);
}

void tr_names_fini(tr_names *names) {
    tr_map_fini(&names->by_hash);
    tr_mutex_fini(&names->lock);
}

static tr_named *find(tr_names *names, const char *name) {
    tr_map_entry *entry = tr_map_find(&names->by_hash, tr_hash_text(name));
    for (; entry; entry = tr_map_same(entry)) {
        tr_named *named = TR_OWNER(entry, tr_named, by_hash);
        if (strcmp(named->name, name) == 0) return named;
    }
    return NULL;
}

static size_t size_of(const char *name) {
    return sizeof(tr_named) + strlen(name) + 1;
}

/* Enters `named`, which holds the name already, for an actor; under the lock. LATER: it has that
 * name. */
static troupe_err enter(troupe *rt, troupe_ref who, tr_named *named) {
    tr_names *names = &rt->names;
    troupe_self *self = who.node == rt->node ? tr_table_find(&rt->table, who.id) : NULL;
    /* Its end takes this lock only if it finds the mark. */
    if (!self || !tr_table_mark(self, (uint32_t)(who.id >> 32), TR_CONTROL_NAMED))
        return TROUPE_GONE;
    if (self->name && strcmp(self->name, named->name) == 0) return TROUPE_LATER;
    if (self->name || find(names, named->name)) return TROUPE_TAKEN;
    named->who = self;
    if (!tr_map_add(&names->by_hash, tr_hash_text(named->name), &named->by_hash))
        return TROUPE_NOMEM;
    self->name = named->name;
    return TROUPE_OK;
}

troupe_err troupe_register(troupe *rt, troupe_ref who, const char *name) {
    if (!name || !*name || strlen(name) > TROUPE_NAME_MAX) return TROUPE_INVALID;
    tr_named *named = tr_take(rt->heap, size_of(name));
    if (!named) return TROUPE_NOMEM;
    memcpy(named->name, name, strlen(name) + 1);
    tr_lock(&rt->names.lock);
    troupe_err err = enter(rt, who, named);
    tr_unlock(&rt->names.lock);
    if (err) tr_give(rt->heap, named, size_of(name));
    return err == TROUPE_LATER ? TROUPE_OK : err;
}

troupe_err troupe_whereis(troupe *rt, const char *name, troupe_ref *out) {
    tr_lock(&rt->names.lock);
    tr_named *named = find(&rt->names, name);
    if (named) *out = tr_actor_ref(named->who);
    tr_unlock(&rt->names.lock);
    return named ? TROUPE_OK : TROUPE_NOTFOUND;
}

void tr_names_forget(tr_names *names, troupe_self *self) {
    tr_lock(&names->lock);
    tr_named *named = self->name ? find(names, self->name) : NULL;
    if (named) tr_map_remove(&names->by_hash, &named->by_hash);
    self->name = NULL;
    tr_unlock(&names->lock);
    if (named) tr_give(names->heap, named, size_of(named->name));
}
