/* Groups over nodes: what others are told of our members, and what they tell of theirs. */
#include "actors/actor.h"
#include "actors/group_watch.h"
#include "base/heap.h"

enum { FAR_MOST = 16384 }; /* memberships of another node that are kept */

/* --- Telling others --------------------------------------------------------------------------- */

typedef bool say_news(void *ctx, tr_group_news what, uint64_t id, const char *name);

static bool say_all(tr_groups *groups, say_news *say, void *ctx) {
    bool ok = say(ctx, TR_GROUP_ANEW, 0, "");
    for (tr_list *at = groups->told.next; ok && at != &groups->told; at = at->next) {
        const tr_member *member = TR_OWNER(at, tr_member, of_node);
        ok = say(ctx, TR_GROUP_JOINED, member->who.id, member->group->name);
    }
    return ok && say(ctx, TR_GROUP_ALL, 0, "");
}

/* A change is told as what holds now: so it does not matter how often it has changed. */
static bool say_change(troupe *rt, const tr_group_change *change, say_news *say, void *ctx) {
    const troupe_ref who = {rt->node, change->id};
    const tr_group *group = tr_group_find(&rt->groups, change->name);
    const tr_member *member = group ? tr_group_member(&rt->groups, who, group) : NULL;
    const bool told = member && !tr_list_empty(&member->of_node);
    return say(ctx, told ? TR_GROUP_JOINED : TR_GROUP_LEFT, change->id, change->name);
}

uint64_t tr_port_groups(troupe *rt, uint64_t since, say_news *say, void *ctx, bool *ok) {
    tr_groups *groups = &rt->groups;
    tr_lock(&groups->lock);
    const uint64_t last = groups->journal.last;
    *ok = true;
    if (last - since > TR_GROUP_CHANGES || (!since && last))
        *ok = say_all(groups, say, ctx);
    else
        for (uint64_t n = since + 1; *ok && n <= last; n++)
            *ok = say_change(rt, &groups->journal.change[n % TR_GROUP_CHANGES], say, ctx);
    tr_unlock(&groups->lock);
    return *ok ? last : since;
}

/* --- What others tell ------------------------------------------------------------------------- */

static tr_group_far *find_far(const tr_groups *groups, uint64_t node) {
    tr_map_entry *entry = tr_map_find(&groups->by_node, node);
    return entry ? TR_OWNER(entry, tr_group_far, by_node) : NULL;
}

/* The same, made if there is none; NULL: no memory. */
static tr_group_far *open_far(tr_groups *groups, uint64_t node) {
    tr_group_far *far = find_far(groups, node);
    if (far) return far;
    far = tr_take_zero(groups->heap, sizeof *far);
    if (!far) return NULL;
    tr_list_init(&far->members);
    if (tr_map_add(&groups->by_node, node, &far->by_node)) return far;
    tr_give(groups->heap, far, sizeof *far);
    return NULL;
}

static void take_out(troupe *rt, tr_group_far *far, tr_member *member, tr_fifo *wake) {
    far->count--;
    tr_group_take_out(rt, member, wake);
}

static troupe_err join(tr_groups *groups, tr_group_far *far, troupe_ref who, const char *name,
                       tr_fifo *wake) {
    const tr_group *group = tr_group_find(groups, name);
    tr_member *member = group ? tr_group_member(groups, who, group) : NULL;
    if (member) {
        member->era = far->era;
        return TROUPE_OK;
    }
    if (far->count >= FAR_MOST) return TROUPE_FULL;
    member = tr_take_zero(groups->heap, sizeof *member);
    if (!member) return TROUPE_NOMEM;
    member->who = who;
    member->era = far->era;
    tr_list_init(&member->of_group);
    tr_list_init(&member->of_node);
    troupe_err err = tr_group_enter(groups, name, member, false, wake);
    if (err) {
        tr_give(groups->heap, member, sizeof *member);
        return err;
    }
    tr_list_add(&far->members, &member->of_node);
    far->count++;
    return TROUPE_OK;
}

static void leave(troupe *rt, tr_group_far *far, troupe_ref who, const char *name, tr_fifo *wake) {
    const tr_group *group = tr_group_find(&rt->groups, name);
    tr_member *member = group ? tr_group_member(&rt->groups, who, group) : NULL;
    if (member) take_out(rt, far, member, wake);
}

/* All were told anew: who was not has left meanwhile. */
static troupe_err end_anew(troupe *rt, tr_group_far *far, tr_fifo *wake) {
    if (!far->anew) return TROUPE_MALFORMED;
    far->anew = false;
    for (tr_list *at = far->members.next, *next; at != &far->members; at = next) {
        tr_member *member = TR_OWNER(at, tr_member, of_node);
        next = at->next;
        if (member->era != far->era) take_out(rt, far, member, wake);
    }
    return TROUPE_OK;
}

static troupe_err hear(troupe *rt, tr_group_far *far, tr_group_news what, troupe_ref who,
                       const char *name, tr_fifo *wake) {
    switch (what) {
    case TR_GROUP_JOINED:
        return join(&rt->groups, far, who, name, wake);
    case TR_GROUP_LEFT:
        leave(rt, far, who, name, wake);
        return TROUPE_OK;
    case TR_GROUP_ANEW:
        far->era++;
        far->anew = true;
        return TROUPE_OK;
    default:
        return end_anew(rt, far, wake);
    }
}

troupe_err tr_port_group(troupe *rt, uint64_t node, tr_group_news what, uint64_t id,
                         const char *name) {
    tr_groups *groups = &rt->groups;
    tr_fifo wake = {NULL, NULL};
    if (what <= TR_GROUP_LEFT && !tr_group_is_name(name)) return TROUPE_INVALID;
    tr_lock(&groups->lock);
    tr_group_far *far = open_far(groups, node);
    troupe_err err =
        far ? hear(rt, far, what, (troupe_ref){node, id}, name, &wake) : TROUPE_NOMEM;
    tr_unlock(&groups->lock);
    tr_group_tell(rt, &wake);
    return err;
}

static void lose(troupe *rt, tr_group_far *far, tr_fifo *wake) {
    tr_groups *groups = &rt->groups;
    while (!tr_list_empty(&far->members))
        take_out(rt, far, TR_OWNER(far->members.next, tr_member, of_node), wake);
    tr_map_remove(&groups->by_node, &far->by_node);
    tr_give(groups->heap, far, sizeof *far);
}

void tr_groups_node_lost(troupe *rt, uint64_t node) {
    tr_groups *groups = &rt->groups;
    tr_fifo wake = {NULL, NULL};
    tr_lock(&groups->lock);
    tr_group_far *far = find_far(groups, node);
    if (far) lose(rt, far, &wake);
    tr_unlock(&groups->lock);
    tr_group_tell(rt, &wake);
}

static void lose_entry(void *ctx, tr_map_entry *entry) {
    tr_fifo nobody = {NULL, NULL};
    lose(ctx, TR_OWNER(entry, tr_group_far, by_node), &nobody);
}

void tr_groups_all_lost(troupe *rt) {
    tr_map_each(&rt->groups.by_node, lose_entry, rt);
}
