#include "actors/supervisor_query.h"

#include <stdio.h>
#include <string.h>

#include "actors/supervisor_request.h"
#include "base/heap.h"

const troupe_type troupe_child_found_type =
    TROUPE_TYPE(troupe_child_found, TROUPE_FIELD(troupe_child_found, tag));
const troupe_type troupe_children_counted_type =
    TROUPE_TYPE(troupe_children_counted, TROUPE_FIELD(troupe_children_counted, tag));
const troupe_type troupe_children_listed_type =
    TROUPE_TYPE(troupe_children_listed, TROUPE_FIELD(troupe_children_listed, tag),
                TROUPE_FIELD(troupe_children_listed, infos));

/* --- In the supervisor ------------------------------------------------------------------------ */

static void describe(const tr_kid *kid, troupe_child_info *info) {
    *info = (troupe_child_info){.state = kid->state,
                                .supervisor = kid->spec.what == &troupe_supervisor,
                                .restarts = kid->restarts,
                                .why = kid->why};
    snprintf(info->id, sizeof info->id, "%s", kid->spec.id);
    if (kid->actor) info->ref = tr_actor_ref(kid->actor);
}

troupe_err tr_query_find(const tr_supervisor *sup, const char *id, troupe_child_info *info) {
    const tr_kid *kid = tr_sup_called(sup, id);
    if (!kid) return TROUPE_NOTFOUND;
    describe(kid, info);
    return TROUPE_OK;
}

troupe_child_counts tr_query_count(tr_supervisor *sup) {
    if (sup->model) {
        bool supervisors = sup->model->spec.what == &troupe_supervisor;
        return (troupe_child_counts){1, sup->count, supervisors ? sup->count : 0,
                                     supervisors ? 0 : sup->count};
    }
    troupe_child_counts counts = {.specs = sup->count};
    for (tr_kid *kid = tr_sup_first(sup); kid; kid = tr_sup_next(sup, kid)) {
        counts.active += tr_kid_lives(kid);
        counts.supervisors += kid->spec.what == &troupe_supervisor;
    }
    counts.workers = counts.specs - counts.supervisors;
    return counts;
}

troupe_err tr_query_list(troupe_self *self, tr_supervisor *sup, uint64_t tag, troupe_msg **out) {
    const troupe_heap *heap = self->rt->heap;
    size_t size = sup->count * sizeof(troupe_child_info), i = 0;
    troupe_child_info *info = tr_take_zero(heap, size);
    if (size && !info) return TROUPE_NOMEM;
    for (tr_kid *kid = tr_sup_first(sup); kid; kid = tr_sup_next(sup, kid))
        describe(kid, &info[i++]);
    const struct troupe_children_listed body = {tag, {info, size}};
    troupe_err err = tr_msg_make(&self->rt->pool, &troupe_children_listed_type, &body, out);
    tr_give(heap, info, size);
    return err;
}

/* --- In plain threads ------------------------------------------------------------------------- */

/* Asks, and gets an answer of that type, which is the caller's. */
static troupe_err ask(troupe *rt, troupe_ref supervisor, const troupe_child_request *request,
                      unsigned timeout_ms, const troupe_type *type, troupe_msg **answer) {
    *answer = NULL;
    troupe_err err = tr_request_ask(rt, supervisor, request, timeout_ms, answer);
    const struct troupe_child_done *done = troupe_as(*answer, &troupe_child_done_type);
    if (!err && done) err = (troupe_err)done->err;
    if (!err && !troupe_as(*answer, type)) err = TROUPE_BADTYPE;
    if (err) troupe_drop(answer);
    return err;
}

troupe_err troupe_children(troupe *rt, troupe_ref supervisor, unsigned timeout_ms,
                           troupe_child_info *info, size_t room, size_t *count) {
    const troupe_child_request request = {.act = TROUPE_LIST_CHILDREN};
    troupe_msg *msg;
    troupe_err err = ask(rt, supervisor, &request, timeout_ms, &troupe_children_listed_type, &msg);
    if (err) return err;
    const struct troupe_children_listed *listed = troupe_as(msg, &troupe_children_listed_type);
    *count = listed->infos.size / sizeof *info;
    size_t n = *count < room ? *count : room;
    if (n) memcpy(info, listed->infos.data, n * sizeof *info);
    troupe_drop(&msg);
    return TROUPE_OK;
}

troupe_err troupe_find_child(troupe *rt, troupe_ref supervisor, const char *id, unsigned timeout_ms,
                             troupe_child_info *info) {
    const troupe_child_request request = {.act = TROUPE_FIND_CHILD, .id = id};
    troupe_msg *msg;
    troupe_err err = ask(rt, supervisor, &request, timeout_ms, &troupe_child_found_type, &msg);
    if (err) return err;
    const struct troupe_child_found *found = troupe_as(msg, &troupe_child_found_type);
    *info = found->info;
    troupe_drop(&msg);
    return TROUPE_OK;
}

troupe_err troupe_count_children(troupe *rt, troupe_ref supervisor, unsigned timeout_ms,
                                 troupe_child_counts *out) {
    const troupe_child_request request = {.act = TROUPE_COUNT_CHILDREN};
    troupe_msg *msg;
    troupe_err err = ask(rt, supervisor, &request, timeout_ms, &troupe_children_counted_type, &msg);
    if (err) return err;
    const struct troupe_children_counted *counted = troupe_as(msg, &troupe_children_counted_type);
    *out = counted->counts;
    troupe_drop(&msg);
    return TROUPE_OK;
}
