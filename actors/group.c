#include "actors/group.h"

#include <string.h>

#include "actors/actor.h"
#include "actors/find.h"
#include "actors/group_watch.h"
#include "base/heap.h"

void tr_groups_init(tr_groups *groups, const troupe_heap *heap) {
    groups->heap = heap;
    groups->watched = 0;
    groups->journal = (tr_group_journal){0, NULL};
    tr_random(&groups->secret, sizeof groups->secret);
    groups->secret |= 1;
    tr_list_init(&groups->told);
    tr_map_init(&groups->by_node, heap);
    tr_mutex_init(&groups->lock);
    tr_map_init(&groups->by_hash, heap);
    tr_map_init(&groups->by_member, heap);
    tr_map_init(&groups->by_watcher, heap);
    tr_list_init(&groups->voids);
}

void tr_groups_fini(tr_groups *groups) {
    tr_map_fini(&groups->by_hash);
    tr_map_fini(&groups->by_member);
    tr_map_fini(&groups->by_watcher);
    tr_map_fini(&groups->by_node);
    tr_give(groups->heap, groups->journal.change,
            TR_GROUP_CHANGES * sizeof *groups->journal.change);
    tr_mutex_fini(&groups->lock);
}

/* --- Groups ----------------------------------------------------------------------------------- */

bool tr_group_is_name(const char *name) {
    return name && *name && strlen(name) <= TROUPE_NAME_MAX;
}

static uint64_t hash_of(const tr_groups *groups, const char *name) {
    return tr_hash_bytes(groups->secret, name, strlen(name));
}

tr_group *tr_group_find(tr_groups *groups, const char *name) {
    tr_map_entry *entry = tr_map_find(&groups->by_hash, hash_of(groups, name));
    for (; entry; entry = tr_map_same(entry)) {
        tr_group *group = TR_OWNER(entry, tr_group, by_hash);
        if (strcmp(group->name, name) == 0) return group;
    }
    return NULL;
}

static size_t size_of(const char *name) {
    return sizeof(tr_group) + strlen(name) + 1;
}

tr_group *tr_group_open(tr_groups *groups, const char *name) {
    tr_group *group = tr_group_find(groups, name);
    if (group) return group;
    group = tr_take(groups->heap, size_of(name));
    if (!group) return NULL;
    *group = (tr_group){.count = 0};
    tr_list_init(&group->members);
    tr_list_init(&group->watches);
    memcpy(group->name, name, strlen(name) + 1);
    if (tr_map_add(&groups->by_hash, hash_of(groups, name), &group->by_hash)) return group;
    tr_give(groups->heap, group, size_of(name));
    return NULL;
}

void tr_group_leave(tr_groups *groups, tr_group *group) {
    if (group->count || !tr_list_empty(&group->watches)) return;
    tr_map_remove(&groups->by_hash, &group->by_hash);
    tr_give(groups->heap, group, size_of(group->name));
}

/* --- Members ---------------------------------------------------------------------------------- */

static uint64_t key_of(const tr_groups *groups, troupe_ref who) {
    const uint64_t key = (who.id ^ who.node * UINT64_C(0xD6E8FEB86659FD93)) * groups->secret;
    return key ^ key >> 32;
}

tr_member *tr_group_first(tr_groups *groups, troupe_ref who) {
    tr_map_entry *entry = tr_map_find(&groups->by_member, key_of(groups, who));
    for (; entry; entry = tr_map_same(entry)) {
        tr_member *member = TR_OWNER(entry, tr_member, by_member);
        if (troupe_same(member->who, who)) return member;
    }
    return NULL;
}

tr_member *tr_group_member(tr_groups *groups, troupe_ref who, const tr_group *group) {
    tr_map_entry *entry = tr_map_find(&groups->by_member, key_of(groups, who));
    for (; entry; entry = tr_map_same(entry)) {
        tr_member *member = TR_OWNER(entry, tr_member, by_member);
        if (member->group == group && troupe_same(member->who, who)) return member;
    }
    return NULL;
}

/* Notes a change that other nodes are to be told of, under the lock. */
static void note(tr_groups *groups, const tr_member *member) {
    tr_group_journal *journal = &groups->journal;
    tr_group_change *change = &journal->change[++journal->last % TR_GROUP_CHANGES];
    change->id = member->who.id;
    strcpy(change->name, member->group->name);
}

void tr_group_take_out(troupe *rt, tr_member *member, tr_fifo *wake) {
    tr_groups *groups = &rt->groups;
    tr_group *group = member->group;
    const bool here = member->who.node == rt->node;
    if (here && !tr_list_empty(&member->of_node)) note(groups, member);
    tr_map_remove(&groups->by_member, &member->by_member);
    tr_list_remove(&member->of_group);
    tr_list_remove(&member->of_node);
    tr_give(groups->heap, member, sizeof *member);
    group->count--;
    group->here -= here;
    tr_group_changed(group, false, wake);
    tr_group_leave(groups, group);
}

troupe_err tr_group_enter(tr_groups *groups, const char *name, tr_member *member, bool here,
                          tr_fifo *wake) {
    tr_group *group = tr_group_open(groups, name);
    if (!group) return TROUPE_NOMEM;
    if (!tr_map_add(&groups->by_member, key_of(groups, member->who), &member->by_member)) {
        tr_group_leave(groups, group);
        return TROUPE_NOMEM;
    }
    member->group = group;
    group->count++;
    group->here += here;
    tr_list_add(&group->members, &member->of_group);
    tr_group_changed(group, true, wake);
    return TROUPE_OK;
}

/* --- Joining and leaving ---------------------------------------------------------------------- */

/* Makes room for changes to be told. */
static bool open_journal(tr_groups *groups) {
    tr_group_journal *journal = &groups->journal;
    if (!journal->change)
        journal->change = tr_take_zero(groups->heap, TR_GROUP_CHANGES * sizeof *journal->change);
    return journal->change;
}

/* Enters one of this runtime, under the lock. LATER: it is one already. */
static troupe_err enter(troupe *rt, const char *name, tr_member *member, bool told,
                        tr_fifo *wake) {
    tr_groups *groups = &rt->groups;
    const troupe_ref who = member->who;
    troupe_self *self = who.node == rt->node ? tr_table_find(&rt->table, who.id) : NULL;
    /* Its end takes this lock only if it finds the mark. */
    if (!self || !tr_table_mark(self, (uint32_t)(who.id >> 32), TR_CONTROL_NAMED))
        return TROUPE_GONE;
    const tr_group *group = tr_group_find(groups, name);
    if (group && tr_group_member(groups, who, group)) return TROUPE_LATER;
    if (told && !open_journal(groups)) return TROUPE_NOMEM;
    troupe_err err = tr_group_enter(groups, name, member, true, wake);
    if (err || !told) return err;
    tr_list_add(&groups->told, &member->of_node);
    note(groups, member);
    return TROUPE_OK;
}

/* Tells who watches, and other nodes if they are to be told of more than they were; without the
 * lock. */
static void tell(troupe *rt, tr_fifo *wake, bool changed) {
    tr_group_tell(rt, wake);
    tr_port *port = changed ? tr_runtime_port(rt) : NULL;
    if (port && port->ops->groups) port->ops->groups(port);
}

static troupe_err join(troupe *rt, troupe_ref who, const char *name, bool told) {
    tr_fifo wake = {NULL, NULL};
    if (!tr_group_is_name(name)) return TROUPE_INVALID;
    tr_member *member = tr_take_zero(rt->heap, sizeof *member);
    if (!member) return TROUPE_NOMEM;
    member->who = who;
    tr_list_init(&member->of_group);
    tr_list_init(&member->of_node);
    tr_lock(&rt->groups.lock);
    troupe_err err = enter(rt, name, member, told, &wake);
    tr_unlock(&rt->groups.lock);
    if (err) tr_give(rt->heap, member, sizeof *member);
    tell(rt, &wake, told && !err);
    return err == TROUPE_LATER ? TROUPE_OK : err;
}

troupe_err troupe_join_group(troupe *rt, troupe_ref who, const char *name) {
    return join(rt, who, name, true);
}

troupe_err tr_group_join_here(troupe *rt, troupe_ref who, const char *name) {
    return join(rt, who, name, false);
}

troupe_err troupe_leave_group(troupe *rt, troupe_ref who, const char *name) {
    tr_groups *groups = &rt->groups;
    tr_fifo wake = {NULL, NULL};
    tr_lock(&groups->lock);
    const uint64_t before = groups->journal.last;
    const tr_group *group = who.node == rt->node ? tr_group_find(groups, name) : NULL;
    tr_member *member = group ? tr_group_member(groups, who, group) : NULL;
    if (member) tr_group_take_out(rt, member, &wake);
    const bool changed = groups->journal.last != before;
    tr_unlock(&groups->lock);
    tell(rt, &wake, changed);
    return member ? TROUPE_OK : TROUPE_NOTFOUND;
}

void tr_groups_forget(troupe *rt, uint64_t id) {
    tr_groups *groups = &rt->groups;
    const troupe_ref who = {rt->node, id};
    tr_fifo wake = {NULL, NULL};
    tr_lock(&groups->lock);
    const uint64_t before = groups->journal.last;
    for (tr_member *member; (member = tr_group_first(groups, who));)
        tr_group_take_out(rt, member, &wake);
    const bool changed = groups->journal.last != before;
    tr_unlock(&groups->lock);
    tell(rt, &wake, changed);
}

/* --- Listing ---------------------------------------------------------------------------------- */

void tr_group_list(const tr_group *group, troupe_ref *who, size_t room) {
    size_t n = 0;
    for (tr_list *at = group->members.next; at != &group->members && n < room; at = at->next)
        who[n++] = TR_OWNER(at, tr_member, of_group)->who;
}

size_t troupe_members(troupe *rt, const char *name, troupe_ref *who, size_t room) {
    tr_lock(&rt->groups.lock);
    const tr_group *group = tr_group_find(&rt->groups, name);
    const size_t count = group ? group->count : 0;
    if (group) tr_group_list(group, who, room);
    tr_unlock(&rt->groups.lock);
    return count;
}
