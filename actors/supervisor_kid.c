#include "actors/supervisor_kid.h"

#include <string.h>

#include "actors/life.h"
#include "actors/report.h"
#include "actors/send.h"
#include "actors/supervisor_time.h"
#include "base/check.h"
#include "base/heap.h"

enum { SHUTDOWN_MS = 5000, WITHIN_MS = 5000 };

const char *tr_kid_flaw(const troupe_child *child) {
    if (!child->id || !*child->id) return "it has no id";
    if (strlen(child->id) > TROUPE_NAME_MAX) return "its id is too long";
    if (!child->what || !child->what->receive) return "it has no behaviour";
    if (child->name && (!*child->name || strlen(child->name) > TROUPE_NAME_MAX))
        return "its name is empty or too long";
    if (child->significant && child->restart == TROUPE_PERMANENT)
        return "it is permanent, so it can't be significant";
    return child->restart > TROUPE_TEMPORARY ? "unknown restart rule" : NULL;
}

/* What is to become of its mail between two lives. */
static void set_mail(tr_kid *kid) {
    kid->bond.flush = kid->spec.flush;
    bool next_life = kid->spec.restart != TROUPE_TEMPORARY;
    kid->bond.poison_after = next_life ? kid->spec.poison_after : 0;
}

tr_kid *tr_kid_make(troupe_self *parent, const troupe_child *child) {
    const troupe_heap *heap = parent->rt->heap;
    tr_kid *kid = tr_take_zero(heap, sizeof *kid);
    if (!kid) return NULL;
    tr_list_init(&kid->of_sup);
    tr_list_init(&kid->asked);
    kid->spec = *child;
    if (!kid->spec.shutdown_ms)
        kid->spec.shutdown_ms = child->what == &troupe_supervisor ? TROUPE_FOREVER : SHUTDOWN_MS;
    if (!kid->spec.within_ms) kid->spec.within_ms = WITHIN_MS;
    kid->spec.id = tr_take_text(heap, child->id);
    kid->spec.name = tr_take_text(heap, child->name);
    kid->bond.parent = parent;
    kid->bond.id = kid->spec.id;
    kid->bond.arg = kid->spec.arg;
    set_mail(kid);
    bool limited = tr_limits_init(&kid->limits, heap, child->max_restarts, kid->spec.within_ms);
    if (limited && kid->spec.id && (kid->spec.name || !child->name)) return kid;
    tr_kid_free(kid, heap);
    return NULL;
}

tr_kid *tr_kid_make_dynamic(const tr_kid *model, const void *arg) {
    tr_kid *kid = tr_take_zero(model->bond.parent->rt->heap, sizeof *kid);
    if (!kid) return NULL;
    tr_list_init(&kid->of_sup);
    tr_list_init(&kid->asked);
    kid->dynamic = true;
    kid->spec = model->spec;
    kid->bond.parent = model->bond.parent;
    kid->bond.id = model->bond.id;
    kid->bond.arg = arg;
    set_mail(kid);
    const troupe_heap *heap = model->bond.parent->rt->heap;
    if (tr_limits_init(&kid->limits, heap, kid->spec.max_restarts, kid->spec.within_ms)) return kid;
    tr_kid_free(kid, heap);
    return NULL;
}

void tr_kid_free(tr_kid *kid, const troupe_heap *heap) {
    if (!kid->dynamic) {
        tr_give_text(heap, (char *)(uintptr_t)kid->spec.id); /* our copies */
        tr_give_text(heap, (char *)(uintptr_t)kid->spec.name);
    }
    tr_list_remove(&kid->of_sup);
    tr_limits_fini(&kid->limits, heap);
    tr_give(heap, kid, sizeof *kid);
}

void tr_kid_ask(tr_kid *kid, uint32_t request) {
    (void)tr_route_request(&kid->actor->rt->sched, &kid->actor->task,
                           tr_actor_generation(kid->actor), request);
}

static troupe_err name_it(tr_kid *kid) {
    troupe *rt = kid->actor->rt;
    if (!kid->spec.name || kid->named) return TROUPE_OK;
    troupe_err err = troupe_register(rt, tr_actor_ref(kid->actor), kid->spec.name);
    kid->named = !err;
    if (!err) return TROUPE_OK;
    tr_report_unnamed(kid->actor, kid->spec.name, err);
    return err;
}

/* Has a life begin. A child that can't be named, or timed, never starts: it ends at once, and tells
 * so. */
static void begin(tr_kid *kid) {
    kid->state = TROUPE_CHILD_STARTING;
    kid->was_ready = kid->slow = kid->delayed = kid->killed = false;
    troupe_err err = name_it(kid);
    if (!err && kid->spec.start_ms && !tr_time_set(kid, kid->spec.start_ms)) err = TROUPE_NOMEM;
    tr_kid_ask(kid, err ? TR_CONTROL_START | TR_CONTROL_KILL : TR_CONTROL_START);
}

troupe_err tr_kid_start(tr_kid *kid) {
    troupe *rt = kid->bond.parent->rt;
    troupe_err err = tr_actor_make(rt, kid->spec.what, &kid->bond, &kid->actor);
    if (err) return err;
    kid->bond.tries = 0;
    kid->bond.told = false;
    TR_CHECK(tr_map_add(kid->refs, kid->actor->id, &kid->by_ref));
    kid->named = false;
    begin(kid);
    return TROUPE_OK;
}

/* Has the supervisor hear later on that the child has ended. No actor uses the note meanwhile. */
static void tell_own_end(tr_kid *kid, troupe_err why) {
    troupe_self *parent = kid->bond.parent;
    tr_note *note = &kid->bond.ended;
    tr_msg_embed(&note->msg, &tr_note_type);
    note->body = (struct tr_note_body){NULL, TR_NOTE_ENDED, why};
    troupe_msg *msg = &note->msg;
    troupe_ref me = tr_actor_ref(parent);
    TR_CHECK(tr_send(parent->rt, me, me, TR_SEND_FREE, &msg) == TROUPE_OK);
}

void tr_kid_restart(tr_kid *kid) {
    kid->again = false;
    kid->restarts++;
    if (kid->actor) {
        begin(kid);
        return;
    }
    troupe_err err = tr_kid_start(kid); /* a dynamic one never ends up without an actor */
    if (!err) return;
    kid->state = TROUPE_CHILD_STARTING;
    kid->was_ready = kid->slow = kid->delayed = false;
    tell_own_end(kid, err);
}

void tr_kid_abandoned(tr_kid *kid) {
    tr_map_remove(kid->refs, &kid->by_ref);
    kid->actor = NULL;
    kid->named = false;
    tell_own_end(kid, TROUPE_KILLED);
}

void tr_kid_tell_watchers(tr_kid *kid) {
    kid->bond.told = true;
    if (kid->actor && (tr_load64_acquire(&kid->actor->task.control) & TR_CONTROL_WATCHED))
        tr_ties_ended(kid->actor, kid->why);
}

bool tr_kid_ended_well(const tr_kid *kid) {
    return tr_life_clean(kid->why) || (kid->why == TROUPE_IGNORE && !kid->was_ready);
}

bool tr_kid_lives(const tr_kid *kid) {
    return kid->state == TROUPE_CHILD_STARTING || kid->state == TROUPE_CHILD_RUNNING ||
           kid->state == TROUPE_CHILD_STOPPING;
}

void tr_kid_report(const tr_kid *kid, const tr_fate *fate) {
    if (kid->actor)
        tr_report_failure(kid->actor, kid->why, fate);
    else
        tr_report_unmade(kid->bond.parent, kid->spec.what, kid->spec.id, kid->why, fate);
}

void tr_kid_bury(tr_kid *kid) {
    kid->state = TROUPE_CHILD_ENDED;
    kid->delayed = false;
    tr_time_end(kid);
    if (!kid->actor) return;
    /* Its name is free, and it has left its groups, at once, not when the burial has run: this
     * tree, or one that contains it, may be started again before. */
    tr_names_forget(&kid->actor->rt->names, kid->actor);
    tr_groups_forget(kid->actor->rt, kid->actor->id);
    tr_map_remove(kid->refs, &kid->by_ref);
    tr_kid_ask(kid, TR_CONTROL_BURY);
    kid->actor = NULL;
}
