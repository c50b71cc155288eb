#include "actors/topic.h"

#include <string.h>

#include "actors/actor.h"
#include "actors/send.h"
#include "base/heap.h"
#include "serial/share.h"

const troupe_type tr_topic_type = TROUPE_SIGNAL_TYPE("topic");

typedef struct tr_topic {
    tr_map_entry by_hash;
    tr_list subs;
    size_t count;      /* of them */
    troupe_msg *value; /* that is kept; NULL: none */
    char name[];
} tr_topic;

typedef struct tr_sub {
    _Alignas(16) troupe_msg envelope; /* in its actor's mailbox, or on its way there, if `sent` */
    tr_signal signal;                 /* directly behind it: whom it is for */
    tr_map_entry by_actor;
    tr_list of_topic; /* or those that are void */
    tr_link to_send;  /* of who has just made it `sent` */
    tr_topic *topic;  /* NULL: void */
    tr_fifo queue;    /* what waits, `waiting` messages of at most `depth` */
    uint32_t waiting, depth;
    troupe_lag lag;
    bool sent;
    uint64_t missed;
} tr_sub;

_Static_assert(offsetof(tr_sub, signal) == sizeof(troupe_msg), "see tr_signal_of");

void tr_topics_init(tr_topics *topics, troupe *rt) {
    *topics = (tr_topics){.rt = rt};
    tr_mutex_init(&topics->lock);
    tr_map_init(&topics->by_hash, rt->heap);
    tr_map_init(&topics->by_actor, rt->heap);
    tr_list_init(&topics->voids);
}

static bool is_name(const char *name) {
    return name && *name && strlen(name) <= TROUPE_NAME_MAX;
}

/* --- Topics ----------------------------------------------------------------------------------- */

static tr_topic *find(tr_topics *topics, const char *name) {
    tr_map_entry *entry = name ? tr_map_find(&topics->by_hash, tr_hash_text(name)) : NULL;
    for (; entry; entry = tr_map_same(entry)) {
        tr_topic *topic = TR_OWNER(entry, tr_topic, by_hash);
        if (strcmp(topic->name, name) == 0) return topic;
    }
    return NULL;
}

static size_t size_of(const char *name) {
    return sizeof(tr_topic) + strlen(name) + 1;
}

/* The topic of that name, made if there is none; NULL: no memory. Under the lock, as all here. */
static tr_topic *open_topic(tr_topics *topics, const char *name) {
    tr_topic *topic = find(topics, name);
    if (topic) return topic;
    topic = tr_take(topics->rt->heap, size_of(name));
    if (!topic) return NULL;
    *topic = (tr_topic){.count = 0};
    tr_list_init(&topic->subs);
    memcpy(topic->name, name, strlen(name) + 1);
    if (tr_map_add(&topics->by_hash, tr_hash_text(name), &topic->by_hash)) return topic;
    tr_give(topics->rt->heap, topic, size_of(name));
    return NULL;
}

/* Gives a topic back if it has neither subscribers nor a value. */
static void leave_topic(tr_topics *topics, tr_topic *topic) {
    if (topic->count || topic->value) return;
    tr_map_remove(&topics->by_hash, &topic->by_hash);
    tr_give(topics->rt->heap, topic, size_of(topic->name));
}

static void end_topic(void *ctx, tr_map_entry *entry) {
    tr_topic *topic = TR_OWNER(entry, tr_topic, by_hash);
    troupe_drop(&topic->value);
    leave_topic(ctx, topic);
}

void tr_topics_fini(tr_topics *topics) {
    tr_map_each(&topics->by_hash, end_topic, topics);
    tr_map_fini(&topics->by_hash);
    tr_map_fini(&topics->by_actor);
    tr_mutex_fini(&topics->lock);
}

/* --- What waits ------------------------------------------------------------------------------- */

/* What a publication leaves to be done without the lock. */
typedef struct tr_wake {
    tr_fifo subs;    /* by `to_send`: whose envelopes are to be sent */
    tr_fifo dropped; /* messages; the sender of each is whom it was for */
} tr_wake;

/* Takes the oldest out. */
static troupe_msg *take_oldest(tr_sub *sub) {
    sub->waiting--;
    return tr_msg_of(tr_fifo_get(&sub->queue));
}

static void drop_for(tr_wake *wake, const tr_sub *sub, troupe_msg *msg) {
    msg->sender = sub->signal.to;
    tr_fifo_put(&wake->dropped, &msg->link);
}

/* Makes room in a subscription that is full. False: there is none for what comes now. */
static bool make_room(tr_sub *sub, tr_wake *wake) {
    troupe_msg *old;
    switch (sub->lag) {
    case TROUPE_LAG_DROP_OLDEST:
        for (; sub->waiting >= sub->depth; sub->missed++) drop_for(wake, sub, take_oldest(sub));
        return true;
    case TROUPE_LAG_LATEST:
        while (sub->waiting) {
            old = take_oldest(sub);
            troupe_drop(&old);
        }
        return true;
    default:
        return false;
    }
}

/* Puts a message of that body into a subscription, under the lock. False: it misses it. */
static bool offer(tr_topics *topics, tr_sub *sub, troupe_msg **msg, tr_wake *wake) {
    bool full = sub->waiting >= sub->depth;
    troupe_msg *share = NULL;
    if ((full && sub->lag == TROUPE_LAG_MISS) || tr_msg_share(&topics->rt->pool, msg, &share)) {
        sub->missed++;
        return false;
    }
    if (full && !make_room(sub, wake)) {
        sub->missed++;
        drop_for(wake, sub, share);
        return true;
    }
    tr_fifo_put(&sub->queue, &share->link);
    sub->waiting++;
    if (!sub->sent) tr_fifo_put(&wake->subs, &sub->to_send);
    sub->sent = true;
    return true;
}

/* Sends an envelope, which is the caller's. */
static void send_envelope(tr_topics *topics, tr_sub *sub) {
    troupe_msg *envelope = &sub->envelope;
    if (!tr_send_signal(topics->rt, TR_SEND_FREE, &envelope)) return;
    tr_topic_unwrap(topics->rt, &envelope); /* its actor has ended */
}

static void finish(tr_topics *topics, tr_wake *wake) {
    for (tr_link *link; (link = tr_fifo_get(&wake->subs));)
        send_envelope(topics, TR_OWNER(link, tr_sub, to_send));
    for (tr_link *link; (link = tr_fifo_get(&wake->dropped));) {
        troupe_msg *msg = tr_msg_of(link);
        const troupe_ref to = {topics->rt->node, msg->sender};
        msg->sender = 0;
        tr_dead_letter(topics->rt, to, &msg, TR_DEAD_OUTSIDE, TROUPE_DEAD_DROPPED, TROUPE_FULL);
    }
}

/* --- Subscribing ------------------------------------------------------------------------------ */

static tr_sub *find_sub(tr_topics *topics, uint64_t id, const char *name) {
    tr_topic *topic = find(topics, name);
    tr_map_entry *entry = topic ? tr_map_find(&topics->by_actor, id) : NULL;
    for (; entry; entry = tr_map_same(entry)) {
        tr_sub *sub = TR_OWNER(entry, tr_sub, by_actor);
        if (sub->topic == topic) return sub;
    }
    return NULL;
}

/* Ends a subscription, under the lock; itself once it has its envelope. */
static void end_sub(tr_topics *topics, tr_sub *sub) {
    tr_topic *topic = sub->topic;
    tr_map_remove(&topics->by_actor, &sub->by_actor);
    tr_list_remove(&sub->of_topic);
    topic->count--;
    leave_topic(topics, topic);
    sub->topic = NULL;
    while (sub->waiting) {
        troupe_msg *msg = take_oldest(sub);
        troupe_drop(&msg);
    }
    if (sub->sent)
        tr_list_add(&topics->voids, &sub->of_topic);
    else
        tr_give(topics->rt->heap, sub, sizeof *sub);
}

void tr_topics_forget(tr_topics *topics, uint64_t id) {
    tr_lock(&topics->lock);
    for (tr_map_entry *entry; (entry = tr_map_find(&topics->by_actor, id));)
        end_sub(topics, TR_OWNER(entry, tr_sub, by_actor));
    tr_unlock(&topics->lock);
}

static void set_how(tr_sub *sub, troupe_lag lag, uint32_t depth) {
    sub->lag = lag;
    sub->depth = lag == TROUPE_LAG_LATEST ? 1 : depth ? depth : TROUPE_SUBSCRIPTION_DEFAULT;
}

/* A new subscription, with the topic's value in it. */
static troupe_err enter(troupe_self *self, const char *name, tr_sub *sub, tr_wake *wake) {
    tr_topics *topics = &self->rt->topics;
    tr_topic *topic = open_topic(topics, name);
    if (!topic) return TROUPE_NOMEM;
    if (!tr_map_add(&topics->by_actor, self->id, &sub->by_actor)) {
        leave_topic(topics, topic);
        return TROUPE_NOMEM;
    }
    sub->topic = topic;
    topic->count++;
    tr_list_add(&topic->subs, &sub->of_topic);
    if (!topic->value || offer(topics, sub, &topic->value, wake)) return TROUPE_OK;
    end_sub(topics, sub);
    return TROUPE_LATER; /* it is gone already */
}

troupe_err troupe_subscribe(troupe_self *self, const char *name, troupe_lag lag, uint32_t depth) {
    tr_topics *topics = &self->rt->topics;
    tr_wake wake = {.subs = {NULL, NULL}};
    if (!is_name(name) || (unsigned)lag > TROUPE_LAG_LATEST) return TROUPE_INVALID;
    tr_sub *sub = tr_take_zero(self->rt->heap, sizeof *sub);
    if (!sub) return TROUPE_NOMEM;
    tr_msg_embed(&sub->envelope, &tr_topic_type);
    tr_list_init(&sub->of_topic);
    sub->signal.to = self->id;
    set_how(sub, lag, depth);
    self->has_topics = true;
    tr_lock(&topics->lock);
    tr_sub *old = find_sub(topics, self->id, name);
    troupe_err err = old ? TROUPE_PRESENT : enter(self, name, sub, &wake);
    if (old) set_how(old, lag, depth);
    tr_unlock(&topics->lock);
    if (err && err != TROUPE_LATER) tr_give(self->rt->heap, sub, sizeof *sub);
    finish(topics, &wake);
    if (err == TROUPE_LATER) return TROUPE_NOMEM;
    return err == TROUPE_PRESENT ? TROUPE_OK : err;
}

troupe_err troupe_unsubscribe(troupe_self *self, const char *name) {
    tr_topics *topics = &self->rt->topics;
    tr_lock(&topics->lock);
    tr_sub *sub = find_sub(topics, self->id, name);
    if (sub) end_sub(topics, sub);
    tr_unlock(&topics->lock);
    return sub ? TROUPE_OK : TROUPE_NOTFOUND;
}

troupe_err troupe_missed(troupe_self *self, const char *name, uint64_t *missed) {
    tr_topics *topics = &self->rt->topics;
    tr_lock(&topics->lock);
    tr_sub *sub = find_sub(topics, self->id, name);
    if (sub) {
        *missed = sub->missed;
        sub->missed = 0;
    }
    tr_unlock(&topics->lock);
    return sub ? TROUPE_OK : TROUPE_NOTFOUND;
}

/* --- Arriving --------------------------------------------------------------------------------- */

/* An envelope that is the caller's goes back into its subscription, or on its way again: `*again`,
 * if that is asked. Gives the message that was first in line; NULL: there is none, or it is over.
 * */
static troupe_msg *open_envelope(tr_topics *topics, tr_sub *sub, bool *again) {
    troupe_msg *msg = NULL;
    tr_lock(&topics->lock);
    sub->sent = false;
    if (!sub->topic) {
        tr_list_remove(&sub->of_topic);
        tr_give(topics->rt->heap, sub, sizeof *sub);
    } else if (again) {
        msg = take_oldest(sub);
        sub->sent = *again = sub->waiting > 0;
    }
    tr_unlock(&topics->lock);
    return msg;
}

troupe_msg *tr_topic_arrived(troupe_self *self, troupe_msg *envelope) {
    tr_topics *topics = &self->rt->topics;
    tr_sub *sub = TR_OWNER(envelope, tr_sub, envelope);
    bool again = false;
    troupe_msg *msg = open_envelope(topics, sub, &again);
    if (!msg) return NULL;
    if (again) send_envelope(topics, sub); /* behind the other mail */
    msg->generation = tr_actor_generation(self);
    return msg;
}

void tr_topic_unwrap(troupe *rt, troupe_msg **msg) {
    if ((*msg)->type != &tr_topic_type) return;
    (void)open_envelope(&rt->topics, TR_OWNER(*msg, tr_sub, envelope), NULL);
    *msg = NULL;
}

/* --- Publishing ------------------------------------------------------------------------------- */

/* Puts it into all subscriptions of a topic, under the lock. */
static troupe_reach offer_all(tr_topics *topics, tr_topic *topic, troupe_msg **msg, tr_wake *wake) {
    troupe_reach reach = {topic->count, 0};
    for (tr_list *at = topic->subs.next; at != &topic->subs; at = at->next)
        reach.reached += offer(topics, TR_OWNER(at, tr_sub, of_topic), msg, wake);
    return reach;
}

/* Makes it the value of its topic, under the lock, and gives the old one. */
static troupe_err keep(tr_topics *topics, const char *name, troupe_msg **msg, troupe_msg **old) {
    troupe_msg *value;
    tr_topic *topic = open_topic(topics, name);
    if (!topic) return TROUPE_NOMEM;
    troupe_err err = tr_msg_share(&topics->rt->pool, msg, &value);
    if (!err) {
        *old = topic->value;
        topic->value = value;
    }
    leave_topic(topics, topic);
    return err;
}

static troupe_err publish(troupe *rt, const char *name, troupe_msg **msg, bool keeps,
                          troupe_reach *out) {
    tr_topics *topics = &rt->topics;
    tr_wake wake = {.subs = {NULL, NULL}};
    troupe_msg *old = NULL;
    troupe_reach reach = {0, 0};
    if (!*msg || (keeps && !is_name(name))) return TROUPE_INVALID;
    tr_lock(&topics->lock);
    troupe_err err = keeps ? keep(topics, name, msg, &old) : TROUPE_OK;
    tr_topic *topic = err ? NULL : find(topics, name);
    if (topic) reach = offer_all(topics, topic, msg, &wake);
    tr_unlock(&topics->lock);
    if (err) return err;
    troupe_drop(&old);
    troupe_drop(msg);
    finish(topics, &wake);
    if (out) *out = reach;
    return TROUPE_OK;
}

troupe_err troupe_publish(troupe *rt, const char *topic, troupe_msg **msg, troupe_reach *reach) {
    return publish(rt, topic, msg, false, reach);
}

troupe_err troupe_set_value(troupe *rt, const char *topic, troupe_msg **msg, troupe_reach *reach) {
    return publish(rt, topic, msg, true, reach);
}

troupe_err troupe_value(troupe *rt, const char *name, troupe_msg **out) {
    tr_topics *topics = &rt->topics;
    *out = NULL;
    tr_lock(&topics->lock);
    tr_topic *topic = find(topics, name);
    troupe_err err =
        topic && topic->value ? tr_msg_share(&rt->pool, &topic->value, out) : TROUPE_NOTFOUND;
    tr_unlock(&topics->lock);
    return err;
}

troupe_err troupe_clear_value(troupe *rt, const char *name) {
    tr_topics *topics = &rt->topics;
    troupe_msg *old = NULL;
    tr_lock(&topics->lock);
    tr_topic *topic = find(topics, name);
    if (topic) {
        old = topic->value;
        topic->value = NULL;
        leave_topic(topics, topic);
    }
    tr_unlock(&topics->lock);
    troupe_err err = old ? TROUPE_OK : TROUPE_NOTFOUND;
    troupe_drop(&old);
    return err;
}
