#include "actors/abandon.h"

#include "actors/find.h"
#include "actors/group_watch.h"
#include "actors/life.h"
#include "actors/report.h"
#include "actors/request.h"
#include "actors/send.h"
#include "base/check.h"
#include "base/heap.h"

/* --- Who ends a life -------------------------------------------------------------------------- */

/* Each claim is one read-modify-write of `control`, as the abandoning is: the later one sees the
 * earlier one. */
bool tr_abandon_claim_end(troupe_self *self) {
    return !(tr_or64_seq(&self->task.control, TR_CONTROL_ENDING) & TR_CONTROL_ABANDONED);
}

bool tr_abandon_may_tell(troupe_self *self, uint32_t marks) {
    uint64_t control = tr_or64_seq(&self->task.control, TR_CONTROL_TELLING | marks);
    return !(control & TR_CONTROL_ABANDONED);
}

void tr_abandon_told(troupe_self *self) {
    (void)tr_and64_seq(&self->task.control, ~(uint64_t)TR_CONTROL_TELLING);
}

bool tr_abandon_seen(const troupe_self *self) {
    return tr_load64_acquire(&self->task.control) & TR_CONTROL_ABANDONED;
}

/* --- The supervisor --------------------------------------------------------------------------- */

/* What stands in for the bond: its path as it was, for reports, and no parent. */
static tr_bond *make_grave(const troupe_self *self, const char *path) {
    const troupe_heap *heap = self->rt->heap;
    tr_bond *grave = tr_take_zero(heap, sizeof *grave);
    if (grave) grave->id = tr_take_text(heap, path);
    return grave;
}

static void free_grave(const troupe_heap *heap, tr_bond *grave) {
    if (!grave) return;
    tr_give_text(heap, (char *)(uintptr_t)grave->id);
    tr_give(heap, grave, sizeof *grave);
}

/* Its mail and its bond are taken away under the guard of its home, where the watch may be reading
 * about it. True: somebody wanted room. */
static bool take_away(troupe_self *self, tr_bond *grave, tr_fifo *mail) {
    tr_sched *sched = &self->rt->sched;
    tr_hold hold = tr_route_hold(sched, &self->task);
    self->bond = grave;
    bool wanted = tr_mailbox_close(&self->task.box);
    *mail = tr_mailbox_take_all(&self->task.box);
    tr_route_let_go(sched, hold);
    return wanted;
}

/* Whoever waits for the answer to what it has in hand will not get it: what is answered later finds
 * nobody. Its mail has been taken away, so it comes to no other message. What it had before was not
 * in hand any more when this one was taken out, under the guard; and acquire pairs with the release
 * in tr_actor_set_in_hand. An asker that has its answer is told nothing. */
static void tell_asker(troupe_self *self) {
    const uint32_t in_hand = tr_load32_acquire(&self->in_hand);
    if (in_hand & TR_MSG_ASK)
        tr_ask_unanswered(self->rt, tr_actor_sender_of(self, in_hand), TROUPE_GONE);
}

/* Tells everybody of its end. What its callback still does, to set a timer say, ends when that
 * returns. */
static void bury(troupe_self *self, tr_bond *grave, uint64_t marks) {
    troupe *rt = self->rt;
    const troupe_ref me = tr_actor_ref(self);
    tr_fifo mail;
    bool wanted = take_away(self, grave, &mail);
    for (tr_link *link; (link = tr_fifo_get(&mail));) {
        troupe_msg *msg = tr_msg_of(link);
        tr_dead_letter_queued(self, &msg, TROUPE_DEAD_STOPPED, TROUPE_GONE);
    }
    tell_asker(self);
    if (marks & TR_CONTROL_NAMED) {
        tr_names_forget(&rt->names, self);
        tr_groups_forget(rt, self->id);
    }
    tr_requests_forget(&rt->asks, self->id);
    tr_rooms_forget(rt, self->id);
    tr_group_watches_forget(rt, self->id);
    tr_timers_forget(&rt->timers, self);
    tr_topics_forget(&rt->topics, self->id);
    tr_ties_forget(self);
    if (marks & TR_CONTROL_WATCHED) tr_ties_ended(self, TROUPE_KILLED);
    if (wanted) tr_rooms_freed(rt, me);
}

bool tr_abandon(troupe_self *self, bool was_ready, uint64_t waited_ms) {
    char path[TR_PATH_ROOM];
    troupe_report report;
    troupe *rt = self->rt;
    tr_report_of(&self->task, TROUPE_REPORT_STRAGGLER, &report, path);
    tr_bond *grave = make_grave(self, path);
    /* What it told and its supervisor has not heard lies in the bond still. */
    uint64_t unless = TR_CONTROL_ENDING | TR_CONTROL_TELLING | (was_ready ? 0 : TR_CONTROL_TOLD);
    uint64_t marks = tr_route_abandon(&self->task, tr_actor_generation(self), unless);
    if (!marks) {
        free_grave(rt->heap, grave);
        return false;
    }
    bury(self, grave, marks);
    report.level = TROUPE_ERROR;
    report.for_ms = waited_ms;
    report.next = "its memory and its thread are left to it";
    tr_report_tell(rt, &report,
                   "abandoned: %s in %s does not return, %llu ms after it was to end; %s", path,
                   report.doing, (unsigned long long)waited_ms, report.next);
    tr_route_leave(&rt->sched, &self->task); /* it may be freed at once */
    return true;
}

/* --- The actor -------------------------------------------------------------------------------- */

void tr_abandon_return(troupe_self *self) {
    troupe *rt = self->rt;
    /* Who abandoned it is still telling the others, and waits for nobody meanwhile. */
    while (!(tr_load64_acquire(&self->task.control) & TR_CONTROL_LEFT)) tr_thread_yield();
    tr_bond *grave = self->bond;
    tr_turn_unwatch(&rt->sched, &self->task);
    tr_log(rt, TROUPE_WARN, "%s, which was abandoned, has returned",
           grave && grave->id ? grave->id : "an actor");
    self->bond = NULL;
    free_grave(rt->heap, grave);
    tr_life_release(self);
    tr_give(rt->heap, self->failure, sizeof *self->failure);
    self->failure = NULL;
    self->status = TR_BURIED;
    if (tr_turn_release(&rt->sched, &self->task)) tr_life_give_place(self);
}
