#include "actors/group.h"

#include <string.h>

#include "actors/actor.h"
#include "actors/find.h"
#include "actors/send.h"
#include "base/heap.h"
#include "serial/share.h"

typedef struct tr_group {
    tr_map_entry by_hash;
    tr_list members;
    size_t count; /* of them */
    char name[];
} tr_group;

typedef struct tr_member {
    tr_map_entry by_member; /* its key is the actor's id */
    tr_list of_group;
    tr_group *group;
} tr_member;

void tr_groups_init(tr_groups *groups, const troupe_heap *heap) {
    groups->heap = heap;
    tr_mutex_init(&groups->lock);
    tr_map_init(&groups->by_hash, heap);
    tr_map_init(&groups->by_member, heap);
}

void tr_groups_fini(tr_groups *groups) {
    tr_map_fini(&groups->by_hash);
    tr_map_fini(&groups->by_member);
    tr_mutex_fini(&groups->lock);
}

/* --- Joining and leaving ---------------------------------------------------------------------- */

static tr_group *find(tr_groups *groups, const char *name) {
    tr_map_entry *entry = tr_map_find(&groups->by_hash, tr_hash_text(name));
    for (; entry; entry = tr_map_same(entry)) {
        tr_group *group = TR_OWNER(entry, tr_group, by_hash);
        if (strcmp(group->name, name) == 0) return group;
    }
    return NULL;
}

static tr_member *find_member(tr_groups *groups, uint64_t id, const tr_group *group) {
    tr_map_entry *entry = tr_map_find(&groups->by_member, id);
    for (; entry; entry = tr_map_same(entry)) {
        tr_member *member = TR_OWNER(entry, tr_member, by_member);
        if (member->group == group) return member;
    }
    return NULL;
}

static size_t size_of(const char *name) {
    return sizeof(tr_group) + strlen(name) + 1;
}

/* Takes a member out, under the lock. */
static void take_out(tr_groups *groups, tr_member *member) {
    tr_group *group = member->group;
    tr_map_remove(&groups->by_member, &member->by_member);
    tr_list_remove(&member->of_group);
    tr_give(groups->heap, member, sizeof *member);
    if (--group->count) return;
    tr_map_remove(&groups->by_hash, &group->by_hash);
    tr_give(groups->heap, group, size_of(group->name));
}

/* The group of that name, under the lock, made if there is none; NULL: no memory. */
static tr_group *open_group(tr_groups *groups, const char *name) {
    tr_group *group = find(groups, name);
    if (group) return group;
    group = tr_take(groups->heap, size_of(name));
    if (!group) return NULL;
    *group = (tr_group){.count = 0};
    tr_list_init(&group->members);
    memcpy(group->name, name, strlen(name) + 1);
    if (tr_map_add(&groups->by_hash, tr_hash_text(name), &group->by_hash)) return group;
    tr_give(groups->heap, group, size_of(name));
    return NULL;
}

/* Enters a member, under the lock. LATER: it is one already. */
static troupe_err enter(troupe *rt, troupe_ref who, const char *name, tr_member *member) {
    tr_groups *groups = &rt->groups;
    troupe_self *self = who.node == rt->node ? tr_table_find(&rt->table, who.id) : NULL;
    /* Its end takes this lock only if it finds the mark. */
    if (!self || !tr_table_mark(self, (uint32_t)(who.id >> 32), TR_CONTROL_NAMED))
        return TROUPE_GONE;
    tr_group *group = open_group(groups, name);
    if (!group) return TROUPE_NOMEM;
    if (find_member(groups, who.id, group)) return TROUPE_LATER;
    bool ok = tr_map_add(&groups->by_member, who.id, &member->by_member);
    member->group = group;
    if (ok) {
        group->count++;
        tr_list_add(&group->members, &member->of_group);
    } else if (!group->count) {
        tr_map_remove(&groups->by_hash, &group->by_hash);
        tr_give(groups->heap, group, size_of(name));
    }
    return ok ? TROUPE_OK : TROUPE_NOMEM;
}

troupe_err troupe_join_group(troupe *rt, troupe_ref who, const char *name) {
    if (!name || !*name || strlen(name) > TROUPE_NAME_MAX) return TROUPE_INVALID;
    tr_member *member = tr_take_zero(rt->heap, sizeof *member);
    if (!member) return TROUPE_NOMEM;
    tr_list_init(&member->of_group);
    tr_lock(&rt->groups.lock);
    troupe_err err = enter(rt, who, name, member);
    tr_unlock(&rt->groups.lock);
    if (err) tr_give(rt->heap, member, sizeof *member);
    return err == TROUPE_LATER ? TROUPE_OK : err;
}

troupe_err troupe_leave_group(troupe *rt, troupe_ref who, const char *name) {
    tr_groups *groups = &rt->groups;
    tr_lock(&groups->lock);
    tr_group *group = who.node == rt->node ? find(groups, name) : NULL;
    tr_member *member = group ? find_member(groups, who.id, group) : NULL;
    if (member) take_out(groups, member);
    tr_unlock(&groups->lock);
    return member ? TROUPE_OK : TROUPE_NOTFOUND;
}

void tr_groups_forget(tr_groups *groups, uint64_t id) {
    tr_lock(&groups->lock);
    for (tr_map_entry *entry; (entry = tr_map_find(&groups->by_member, id));)
        take_out(groups, TR_OWNER(entry, tr_member, by_member));
    tr_unlock(&groups->lock);
}

/* --- Members ---------------------------------------------------------------------------------- */

static size_t list(troupe *rt, const tr_group *group, troupe_ref *who, size_t room) {
    size_t n = 0;
    if (!group) return 0;
    for (tr_list *at = group->members.next; at != &group->members && n < room; at = at->next)
        who[n++] = (troupe_ref){rt->node, TR_OWNER(at, tr_member, of_group)->by_member.key};
    return group->count;
}

size_t troupe_members(troupe *rt, const char *name, troupe_ref *who, size_t room) {
    tr_lock(&rt->groups.lock);
    size_t count = list(rt, find(&rt->groups, name), who, room);
    tr_unlock(&rt->groups.lock);
    return count;
}

/* All members, in memory that the caller gives back; NOTFOUND, NOMEM. */
static troupe_err all_of(troupe *rt, const char *name, troupe_ref **who, size_t *count) {
    tr_lock(&rt->groups.lock);
    const tr_group *group = find(&rt->groups, name);
    *count = group ? group->count : 0;
    *who = group ? tr_take(rt->heap, *count * sizeof **who) : NULL;
    if (*who) (void)list(rt, group, *who, *count);
    tr_unlock(&rt->groups.lock);
    if (!*count) return TROUPE_NOTFOUND;
    return *who ? TROUPE_OK : TROUPE_NOMEM;
}

/* --- Sending ---------------------------------------------------------------------------------- */

/* Sends one more message of that body. */
static troupe_err send_share(troupe *rt, troupe_ref from, troupe_ref to, troupe_msg **msg) {
    troupe_msg *share;
    troupe_err err = tr_msg_share(&rt->pool, msg, &share);
    if (!err) err = tr_send(rt, from, to, 0, &share);
    troupe_drop(&share);
    return err;
}

static troupe_err send_all(troupe *rt, troupe_ref from, const char *name, troupe_msg **msg,
                           troupe_reach *out) {
    troupe_ref *who;
    troupe_reach reach = {0, 0};
    if (!*msg) return TROUPE_INVALID;
    troupe_err err = all_of(rt, name, &who, &reach.members);
    if (err) return err;
    bool starved = false;
    for (size_t i = 0; i < reach.members; i++) {
        err = send_share(rt, from, who[i], msg);
        reach.reached += !err;
        starved |= err == TROUPE_NOMEM;
    }
    tr_give(rt->heap, who, reach.members * sizeof *who);
    if (starved && !reach.reached) return TROUPE_NOMEM;
    troupe_drop(msg);
    if (out) *out = reach;
    return TROUPE_OK;
}

troupe_err troupe_send_group(troupe_self *self, const char *group, troupe_msg **msg,
                             troupe_reach *reach) {
    return send_all(self->rt, tr_actor_ref(self), group, msg, reach);
}

troupe_err troupe_post_group(troupe *rt, const char *group, troupe_msg **msg, troupe_reach *reach) {
    return send_all(rt, TROUPE_NOBODY, group, msg, reach);
}

/* How to choose one member; the key is for BY_KEY. */
typedef struct tr_pick {
    enum { IN_TURN, LEAST_LOADED, BY_KEY } how;
    uint64_t key;
} tr_pick;

/* A key's weight for a member: so each key has its member, and when one comes or goes only those
 * keys move that are its own (rendezvous hashing). */
static uint64_t weight(uint64_t key, uint64_t id) {
    uint64_t mixed = (key * UINT64_C(0x9E3779B97F4A7C15)) ^ (id * UINT64_C(0xD6E8FEB86659FD93));
    mixed = (mixed ^ mixed >> 32) * UINT64_C(0xBF58476D1CE4E5B9);
    mixed = (mixed ^ mixed >> 29) * UINT64_C(0x94D049BB133111EB);
    return mixed ^ mixed >> 32;
}

/* How good a member is: the most is best. */
static uint64_t merit(troupe *rt, const tr_pick *pick, uint64_t id) {
    uint32_t waiting = 0;
    if (pick->how == BY_KEY) return weight(pick->key, id);
    if (troupe_mailbox(rt, (troupe_ref){rt->node, id}, &waiting, NULL)) return 0; /* it leaves */
    return UINT32_MAX - (uint64_t)waiting;
}

/* The member that is the best, or the first if its turn is all that counts; it is the last in line
 * then. And how many there are. */
static size_t choose(troupe *rt, const char *name, const tr_pick *pick, troupe_ref *who) {
    tr_lock(&rt->groups.lock);
    tr_group *group = find(&rt->groups, name);
    size_t count = group ? group->count : 0;
    tr_list *best = group ? group->members.next : NULL;
    uint64_t most = 0;
    for (tr_list *at = best; at && pick->how != IN_TURN && at != &group->members; at = at->next) {
        uint64_t now = merit(rt, pick, TR_OWNER(at, tr_member, of_group)->by_member.key);
        if (now > most) best = at;
        if (now > most) most = now;
    }
    if (best) {
        *who = (troupe_ref){rt->node, TR_OWNER(best, tr_member, of_group)->by_member.key};
        tr_list_remove(best);
        tr_list_add(&group->members, best);
    }
    tr_unlock(&rt->groups.lock);
    return count;
}

static troupe_err send_one(troupe *rt, troupe_ref from, const char *name, tr_pick pick,
                           troupe_msg **msg) {
    troupe_ref who;
    troupe_err err = TROUPE_NOTFOUND;
    if (!*msg) return TROUPE_INVALID;
    /* One that has ended has left, or leaves. */
    for (size_t tries = 0; tries < choose(rt, name, &pick, &who); tries++) {
        troupe_err sent = tr_send(rt, from, who, 0, msg);
        if (!sent) return TROUPE_OK;
        if (sent != TROUPE_GONE) err = sent;
        if (sent != TROUPE_GONE && pick.how == BY_KEY) break;
        if (pick.how == LEAST_LOADED) pick.how = IN_TURN; /* their bounds may differ */
    }
    return err;
}

troupe_err troupe_send_any(troupe_self *self, const char *group, troupe_msg **msg) {
    return send_one(self->rt, tr_actor_ref(self), group, (tr_pick){.how = IN_TURN}, msg);
}

troupe_err troupe_post_any(troupe *rt, const char *group, troupe_msg **msg) {
    return send_one(rt, TROUPE_NOBODY, group, (tr_pick){.how = IN_TURN}, msg);
}

troupe_err troupe_send_least(troupe_self *self, const char *group, troupe_msg **msg) {
    return send_one(self->rt, tr_actor_ref(self), group, (tr_pick){.how = LEAST_LOADED}, msg);
}

troupe_err troupe_post_least(troupe *rt, const char *group, troupe_msg **msg) {
    return send_one(rt, TROUPE_NOBODY, group, (tr_pick){.how = LEAST_LOADED}, msg);
}

troupe_err troupe_send_keyed(troupe_self *self, const char *group, uint64_t key, troupe_msg **msg) {
    return send_one(self->rt, tr_actor_ref(self), group, (tr_pick){BY_KEY, key}, msg);
}

troupe_err troupe_post_keyed(troupe *rt, const char *group, uint64_t key, troupe_msg **msg) {
    return send_one(rt, TROUPE_NOBODY, group, (tr_pick){BY_KEY, key}, msg);
}
