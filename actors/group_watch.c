#include "actors/group_watch.h"

#include "actors/actor.h"
#include "actors/send.h"
#include "base/heap.h"

const troupe_type tr_group_news_type = TROUPE_SIGNAL_TYPE("group watch");

const troupe_type troupe_group_changed_type =
    TROUPE_TYPE(troupe_group_changed, TROUPE_FIELD(troupe_group_changed, watch),
                TROUPE_FIELD(troupe_group_changed, joined),
                TROUPE_FIELD(troupe_group_changed, left),
                TROUPE_FIELD(troupe_group_changed, members));

typedef struct tr_group_watch {
    _Alignas(16) troupe_msg envelope; /* in its actor's mailbox, or on its way there, if `sent` */
    tr_signal signal;                 /* directly behind it: whom it is for */
    tr_map_entry by_watcher;
    tr_list of_group; /* or those that are void */
    tr_link to_send;  /* of who has just made it `sent` */
    tr_group *group;  /* NULL: void */
    uint64_t number;
    uint64_t joined, left; /* since that was told last */
    troupe_msg *news;      /* what will tell it; NULL: the actor has it in hand */
    bool sent;
} tr_group_watch;

_Static_assert(offsetof(tr_group_watch, signal) == sizeof(troupe_msg), "see tr_signal_of");

static void end(troupe *rt, tr_group_watch *watch) {
    troupe_drop(&watch->news);
    tr_give(rt->heap, watch, sizeof *watch);
}

/* --- Telling ---------------------------------------------------------------------------------- */

void tr_group_changed(tr_group *group, bool joined, tr_fifo *wake) {
    for (tr_list *at = group->watches.next; at != &group->watches; at = at->next) {
        tr_group_watch *watch = TR_OWNER(at, tr_group_watch, of_group);
        if (joined)
            watch->joined++;
        else
            watch->left++;
        if (!watch->sent) tr_fifo_put(wake, &watch->to_send);
        watch->sent = true;
    }
}

void tr_group_tell(troupe *rt, tr_fifo *wake) {
    for (tr_link *link; (link = tr_fifo_get(wake));) {
        troupe_msg *envelope = &TR_OWNER(link, tr_group_watch, to_send)->envelope;
        if (tr_send_signal(rt, TR_SEND_FREE, &envelope)) tr_group_news_unwrap(rt, &envelope);
    }
}

/* --- Watching --------------------------------------------------------------------------------- */

static tr_group_watch *make(troupe_self *self) {
    troupe *rt = self->rt;
    const struct troupe_group_changed nothing = {.watch = 0};
    tr_group_watch *watch = tr_take_zero(rt->heap, sizeof *watch);
    if (!watch) return NULL;
    tr_msg_embed(&watch->envelope, &tr_group_news_type);
    watch->signal.to = self->id;
    tr_list_init(&watch->of_group);
    if (!tr_msg_make(&rt->pool, &troupe_group_changed_type, &nothing, &watch->news)) return watch;
    end(rt, watch);
    return NULL;
}

/* From here on it is told of what changes. False: no memory. */
static bool enter(tr_groups *groups, tr_group_watch *watch, const char *name) {
    tr_group *group = tr_group_open(groups, name);
    if (!group) return false;
    if (!tr_map_add(&groups->by_watcher, watch->signal.to, &watch->by_watcher)) {
        tr_group_leave(groups, group);
        return false;
    }
    watch->group = group;
    watch->number = ++groups->watched;
    tr_list_add(&group->watches, &watch->of_group);
    return true;
}

troupe_err troupe_watch_group(troupe_self *self, const char *name, troupe_ref *who, size_t room,
                              size_t *members, uint64_t *number) {
    troupe *rt = self->rt;
    if (!tr_group_is_name(name)) return TROUPE_INVALID;
    tr_group_watch *watch = make(self);
    if (!watch) return TROUPE_NOMEM;
    self->asks |= TR_ASKS_GROUPS;
    tr_lock(&rt->groups.lock);
    const bool ok = enter(&rt->groups, watch, name);
    if (ok) tr_group_list(watch->group, who, room);
    if (ok && members) *members = watch->group->count;
    if (ok && number) *number = watch->number;
    tr_unlock(&rt->groups.lock);
    if (!ok) end(rt, watch);
    return ok ? TROUPE_OK : TROUPE_NOMEM;
}

/* The one with that number, or any if it is 0; NULL: there is none. Under the lock, as all here. */
static tr_group_watch *find(const tr_groups *groups, uint64_t actor, uint64_t number) {
    tr_map_entry *entry = tr_map_find(&groups->by_watcher, actor);
    for (; entry; entry = tr_map_same(entry)) {
        tr_group_watch *watch = TR_OWNER(entry, tr_group_watch, by_watcher);
        if (!number || watch->number == number) return watch;
    }
    return NULL;
}

/* Takes it out of all. If its envelope is on its way, who has that ends it, else the caller. */
static bool take_out(tr_groups *groups, tr_group_watch *watch) {
    tr_group *group = watch->group;
    tr_map_remove(&groups->by_watcher, &watch->by_watcher);
    tr_list_remove(&watch->of_group);
    tr_group_leave(groups, group);
    watch->group = NULL;
    if (watch->sent) tr_list_add(&groups->voids, &watch->of_group);
    return !watch->sent;
}

/* Ends one. False: there is none. */
static bool unwatch(troupe *rt, uint64_t actor, uint64_t number) {
    tr_lock(&rt->groups.lock);
    tr_group_watch *watch = find(&rt->groups, actor, number);
    const bool mine = watch && take_out(&rt->groups, watch);
    tr_unlock(&rt->groups.lock);
    if (mine) end(rt, watch);
    return watch != NULL;
}

troupe_err troupe_unwatch_group(troupe_self *self, uint64_t number) {
    return number && unwatch(self->rt, self->id, number) ? TROUPE_OK : TROUPE_NOTFOUND;
}

void tr_group_watches_forget(troupe *rt, uint64_t actor) {
    while (unwatch(rt, actor, 0)) {}
}

/* --- Arriving --------------------------------------------------------------------------------- */

/* Makes a message of what has changed, under the lock, as if it had been sent with the envelope. */
static troupe_msg *take_news(tr_group_watch *watch, uint32_t generation) {
    const uint32_t how = TR_MSG_COUNTED | TR_MSG_ASK | TR_MSG_FOREIGN | TR_MSG_STAMP_MASK;
    troupe_msg *news = watch->news;
    watch->news = NULL;
    *(struct troupe_group_changed *)tr_msg_body(news) =
        (struct troupe_group_changed){.watch = watch->number,
                                      .joined = watch->joined,
                                      .left = watch->left,
                                      .members = watch->group->count};
    watch->joined = watch->left = 0;
    news->sender = 0;
    news->generation = generation;
    news->flags = (news->flags & ~how) | (watch->envelope.flags & TR_MSG_STAMP_MASK);
    return news;
}

/* The envelope is the caller's. True: the watch is over, and is the caller's too. */
static bool is_over(tr_group_watch *watch) {
    watch->sent = false;
    if (watch->group) return false;
    tr_list_remove(&watch->of_group);
    return true;
}

troupe_msg *tr_group_news_arrived(troupe_self *self, troupe_msg *envelope, uint64_t *number) {
    troupe *rt = self->rt;
    tr_group_watch *watch = TR_OWNER(envelope, tr_group_watch, envelope);
    *number = watch->number;
    tr_lock(&rt->groups.lock);
    const bool over = is_over(watch);
    troupe_msg *news = over ? NULL : take_news(watch, tr_actor_generation(self));
    tr_unlock(&rt->groups.lock);
    if (over) end(rt, watch);
    return news;
}

void tr_group_news_unwrap(troupe *rt, troupe_msg **msg) {
    if ((*msg)->type != &tr_group_news_type) return;
    tr_group_watch *watch = TR_OWNER(*msg, tr_group_watch, envelope);
    *msg = NULL;
    tr_lock(&rt->groups.lock);
    const bool over = is_over(watch);
    tr_unlock(&rt->groups.lock);
    if (over) end(rt, watch); /* else the end of its actor will find it */
}

/* Whether it is as good as new; one that is shared has another type. */
static bool is_own(const troupe_msg *msg) {
    return msg && msg->type == &troupe_group_changed_type;
}

troupe_err tr_group_news_handled(troupe_self *self, uint64_t number, troupe_msg **msg) {
    troupe *rt = self->rt;
    const struct troupe_group_changed nothing = {.watch = 0};
    if (!is_own(*msg)) {
        troupe_drop(msg);
        const tr_pool *pool = &rt->pool;
        troupe_err err = tr_msg_make(pool, &troupe_group_changed_type, &nothing, msg);
        if (err) return err;
    }
    tr_lock(&rt->groups.lock);
    tr_group_watch *watch = find(&rt->groups, self->id, number);
    if (watch) {
        watch->news = *msg;
        *msg = NULL;
    }
    tr_unlock(&rt->groups.lock);
    troupe_drop(msg);
    return TROUPE_OK;
}
