#include "actors/group_send.h"

#include "actors/actor.h"
#include "actors/send.h"
#include "base/heap.h"
#include "serial/share.h"

/* All members, in memory that the caller gives back; NOTFOUND, NOMEM. */
static troupe_err all_of(troupe *rt, const char *name, troupe_ref **who, size_t *count) {
    tr_lock(&rt->groups.lock);
    const tr_group *group = tr_group_find(&rt->groups, name);
    *count = group ? group->count : 0;
    *who = group ? tr_take(rt->heap, *count * sizeof **who) : NULL;
    if (*who) tr_group_list(group, *who, *count);
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

troupe_err tr_groups_send_all(troupe *rt, troupe_ref from, const char *name, troupe_msg **msg,
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
    return tr_groups_send_all(self->rt, tr_actor_ref(self), group, msg, reach);
}

troupe_err troupe_post_group(troupe *rt, const char *group, troupe_msg **msg, troupe_reach *reach) {
    return tr_groups_send_all(rt, TROUPE_NOBODY, group, msg, reach);
}

uint64_t tr_group_weight(uint64_t key, uint64_t id) {
    uint64_t mixed = (key * UINT64_C(0x9E3779B97F4A7C15)) ^ (id * UINT64_C(0xD6E8FEB86659FD93));
    mixed = (mixed ^ mixed >> 32) * UINT64_C(0xBF58476D1CE4E5B9);
    mixed = (mixed ^ mixed >> 29) * UINT64_C(0x94D049BB133111EB);
    return mixed ^ mixed >> 32;
}

/* How good a member is: the most is best. */
static uint64_t merit(troupe *rt, const tr_group_pick *pick, troupe_ref who) {
    uint32_t waiting = 0;
    if (pick->how == TR_PICK_KEY)
        return tr_group_weight(pick->key, who.id ^ who.node * UINT64_C(0xFF51AFD7ED558CCD));
    if (pick->how == TR_PICK_NEXT) return 1;
    if (troupe_mailbox(rt, who, &waiting, NULL)) return 1; /* it leaves, or is elsewhere */
    return UINT32_MAX - (uint64_t)waiting;
}

/* The member that is the best, the first of those that are equally good; it is the last in line
 * then. And how many there are to choose from: those of this runtime, if there are any, or all for
 * a key, which belongs to the same one on each node. */
static size_t choose(troupe *rt, const char *name, const tr_group_pick *pick, troupe_ref *who) {
    tr_lock(&rt->groups.lock);
    tr_group *group = tr_group_find(&rt->groups, name);
    const bool here = group && group->here && pick->how != TR_PICK_KEY;
    const size_t count = !group ? 0 : here ? group->here : group->count;
    tr_member *best = NULL;
    uint64_t most = 0;
    for (tr_list *at = count ? group->members.next : NULL; at && at != &group->members;
         at = at->next) {
        tr_member *member = TR_OWNER(at, tr_member, of_group);
        if (here && member->who.node != rt->node) continue;
        const uint64_t now = merit(rt, pick, member->who);
        if (now > most) best = member;
        if (now > most) most = now;
        if (best && pick->how == TR_PICK_NEXT) break;
    }
    if (best) {
        *who = best->who;
        tr_list_remove(&best->of_group);
        tr_list_add(&group->members, &best->of_group);
    }
    tr_unlock(&rt->groups.lock);
    return best ? count : 0;
}

troupe_err tr_groups_send(troupe *rt, troupe_ref from, unsigned how, const char *name,
                          tr_group_pick pick, troupe_msg **msg, troupe_ref *to) {
    troupe_err err = TROUPE_NOTFOUND;
    if (!*msg) return TROUPE_INVALID;
    /* One that has ended, or whose node is lost, has left, or leaves. */
    for (size_t tries = 0; tries < choose(rt, name, &pick, to); tries++) {
        troupe_err sent = tr_send(rt, from, *to, how, msg);
        if (!sent) return TROUPE_OK;
        const bool gone = sent == TROUPE_GONE || sent == TROUPE_NOCONNECTION;
        if (!gone) err = sent;
        if (!gone && pick.how == TR_PICK_KEY) break;
        if (pick.how == TR_PICK_LEAST) pick.how = TR_PICK_NEXT; /* their bounds may differ */
    }
    return err;
}

static troupe_err send_one(troupe *rt, troupe_ref from, const char *name, tr_group_pick pick,
                           troupe_msg **msg) {
    troupe_ref to;
    return tr_groups_send(rt, from, 0, name, pick, msg, &to);
}

troupe_err troupe_send_any(troupe_self *self, const char *group, troupe_msg **msg) {
    return send_one(self->rt, tr_actor_ref(self), group, (tr_group_pick){.how = TR_PICK_NEXT}, msg);
}

troupe_err troupe_post_any(troupe *rt, const char *group, troupe_msg **msg) {
    return send_one(rt, TROUPE_NOBODY, group, (tr_group_pick){.how = TR_PICK_NEXT}, msg);
}

troupe_err troupe_send_least(troupe_self *self, const char *group, troupe_msg **msg) {
    return send_one(self->rt, tr_actor_ref(self), group, (tr_group_pick){.how = TR_PICK_LEAST},
                    msg);
}

troupe_err troupe_post_least(troupe *rt, const char *group, troupe_msg **msg) {
    return send_one(rt, TROUPE_NOBODY, group, (tr_group_pick){.how = TR_PICK_LEAST}, msg);
}

troupe_err troupe_send_keyed(troupe_self *self, const char *group, uint64_t key, troupe_msg **msg) {
    return send_one(self->rt, tr_actor_ref(self), group, (tr_group_pick){TR_PICK_KEY, key}, msg);
}

troupe_err troupe_post_keyed(troupe *rt, const char *group, uint64_t key, troupe_msg **msg) {
    return send_one(rt, TROUPE_NOBODY, group, (tr_group_pick){TR_PICK_KEY, key}, msg);
}
