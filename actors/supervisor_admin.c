#include "actors/supervisor_admin.h"

#include <stdio.h>
#include <string.h>

#include "actors/send.h"
#include "base/heap.h"

/* From troupe_supervise: tell me when all children have started. */
static const troupe_type await_type = TROUPE_SIGNAL_TYPE("troupe_await");

struct started {
    uint32_t err;
};
static const troupe_type started_type = TROUPE_TYPE(started, TROUPE_FIELD(started, err));

/* From troupe_children, and its answer: an array of troupe_child_info. */
static const troupe_type list_type = TROUPE_SIGNAL_TYPE("troupe_list_children");
struct listed {
    troupe_bytes infos;
};
static const troupe_type listed_type = TROUPE_TYPE(listed, TROUPE_FIELD(listed, infos));

/* From troupe_find_child; the answer is a list of one, or of none. */
struct find {
    const char *id;
};
static const troupe_type find_type = {"troupe_find_child", sizeof(struct find),
                                      (const troupe_field[]){{"id", 0, TROUPE_TEXT}}, 1};

/* From troupe_count_children, and its answer: a troupe_child_counts. */
static const troupe_type count_type = TROUPE_SIGNAL_TYPE("troupe_count_children");

/* --- In the supervisor ------------------------------------------------------------------------ */

void tr_admin_tell_waiter(troupe_self *self, tr_supervisor *sup, troupe_err err) {
    if (troupe_same(sup->waiter, TROUPE_NOBODY)) return;
    troupe_msg *msg = NULL;
    struct started body = {.err = (uint32_t)err};
    troupe_err made = tr_msg_make(&self->rt->pool, &started_type, &body, &msg);
    if (made)
        tr_ask_unanswered(self->rt, sup->waiter, made);
    else if (tr_send(self->rt, tr_actor_ref(self), sup->waiter, TR_SEND_FREE, &msg))
        troupe_drop(&msg); /* its deadline has passed */
    sup->waiter = TROUPE_NOBODY;
}

static void describe(const tr_kid *kid, troupe_child_info *info) {
    snprintf(info->id, sizeof info->id, "%s", kid->spec.id);
    if (kid->actor) info->ref = tr_actor_ref(kid->actor);
    info->state = kid->state;
    info->supervisor = kid->spec.what == &troupe_supervisor;
    info->restarts = kid->restarts;
    info->why = kid->why;
}

/* Answers with what the supervisor knows, or has its asker told that it can't. */
static void tell(troupe_self *self, const void *data, size_t size) {
    troupe_err err = troupe_answer(self, &listed_type, &(struct listed){{data, size}});
    if (err) tr_ask_unanswered(self->rt, troupe_sender(self), err);
}

static void find(troupe_self *self, tr_supervisor *sup, const struct find *find) {
    troupe_child_info info = {0};
    tr_kid *kid = sup->model ? NULL : tr_sup_first(sup);
    while (kid && strcmp(kid->spec.id, find->id) != 0) kid = tr_sup_next(sup, kid);
    if (kid) describe(kid, &info);
    tell(self, &info, kid ? sizeof info : 0);
}

static void count(troupe_self *self, tr_supervisor *sup) {
    troupe_child_counts counts = {.specs = sup->count};
    if (sup->model) {
        bool supervisors = sup->model->spec.what == &troupe_supervisor;
        counts = (troupe_child_counts){1, sup->count, supervisors ? sup->count : 0,
                                       supervisors ? 0 : sup->count};
        tell(self, &counts, sizeof counts);
        return;
    }
    for (tr_kid *kid = tr_sup_first(sup); kid; kid = tr_sup_next(sup, kid)) {
        counts.active += tr_kid_lives(kid);
        counts.supervisors += kid->spec.what == &troupe_supervisor;
    }
    counts.workers = counts.specs - counts.supervisors;
    tell(self, &counts, sizeof counts);
}

static void list(troupe_self *self, tr_supervisor *sup) {
    const troupe_heap *heap = self->rt->heap;
    size_t size = sup->count * sizeof(troupe_child_info), i = 0;
    troupe_child_info *info = tr_take_zero(heap, size);
    troupe_err err = size && !info ? TROUPE_NOMEM : TROUPE_OK;
    for (tr_kid *kid = err ? NULL : tr_sup_first(sup); kid; kid = tr_sup_next(sup, kid))
        describe(kid, &info[i++]);
    if (!err) err = troupe_answer(self, &listed_type, &(struct listed){{info, size}});
    tr_give(heap, info, size);
    if (err) tr_ask_unanswered(self->rt, troupe_sender(self), err);
}

bool tr_admin_receive(troupe_self *self, tr_supervisor *sup, const troupe_msg *msg) {
    /* By address: a stranger may have types like these. */
    if (msg->type == &list_type) {
        list(self, sup);
    } else if (msg->type == &find_type) {
        find(self, sup, (const struct find *)(const void *)(msg + 1));
    } else if (msg->type == &count_type) {
        count(self, sup);
    } else if (msg->type == &await_type) {
        sup->waiter = troupe_sender(self);
        if (sup->phase == PHASE_RUNNING) tr_admin_tell_waiter(self, sup, TROUPE_OK);
    } else {
        return false;
    }
    return true;
}

/* --- In plain threads ------------------------------------------------------------------------- */

troupe_err troupe_supervise(troupe *rt, const troupe_supervision *what, unsigned timeout_ms,
                            troupe_ref *out) {
    if (tr_sched_inside(&rt->sched)) return TROUPE_INVALID;
    const uint64_t deadline = tr_after_ms(tr_runtime_clock(rt), timeout_ms);
    troupe_ref ref;
    troupe_msg *msg = NULL;
    troupe_err err = troupe_make(rt, &await_type, NULL, &msg);
    if (err) return err;
    err = troupe_spawn(rt, &troupe_supervisor, what, &ref);
    if (err) {
        troupe_drop(&msg);
        return err;
    }
    err = troupe_ask(rt, ref, &msg, timeout_ms);
    const struct started *started = troupe_as(msg, &started_type);
    if (!err) err = started ? (troupe_err)started->err : TROUPE_BADTYPE;
    troupe_drop(&msg);
    if (err == TROUPE_GONE) err = TROUPE_START_FAILED; /* it ended before it was asked */
    if (!err) {
        *out = ref;
        return TROUPE_OK;
    }
    (void)troupe_stop(rt, ref); /* it may have ended already */
    return tr_runtime_wait(rt, ref.id, deadline) ? err : TROUPE_TIMEOUT;
}

/* Asks a supervisor what it knows, and ends the request. `*answer` is the caller's. */
static troupe_err ask(troupe *rt, troupe_ref supervisor, const troupe_type *type, const void *body,
                      unsigned timeout_ms, troupe_msg **answer) {
    *answer = NULL;
    troupe_err err = troupe_make(rt, type, body, answer);
    if (!err) err = troupe_ask(rt, supervisor, answer, timeout_ms);
    if (!err && !troupe_as(*answer, &listed_type)) err = TROUPE_BADTYPE;
    if (err) troupe_drop(answer);
    return err;
}

troupe_err troupe_children(troupe *rt, troupe_ref supervisor, unsigned timeout_ms,
                           troupe_child_info *info, size_t room, size_t *count) {
    troupe_msg *msg;
    troupe_err err = ask(rt, supervisor, &list_type, NULL, timeout_ms, &msg);
    if (err) return err;
    const struct listed *listed = troupe_as(msg, &listed_type);
    *count = listed->infos.size / sizeof *info;
    size_t n = *count < room ? *count : room;
    if (n) memcpy(info, listed->infos.data, n * sizeof *info);
    troupe_drop(&msg);
    return TROUPE_OK;
}

troupe_err troupe_find_child(troupe *rt, troupe_ref supervisor, const char *id, unsigned timeout_ms,
                             troupe_child_info *info) {
    troupe_msg *msg;
    if (!id) return TROUPE_INVALID;
    troupe_err err = ask(rt, supervisor, &find_type, &(struct find){id}, timeout_ms, &msg);
    if (err) return err;
    const struct listed *listed = troupe_as(msg, &listed_type);
    bool found = listed->infos.size == sizeof *info;
    if (found) memcpy(info, listed->infos.data, sizeof *info);
    troupe_drop(&msg);
    return found ? TROUPE_OK : TROUPE_NOTFOUND;
}

troupe_err troupe_count_children(troupe *rt, troupe_ref supervisor, unsigned timeout_ms,
                                 troupe_child_counts *out) {
    troupe_msg *msg;
    troupe_err err = ask(rt, supervisor, &count_type, NULL, timeout_ms, &msg);
    if (err) return err;
    const struct listed *listed = troupe_as(msg, &listed_type);
    memcpy(out, listed->infos.data, sizeof *out);
    troupe_drop(&msg);
    return TROUPE_OK;
}
