#include "actors/supervisor_request.h"

#include "actors/find.h"
#include "actors/send.h"
#include "actors/shutdown.h"
#include "actors/supervisor_order.h"
#include "actors/supervisor_query.h"
#include "base/heap.h"

/* The body; it begins with that of the answer. What a child is never leaves this process. */
struct request {
    union {
        struct troupe_child_done done;
        struct troupe_child_found found;
        struct troupe_children_counted counted;
    } answer; /* each with the tag first */
    const char *id, *name;
    uint32_t act;
    troupe_ref who;
    troupe_child child; /* but for its texts, which are those above; `arg` of a dynamic one too */
};
static const troupe_type request_type = TROUPE_NAMED_TYPE(
    "troupe_child_request", request, TROUPE_FIELD(request, id), TROUPE_FIELD(request, name));

const troupe_type troupe_child_done_type =
    TROUPE_TYPE(troupe_child_done, TROUPE_FIELD(troupe_child_done, tag),
                TROUPE_FIELD(troupe_child_done, child), TROUPE_FIELD(troupe_child_done, err));

/* --- Answers ---------------------------------------------------------------------------------- */

static struct request *body_of(troupe_msg *msg) {
    return tr_msg_body(msg);
}

static void send(troupe_self *self, troupe_ref to, troupe_msg *msg) {
    if (tr_send(self->rt, tr_actor_ref(self), to, TR_SEND_FREE, &msg)) troupe_drop(&msg);
}

/* Turns a request into its answer. */
static void answer(troupe_self *self, troupe_msg *msg, troupe_ref child, troupe_err err) {
    struct troupe_child_done *done = &body_of(msg)->answer.done;
    done->child = child;
    done->err = (uint32_t)err;
    msg->type = &troupe_child_done_type;
    send(self, tr_msg_sender(msg, self->rt->node), msg);
}

static bool wants_start(tr_link *link) {
    const uint32_t act = body_of(tr_msg_of(link))->act;
    return act == TROUPE_START_CHILD || act == TROUPE_RESTART_CHILD ||
           act == TROUPE_START_DYNAMIC_CHILD || act == TROUPE_RESTART_DYNAMIC_CHILD;
}

bool tr_request_starts(const tr_kid *kid) {
    for (tr_link *link = kid->requests.head; link; link = link->next)
        if (wants_start(link)) return true;
    return false;
}

bool tr_request_adds(const tr_kid *kid) {
    tr_link *first = kid->requests.head;
    return first && body_of(tr_msg_of(first))->act == TROUPE_START_CHILD;
}

void tr_request_settle(tr_kid *kid, troupe_err started, bool ended) {
    tr_fifo all = kid->requests;
    kid->requests = (tr_fifo){0};
    for (tr_link *link; (link = tr_fifo_get(&all));) {
        bool start = wants_start(link);
        troupe_ref child = start && !started ? tr_actor_ref(kid->actor) : TROUPE_NOBODY;
        if (start ? started != TROUPE_LATER : ended)
            answer(kid->bond.parent, tr_msg_of(link), child, start ? started : TROUPE_OK);
        else
            tr_fifo_put(&kid->requests, link);
    }
    if (!kid->requests.head) tr_list_remove(&kid->asked);
}

/* --- What they wait for ----------------------------------------------------------------------- */

static bool changes(const tr_kid *kid) {
    return kid->actor &&
           (kid->state == TROUPE_CHILD_STARTING || kid->state == TROUPE_CHILD_STOPPING);
}

/* The child whose start or stop comes before that of another one can be over; NULL: none. */
static const tr_kid *first_of(tr_supervisor *sup, const tr_kid *kid) {
    if (changes(kid)) return kid;
    if (sup->model || kid->delayed) return NULL;
    tr_kid *first = tr_sup_first(sup);
    while (first && !changes(first)) first = tr_sup_next(sup, first);
    return first;
}

/* Says in the graph of waits whom a waiting thread waits for. */
static void aim_at(troupe_self *self, troupe_ref waiter, const tr_kid *kid) {
    tr_aim aim = {tr_actor_ref(self), TROUPE_WAIT_ANSWER};
    if (waiter.node != self->rt->node || !tr_ask_id(waiter.id)) return;
    if (kid) {
        bool starts = kid->state == TROUPE_CHILD_STARTING;
        aim = (tr_aim){tr_actor_ref(kid->actor), starts ? TROUPE_WAIT_START : TROUPE_WAIT_STOP};
    }
    tr_ask_aim(&self->rt->asks, waiter.id, aim);
}

/* The same for all requests that wait for a child. */
static void aim(troupe_self *self, tr_supervisor *sup, const tr_kid *kid) {
    const tr_kid *first = first_of(sup, kid);
    for (tr_link *link = kid->requests.head; link; link = link->next)
        aim_at(self, tr_msg_sender(tr_msg_of(link), self->rt->node), first);
}

void tr_request_aim_all(troupe_self *self, tr_supervisor *sup) {
    if (!tr_load32_relaxed(&self->rt->asks.open) || sup->model) return;
    for (tr_list *at = sup->asked.next; at != &sup->asked; at = at->next)
        aim(self, sup, TR_OWNER(at, tr_kid, asked));
    if (troupe_same(sup->waiter, TROUPE_NOBODY) || tr_list_empty(&sup->kids)) return;
    const tr_kid *first = first_of(sup, tr_sup_first(sup));
    if (first) aim_at(self, sup->waiter, first);
}

/* Keeps a request for a child. */
static void keep(tr_supervisor *sup, tr_kid *kid, troupe_msg *msg) {
    tr_fifo_put(&kid->requests, &msg->link);
    tr_list_remove(&kid->asked);
    tr_list_add(&sup->asked, &kid->asked);
}

/* --- In the supervisor ------------------------------------------------------------------------ */

/* Why a child can't be started or deleted; OK: it has ended. */
static troupe_err alive(const tr_kid *kid) {
    if (kid->state == TROUPE_CHILD_ENDED) return TROUPE_OK;
    if (kid->state == TROUPE_CHILD_HELD) return TROUPE_HELD;
    bool restarting = kid->state == TROUPE_CHILD_WAITING ||
                      (kid->state == TROUPE_CHILD_STARTING && kid->restarts);
    return restarting ? TROUPE_RESTARTING : TROUPE_RUNNING;
}

/* Starts a child for a request, which waits until it is ready. */
static troupe_err start(troupe_self *self, tr_supervisor *sup, tr_kid *kid, troupe_msg **msg) {
    tr_limits_clear(&kid->limits);
    kid->failures = 0;
    keep(sup, kid, *msg);
    troupe_err err = tr_order_add(self, sup, kid);
    if (err) {
        kid->requests = (tr_fifo){0};
        tr_list_remove(&kid->asked);
    } else {
        *msg = NULL;
    }
    if (!err && sup->model) aim(self, sup, kid);
    return err;
}

/* The same with one that is held, which gets a new chance. */
static troupe_err release(troupe_self *self, tr_supervisor *sup, tr_kid *kid, troupe_msg **msg) {
    keep(sup, kid, *msg);
    *msg = NULL;
    tr_limits_clear(&kid->limits);
    kid->failures = 0;
    tr_order_release(self, sup, kid);
    if (sup->model) aim(self, sup, kid);
    return TROUPE_OK;
}

/* Adds a child that has just been made, if it has, and starts it. */
static troupe_err start_new(troupe_self *self, tr_supervisor *sup, tr_kid *kid, troupe_msg **msg) {
    if (!kid) return TROUPE_NOMEM;
    tr_sup_add(sup, kid);
    troupe_err err = start(self, sup, kid, msg);
    if (err) tr_sup_remove(sup, kid);
    return err;
}

static troupe_err add(troupe_self *self, tr_supervisor *sup, troupe_msg **msg) {
    const struct request *request = body_of(*msg);
    troupe_child child = request->child;
    child.id = request->id;
    child.name = *request->name ? request->name : NULL;
    if (child.significant && !sup->auto_shutdown) return TROUPE_INVALID;
    return start_new(self, sup, tr_kid_make(self, &child), msg);
}

/* Ends a child for a request, which waits until it is gone. */
static void end(troupe_self *self, tr_supervisor *sup, tr_kid *kid, troupe_msg **msg) {
    keep(sup, kid, *msg);
    *msg = NULL;
    bool stays = tr_kid_lives(kid); /* else it may be forgotten at once */
    tr_order_end(self, sup, kid);
    if (stays && sup->model) aim(self, sup, kid);
}

/* Whether an actor of this runtime lives, and is not about to be buried. */
static bool lives(troupe *rt, troupe_ref who) {
    const troupe_self *self = who.node == rt->node ? tr_table_find(&rt->table, who.id) : NULL;
    return self && !(tr_load64_acquire(&self->task.control) & TR_CONTROL_BURY);
}

static troupe_err act_dynamic(troupe_self *self, tr_supervisor *sup, troupe_msg **msg) {
    const struct request *request = body_of(*msg);
    if (request->act == TROUPE_START_DYNAMIC_CHILD)
        return start_new(self, sup, tr_kid_make_dynamic(sup->model, request->child.arg), msg);
    const troupe_ref who = request->who;
    tr_kid *kid = who.node == self->rt->node ? tr_sup_by_ref(sup, who.id) : NULL;
    if (request->act == TROUPE_RESTART_DYNAMIC_CHILD) {
        troupe_err err = kid ? alive(kid) : TROUPE_NOTFOUND;
        return err == TROUPE_HELD ? release(self, sup, kid, msg) : err;
    }
    if (kid)
        end(self, sup, kid, msg);
    else if (lives(self->rt, who))
        return TROUPE_NOTFOUND;
    return TROUPE_OK;
}

static bool is_dynamic(uint32_t act) {
    return act >= TROUPE_START_DYNAMIC_CHILD && act <= TROUPE_RESTART_DYNAMIC_CHILD;
}

/* What can be done at once; LATER: the message is kept, or was. */
static troupe_err act(troupe_self *self, tr_supervisor *sup, troupe_msg **msg, troupe_ref *child) {
    const struct request *request = body_of(*msg);
    bool dynamic = is_dynamic(request->act);
    if (dynamic != (sup->model != NULL)) return TROUPE_INVALID;
    if (sup->phase == PHASE_STOPPING) return TROUPE_SHUTDOWN;
    if (dynamic) return act_dynamic(self, sup, msg);
    tr_kid *kid = tr_sup_called(sup, request->id);
    if (request->act == TROUPE_START_CHILD && !kid) return add(self, sup, msg);
    if (!kid) return TROUPE_NOTFOUND;
    troupe_err err = alive(kid);
    if (request->act == TROUPE_TERMINATE_CHILD) {
        if (!err) return TROUPE_OK;
        end(self, sup, kid, msg);
        return TROUPE_OK;
    }
    if (err == TROUPE_HELD && request->act == TROUPE_RESTART_CHILD)
        return release(self, sup, kid, msg);
    if (err) {
        if (kid->actor && err != TROUPE_RESTARTING) *child = tr_actor_ref(kid->actor);
        return err;
    }
    if (request->act == TROUPE_START_CHILD) return TROUPE_PRESENT;
    if (request->act == TROUPE_RESTART_CHILD) return start(self, sup, kid, msg);
    tr_sup_remove(sup, kid);
    return TROUPE_OK;
}

/* Tells what it was asked. An error: the request is the caller's still. */
static troupe_err tell(troupe_self *self, tr_supervisor *sup, troupe_msg *msg) {
    struct request *request = body_of(msg);
    const troupe_ref to = tr_msg_sender(msg, self->rt->node);
    if (request->act == TROUPE_LIST_CHILDREN) {
        troupe_msg *list;
        troupe_err err = tr_query_list(self, sup, request->answer.done.tag, &list);
        if (err) return err;
        troupe_drop(&msg); /* first: who has the answer finds nothing of the question */
        send(self, to, list);
        return TROUPE_OK;
    }
    if (request->act == TROUPE_FIND_CHILD) {
        troupe_err err = tr_query_find(sup, request->id, &request->answer.found.info);
        if (err) return err;
        msg->type = &troupe_child_found_type;
    } else {
        request->answer.counted.counts = tr_query_count(sup);
        msg->type = &troupe_children_counted_type;
    }
    send(self, to, msg);
    return TROUPE_OK;
}

bool tr_request_receive(troupe_self *self, tr_supervisor *sup, troupe_msg **msg) {
    if ((*msg)->type != &request_type) return false;
    troupe_ref child = TROUPE_NOBODY;
    troupe_msg *request = *msg;
    *msg = NULL; /* from here on it is ours, and its own answer */
    tr_actor_keep(self);
    troupe_err err;
    if (body_of(request)->act >= TROUPE_FIND_CHILD) {
        err = tell(self, sup, request);
        if (!err) return true;
    } else {
        err = act(self, sup, &request, &child);
    }
    if (request) answer(self, request, child, err);
    return true;
}

/* --- Making requests -------------------------------------------------------------------------- */

static troupe_err make(troupe *rt, const troupe_child_request *what, troupe_msg **out) {
    struct request body = {
        .answer = {.done = {.tag = what->tag}}, .id = what->id, .act = what->act, .who = what->who};
    if (what->act > TROUPE_LIST_CHILDREN) return TROUPE_INVALID;
    if (what->act == TROUPE_START_CHILD) {
        if (!what->child || tr_kid_flaw(what->child)) return TROUPE_INVALID;
        body.child = *what->child;
        body.id = what->child->id;
        body.name = what->child->name;
    }
    if (is_dynamic(what->act)) body.child.arg = what->arg;
    bool nameless = is_dynamic(what->act) || what->act > TROUPE_FIND_CHILD;
    if (!body.id && !nameless) return TROUPE_INVALID;
    return tr_msg_make(&rt->pool, &request_type, &body, out);
}

troupe_err troupe_request_child(troupe_self *self, troupe_ref supervisor,
                                const troupe_child_request *request) {
    troupe_msg *msg = NULL;
    if (supervisor.node != self->rt->node && supervisor.node) return TROUPE_INVALID;
    troupe_err err = make(self->rt, request, &msg);
    if (!err) err = troupe_send(self, supervisor, &msg);
    troupe_drop(&msg);
    return err;
}

troupe_err tr_request_ask(troupe *rt, troupe_ref supervisor, const troupe_child_request *request,
                          unsigned timeout_ms, troupe_msg **answer) {
    if (supervisor.node != rt->node && supervisor.node) return TROUPE_INVALID;
    bool adds = request->act == TROUPE_START_CHILD || request->act == TROUPE_START_DYNAMIC_CHILD;
    if (adds && tr_shutdown_refuses(rt)) return TROUPE_QUIESCED;
    troupe_err err = make(rt, request, answer);
    if (!err) err = tr_ask_wait(rt, supervisor, answer, timeout_ms);
    if (err) troupe_drop(answer);
    return err;
}

static troupe_err ask(troupe *rt, troupe_ref supervisor, const troupe_child_request *request,
                      unsigned timeout_ms, troupe_ref *out) {
    troupe_msg *msg = NULL;
    troupe_err err = tr_request_ask(rt, supervisor, request, timeout_ms, &msg);
    if (!err) {
        const struct troupe_child_done *done = troupe_as(msg, &troupe_child_done_type);
        err = done ? (troupe_err)done->err : TROUPE_BADTYPE;
        if (out && done && done->child.node) *out = done->child;
    }
    troupe_drop(&msg);
    return err;
}

troupe_err troupe_start_child(troupe *rt, troupe_ref supervisor, const troupe_child *child,
                              unsigned timeout_ms, troupe_ref *out) {
    const troupe_child_request request = {.act = TROUPE_START_CHILD, .child = child};
    return ask(rt, supervisor, &request, timeout_ms, out);
}

troupe_err troupe_terminate_child(troupe *rt, troupe_ref supervisor, const char *id,
                                  unsigned timeout_ms) {
    const troupe_child_request request = {.act = TROUPE_TERMINATE_CHILD, .id = id};
    return ask(rt, supervisor, &request, timeout_ms, NULL);
}

troupe_err troupe_restart_child(troupe *rt, troupe_ref supervisor, const char *id,
                                unsigned timeout_ms, troupe_ref *out) {
    const troupe_child_request request = {.act = TROUPE_RESTART_CHILD, .id = id};
    return ask(rt, supervisor, &request, timeout_ms, out);
}

troupe_err troupe_delete_child(troupe *rt, troupe_ref supervisor, const char *id,
                               unsigned timeout_ms) {
    const troupe_child_request request = {.act = TROUPE_DELETE_CHILD, .id = id};
    return ask(rt, supervisor, &request, timeout_ms, NULL);
}

troupe_err troupe_start_dynamic_child(troupe *rt, troupe_ref supervisor, const void *arg,
                                      unsigned timeout_ms, troupe_ref *out) {
    const troupe_child_request request = {.act = TROUPE_START_DYNAMIC_CHILD, .arg = arg};
    return ask(rt, supervisor, &request, timeout_ms, out);
}

troupe_err troupe_terminate_dynamic_child(troupe *rt, troupe_ref supervisor, troupe_ref child,
                                          unsigned timeout_ms) {
    const troupe_child_request request = {.act = TROUPE_TERMINATE_DYNAMIC_CHILD, .who = child};
    return ask(rt, supervisor, &request, timeout_ms, NULL);
}

troupe_err troupe_restart_dynamic_child(troupe *rt, troupe_ref supervisor, troupe_ref child,
                                        unsigned timeout_ms) {
    const troupe_child_request request = {.act = TROUPE_RESTART_DYNAMIC_CHILD, .who = child};
    return ask(rt, supervisor, &request, timeout_ms, NULL);
}
