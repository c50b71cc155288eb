#include "transport/spawn.h"

#include <string.h>
#include <troupe/link.h>

#include "base/heap.h"
#include "serial/share.h"
#include "transport/node.h"
#include "transport/question.h"

/* What a peer wants. */
typedef struct tr_job {
    tr_link link;
    const tr_offer *offer;
    troupe_msg *arg;
    uint64_t node, serial; /* the peer, and its connection */
    uint64_t number;
} tr_job;

/* Wakes the actor: there is a job. */
static const troupe_type job_type = TROUPE_SIGNAL_TYPE("spawn for another node");

/* How many a peer has spawned that live. It is there as long as there are any. */
typedef struct crew {
    tr_list of_node;
    char name[TROUPE_NAME_MAX + 1]; /* of the peer */
    size_t living;
    bool full; /* that it may have no more was reported */
} crew;

/* One of them. */
typedef struct born {
    tr_map_entry by_monitor;
    crew *of;
} born;

void tr_spawner_init(struct troupe_node *node) {
    node->spawner = (tr_spawner){.actor = TROUPE_NOBODY};
    tr_list_init(&node->spawner.crews);
    tr_map_init(&node->spawner.born, node->heap);
}

static void end_job(struct troupe_node *node, tr_job *job) {
    troupe_drop(&job->arg);
    tr_give(node->heap, job, sizeof *job);
}

/* --- Who lives -------------------------------------------------------------------------------- */

static crew *crew_of(tr_list *member) {
    return TR_OWNER(member, crew, of_node);
}

/* That of a peer, made if there is none; NULL: no memory. */
static crew *find_crew(struct troupe_node *node, const char *name) {
    tr_list *all = &node->spawner.crews;
    for (tr_list *at = all->next; at != all; at = at->next)
        if (strcmp(crew_of(at)->name, name) == 0) return crew_of(at);
    crew *made = tr_take_zero(node->heap, sizeof *made);
    if (!made) return NULL;
    memcpy(made->name, name, strlen(name) + 1);
    tr_list_add(all, &made->of_node);
    return made;
}

static void end_crew_if_empty(struct troupe_node *node, crew *it) {
    if (it->living) return;
    tr_list_remove(&it->of_node);
    tr_give(node->heap, it, sizeof *it);
}

static void bury(void *ctx, tr_map_entry *entry) {
    struct troupe_node *node = ctx;
    born *it = TR_OWNER(entry, born, by_monitor);
    tr_map_remove(&node->spawner.born, entry);
    it->of->living--;
    it->of->full = false;
    end_crew_if_empty(node, it->of);
    tr_give(node->heap, it, sizeof *it);
}

/* It has as many as it may: that is said once, until one of them has ended. */
static void report(struct troupe_node *node, crew *it) {
    const tr_trouble trouble = {it->name, "as many actors that it has spawned here live as may",
                                "its next requests are refused (peer_spawns)", TROUPE_FULL};
    if (it->full) return;
    it->full = true;
    tr_port_trouble(node->rt, &trouble, "node %s: %s, %zu; %s", trouble.peer, trouble.text,
                    it->living, trouble.next);
}

/* Spawns one, and counts it as long as it lives. */
static troupe_err spawn(troupe_self *self, struct troupe_node *node, crew *of, const tr_job *job,
                        troupe_ref *who) {
    const tr_offer *offer = job->offer;
    const void *arg = offer->arg ? troupe_as(job->arg, offer->arg) : NULL;
    born *it = tr_take_zero(node->heap, sizeof *it);
    uint64_t monitor;
    troupe_err err = it && tr_map_ready(&node->spawner.born) ? TROUPE_OK : TROUPE_NOMEM;
    if (!err) err = troupe_spawn_monitor(self, offer->what, arg, who, &monitor);
    if (err) {
        tr_give(node->heap, it, sizeof *it);
        return err;
    }
    it->of = of;
    of->living++;
    (void)tr_map_add(&node->spawner.born, monitor, &it->by_monitor); /* it is ready for it */
    return TROUPE_OK;
}

static troupe_err spawn_for(troupe_self *self, struct troupe_node *node, const char *peer,
                            const tr_job *job, troupe_ref *who) {
    crew *of = find_crew(node, peer);
    if (!of) return TROUPE_NOMEM;
    const bool full = of->living >= node->peer_spawns;
    if (full) report(node, of);
    troupe_err err = full ? TROUPE_FULL : spawn(self, node, of, job, who);
    end_crew_if_empty(node, of);
    return err;
}

void tr_spawner_fini(struct troupe_node *node) {
    tr_spawner *spawner = &node->spawner;
    tr_map_each(&spawner->born, bury, node);
    tr_map_fini(&spawner->born);
    for (tr_link *link; (link = tr_fifo_get(&spawner->jobs));)
        end_job(node, TR_OWNER(link, tr_job, link));
    for (tr_offer *offer; (offer = spawner->offers);) {
        spawner->offers = offer->next;
        tr_give(node->heap, offer, sizeof *offer);
    }
}

/* --- The actor -------------------------------------------------------------------------------- */

/* The link that a job came by, with a reference; NULL: it is lost, and its asker knows. */
static tr_peer_link *link_of(struct troupe_node *node, const tr_job *job) {
    tr_peer_link *link = tr_node_link(node, job->node);
    if (!link || link->serial == job->serial) return link;
    tr_node_unref(link);
    return NULL;
}

static void answer(tr_peer_link *link, uint64_t number, troupe_ref who, troupe_err why) {
    const tr_frame frame = {
        .kind = TR_FRAME_SPAWNED, .number = number, .sender = who, .why = (uint32_t)why};
    (void)tr_link_say(link, &frame);
}

/* One request of a peer's less. False: it is lost meanwhile. */
static bool end_request(tr_peer_link *link) {
    tr_lock(&link->node->lock);
    link->spawns--;
    const bool up = link->state == TR_LINK_UP;
    tr_unlock(&link->node->lock);
    return up;
}

/* The actor has ended, since the runtime closes, or a peer has stopped it: nobody will do them. */
static void refuse_all(void *ctx) {
    struct troupe_node *node = ctx;
    for (;;) {
        tr_lock(&node->lock);
        tr_link *first = tr_fifo_get(&node->spawner.jobs);
        tr_unlock(&node->lock);
        if (!first) return;
        tr_job *job = TR_OWNER(first, tr_job, link);
        tr_peer_link *link = link_of(node, job);
        if (link) {
            end_request(link);
            answer(link, job->number, TROUPE_NOBODY, TROUPE_GONE);
            tr_node_unref(link);
        }
        end_job(node, job);
    }
}

void tr_spawner_tend(struct troupe_node *node) {
    tr_lock(&node->lock);
    const bool waits = node->spawner.jobs.head != NULL;
    const troupe_ref actor = node->spawner.actor;
    tr_unlock(&node->lock);
    if (waits && troupe_mailbox(node->rt, actor, NULL, NULL) == TROUPE_GONE) refuse_all(node);
}

/* Does a job, unless nobody waits for it. One that was spawned meanwhile for nobody shall not live:
 * its asker has heard that the node is lost. */
static void do_job(troupe_self *self, struct troupe_node *node, const tr_job *job) {
    troupe_ref who = TROUPE_NOBODY;
    tr_peer_link *link = link_of(node, job);
    if (!link) return;
    troupe_err why = spawn_for(self, node, link->shake.peer.name, job, &who);
    if (why) who = TROUPE_NOBODY;
    if (end_request(link))
        answer(link, job->number, who, why);
    else if (!why)
        (void)troupe_kill(node->rt, who);
    tr_node_unref(link);
}

static troupe_err spawner_start(troupe_self *self, void *state, const void *arg) {
    struct troupe_node *node = *(struct troupe_node *const *)arg;
    *(struct troupe_node **)state = node;
    return troupe_defer(self, refuse_all, node);
}

static troupe_err spawner_receive(troupe_self *self, void *state, troupe_msg **msg) {
    struct troupe_node *node = *(struct troupe_node **)state;
    const struct troupe_down *down = troupe_as(*msg, &troupe_down_type);
    tr_map_entry *ended = down ? tr_map_find(&node->spawner.born, down->monitor) : NULL;
    if (ended) bury(node, ended);
    if (!troupe_as(*msg, &job_type)) return TROUPE_OK; /* somebody has guessed its ref */
    tr_lock(&node->lock);
    tr_link *link = tr_fifo_get(&node->spawner.jobs);
    tr_unlock(&node->lock);
    if (!link) return TROUPE_OK;
    tr_job *job = TR_OWNER(link, tr_job, link);
    do_job(self, node, job);
    end_job(node, job);
    return TROUPE_OK;
}

static const troupe_behaviour spawner = {.name = "spawner for other nodes",
                                         .state_size = sizeof(struct troupe_node *),
                                         .start = spawner_start,
                                         .receive = spawner_receive};

/* --- Offers ----------------------------------------------------------------------------------- */

const tr_offer *tr_offer_find(const struct troupe_node *node, const char *name, size_t size) {
    const tr_offer *at = node->spawner.offers;
    while (at && (strlen(at->what->name) != size || memcmp(at->what->name, name, size) != 0))
        at = at->next;
    return at;
}

/* Under the lock. */
static troupe_err enter(struct troupe_node *node, tr_offer *offer, troupe_ref actor) {
    if (tr_offer_find(node, offer->what->name, strlen(offer->what->name))) return TROUPE_TAKEN;
    if (!node->spawner.actor.id) node->spawner.actor = actor;
    offer->next = node->spawner.offers;
    node->spawner.offers = offer;
    return TROUPE_OK;
}

troupe_err troupe_offer(troupe_node *node, const troupe_behaviour *what, const troupe_type *arg) {
    if (!what->name || !*what->name || strlen(what->name) > TROUPE_NAME_MAX) return TROUPE_INVALID;
    troupe_err err = arg ? troupe_register_type(node->rt, arg) : TROUPE_OK;
    if (err) return err;
    tr_offer *offer = tr_take_zero(node->heap, sizeof *offer);
    if (!offer) return TROUPE_NOMEM;
    offer->what = what;
    tr_far_host_offer(offer);
    offer->arg = arg;
    troupe_ref made = TROUPE_NOBODY;
    tr_lock(&node->lock);
    bool first = !node->spawner.actor.id;
    tr_unlock(&node->lock);
    if (first) err = troupe_spawn(node->rt, &spawner, &node, &made);
    tr_lock(&node->lock);
    if (!err) err = enter(node, offer, made);
    bool unused = !troupe_same(node->spawner.actor, made);
    tr_unlock(&node->lock);
    if (made.id && unused) (void)troupe_kill(node->rt, made); /* another thread was first */
    if (err) tr_give(node->heap, offer, sizeof *offer);
    return err;
}

/* --- For a peer ------------------------------------------------------------------------------- */

/* Reads the argument and makes a job of it. */
static troupe_err make_job(tr_peer_link *link, const tr_frame *frame, const tr_offer *offer,
                           const unsigned char *body, size_t size, tr_job **out) {
    struct troupe_node *node = link->node;
    uint64_t type = offer->arg ? tr_types_hash(tr_port_types(node->rt), offer->arg) : 0;
    if (frame->type != type) return TROUPE_BADTYPE;
    tr_job *job = tr_take_zero(node->heap, sizeof *job);
    if (!job) return TROUPE_NOMEM;
    job->offer = offer;
    job->node = link->shake.peer.node;
    job->serial = link->serial;
    job->number = frame->number;
    troupe_err err = TROUPE_OK;
    if (offer->arg)
        err = tr_unpack(tr_port_pool(node->rt), offer->arg, body, size, &job->arg, NULL, 0);
    else if (size)
        err = TROUPE_MALFORMED;
    if (err)
        end_job(node, job);
    else
        *out = job;
    return err;
}

/* Gives the actor a job. */
static troupe_err give_job(struct troupe_node *node, tr_peer_link *link, tr_job *job) {
    troupe_msg *msg;
    troupe_err err = troupe_make(node->rt, &job_type, NULL, &msg);
    if (err) return err;
    tr_lock(&node->lock);
    troupe_ref actor = node->spawner.actor;
    tr_fifo_put(&node->spawner.jobs, &job->link);
    link->spawns++;
    tr_unlock(&node->lock);
    if (tr_port_deliver(node->rt, TROUPE_NOBODY, actor, TR_SEND_FREE, &msg)) {
        troupe_drop(&msg);
        refuse_all(node);
    }
    return TROUPE_OK;
}

troupe_err tr_spawn_asked(tr_peer_link *link, const tr_frame *frame) {
    struct troupe_node *node = link->node;
    const unsigned char *tail = frame->tail;
    size_t name = frame->tail_size ? tail[0] : 0;
    if (!name || name > TROUPE_NAME_MAX || name + 1 > frame->tail_size) return TROUPE_MALFORMED;
    tr_lock(&node->lock);
    bool many = link->spawns >= TR_SPAWNS_MOST;
    const tr_offer *offer = tr_offer_find(node, (const char *)tail + 1, name);
    tr_unlock(&node->lock);
    tr_job *job = NULL;
    troupe_err err = many ? TROUPE_FULL : offer ? TROUPE_OK : TROUPE_NOTFOUND;
    if (!err)
        err = make_job(link, frame, offer, tail + 1 + name, frame->tail_size - 1 - name, &job);
    if (!err && (err = give_job(node, link, job))) end_job(node, job);
    if (err) answer(link, frame->number, TROUPE_NOBODY, err);
    return TROUPE_OK;
}

/* --- Of a peer -------------------------------------------------------------------------------- */

/* Writes name and argument; `frame` is complete but for its number, its tail is in `buffer`. */
static troupe_err request(struct troupe_node *node, const char *what, const troupe_msg *arg,
                          tr_buffer *buffer, tr_frame *frame) {
    size_t size = strlen(what);
    if (!size || size > TROUPE_NAME_MAX) return TROUPE_NOTFOUND;
    *buffer = (tr_buffer){.heap = node->heap};
    *frame = (tr_frame){.kind = TR_FRAME_SPAWN};
    unsigned char length = (unsigned char)size;
    bool ok = tr_buffer_put(buffer, &length, 1) && tr_buffer_put(buffer, what, size);
    troupe_err err = ok ? TROUPE_OK : TROUPE_NOMEM;
    if (!err && arg) {
        const troupe_msg *content = tr_msg_content(arg);
        frame->type = tr_types_hash(tr_port_types(node->rt), content->type);
        err = tr_pack(content->type, content + 1, node->message_limit, buffer);
    }
    frame->tail = buffer->data;
    frame->tail_size = buffer->size;
    return err;
}

troupe_err troupe_spawn_on(troupe_self *self, const char *peer, const char *what, troupe_msg **arg,
                           uint64_t *number) {
    struct troupe_node *node = tr_node_of(troupe_runtime(self));
    if (!node) return TROUPE_INVALID;
    tr_buffer buffer = {.heap = node->heap};
    tr_frame frame;
    troupe_err err = request(node, what, arg ? *arg : NULL, &buffer, &frame);
    if (!err) err = tr_question_send(self, peer, &frame, number);
    tr_buffer_fini(&buffer);
    if (!err && arg) troupe_drop(arg);
    return err;
}

troupe_err troupe_spawn_at(troupe_node *node, const char *peer, const char *what, troupe_msg **arg,
                           unsigned timeout_ms, troupe_ref *out) {
    tr_buffer buffer = {.heap = node->heap};
    tr_frame frame;
    troupe_err err = request(node, what, arg ? *arg : NULL, &buffer, &frame);
    if (!err) err = tr_question_wait(node, peer, &frame, timeout_ms, out);
    tr_buffer_fini(&buffer);
    if (!err && arg) troupe_drop(arg);
    return err;
}
