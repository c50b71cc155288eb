/* Models of abandonment: who gives an actor up, its callback that returns after all, and who still
 * sends to it; with the real scheduler and the real abandon.c. The bond is plain data of the
 * supervisor's: who touches it out of turn is a race, and so is who touches what was freed. */
#include "actors/abandon.h"

#include <string.h>

#include "actors/group_watch.h"
#include "actors/life.h"
#include "actors/report.h"
#include "actors/request.h"
#include "actors/send.h"
#include "base/check.h"
#include "base/heap.h"
#include "explore.h"

#define BOOK __attribute__((no_sanitize("thread"), noinline))

enum { MESSAGES = 3 };

/* What the callback does before it returns. */
typedef enum deed { RETURNS, ENDS, TELLS } deed;

static troupe rt;
static tr_worker worker;
static troupe_self actor;
static tr_bond bond;
static troupe_msg messages[MESSAGES];
static const troupe_type type;
static tr_atomic32 noted; /* what the actor has told by its bond; who sees it may use that again */
static deed does;
static struct book {
    uint32_t sent, refused, handled, dead; /* messages */
    uint32_t freed, abandoned, ended;
} book;

/* --- What abandon.c needs of its neighbours --------------------------------------------------- */

char *tr_take_text(const troupe_heap *heap, const char *text) {
    (void)text;
    char *copy = tr_take_zero(heap, 1);
    *copy = 1;
    return copy;
}
void tr_give_text(const troupe_heap *heap, char *text) {
    tr_give(heap, text, 1);
}
void tr_report_of(const tr_task *task, troupe_report_kind kind, troupe_report *report, char *path) {
    const troupe_self *self = (const troupe_self *)(const void *)task;
    *report = tr_report_blank(kind, TROUPE_WARN);
    *path = self->bond && self->bond->id ? *self->bond->id : '\0';
}
void tr_report_tell(troupe *of, troupe_report *report, const char *format, ...) {
    (void)of;
    (void)report;
    (void)format;
}
void tr_log(troupe *of, troupe_level level, const char *format, ...) {
    (void)of;
    (void)level;
    (void)format;
}
tr_port *tr_runtime_port(troupe *of) {
    (void)of;
    return NULL;
}
void tr_names_forget(tr_names *names, troupe_self *self) {
    (void)names;
    (void)self;
}
void tr_requests_forget(tr_asks *asks, uint64_t id) {
    (void)asks, (void)id;
}

void tr_rooms_freed(troupe *of, troupe_ref who) {
    (void)of, (void)who;
}
void tr_rooms_forget(troupe *of, uint64_t id) {
    (void)of, (void)id;
}
void tr_timers_forget(tr_timers *timers, troupe_self *self) {
    (void)timers;
    (void)self;
}
void tr_groups_forget(troupe *of, uint64_t id) {
    (void)of, (void)id;
}
void tr_group_watches_forget(troupe *of, uint64_t id) {
    (void)of, (void)id;
}
void tr_topics_forget(tr_topics *topics, uint64_t id) {
    (void)topics;
    (void)id;
}
void tr_ties_forget(troupe_self *self) {
    (void)self;
}
void tr_ties_ended(troupe_self *self, troupe_err why) {
    (void)self;
    (void)why;
}
void tr_ask_unanswered(troupe *of, troupe_ref asker, troupe_err why) {
    (void)of;
    ex_check(why == TROUPE_GONE && asker.node == asker.id); /* of one message */
    ex_check(asker.id == 7);
}
BOOK void tr_dead_letter_queued(troupe_self *self, troupe_msg **msg, troupe_dead reason,
                                troupe_err why) {
    (void)self;
    ex_check(reason == TROUPE_DEAD_STOPPED && why == TROUPE_GONE);
    *msg = NULL;
    book.dead++;
}

/* What belongs to the life is the runner's: it may write there. */
void tr_life_release(troupe_self *self) {
    self->state = NULL;
}

/* Its last word: who touches the actor after this touches what is another's. */
BOOK static void note_freed(void) {
    ex_check(++book.freed == 1);
    ex_check(book.abandoned == 1);
}

static void over(void) {
    tr_store32_seq(&rt.sched.over, 1);
    (void)tr_worker_wake(&worker);
}

void tr_life_give_place(troupe_self *self) {
    self->bond = NULL;
    tr_store32_relaxed(&self->lives, 0);
    note_freed();
    over();
}

/* --- The actor -------------------------------------------------------------------------------- */

BOOK static void note_handled(void) {
    book.handled++;
}

BOOK static void note_ended(void) {
    book.ended++;
}

/* Says something by its bond, as `tr_actor_tell_parent` does. */
static void tell(tr_note *note) {
    note->body.why = TROUPE_OK;
    tr_store32_release(&noted, 1);
}

/* The end of its life, as in tr_life_end. False: it is gone. */
static bool end_life(troupe_self *self) {
    if (!tr_abandon_claim_end(self)) {
        tr_abandon_return(self);
        return false;
    }
    tr_turn_unwatch(&rt.sched, &self->task);
    self->status = TR_HELD;
    note_ended();
    tell(&self->bond->ended);
    return true;
}

/* Handles a message. False: it is gone. */
static bool handle(tr_turn *turn, troupe_self *self) {
    tr_actor_set_doing(self, "message");
    uint32_t ask = book.handled % 2 ? 0 : TR_MSG_ASK;
    tr_actor_set_in_hand(self, TR_IN_HAND | ask, (troupe_ref){ask ? 7 : 8, ask ? 7 : 8});
    tr_store32_relaxed(&self->lives, 2); /* whatever it does with itself */
    note_handled();
    if (does == TELLS && tr_abandon_may_tell(self, TR_CONTROL_TOLD)) {
        tell(&self->bond->ready);
        tr_abandon_told(self);
    }
    if (does != ENDS) {
        tr_store32_relaxed(&self->in_hand, 0);
        return true;
    }
    tr_turn_settle(turn);
    return end_life(self);
}

/* Answers what is asked. False: it is gone. */
static bool obey(troupe_self *self) {
    uint64_t asked = tr_and64_seq(&self->task.control, ~(uint64_t)TR_CONTROL_REQUESTS);
    if (asked & TR_CONTROL_ABANDONED) tr_abandon_return(self);
    return !(asked & TR_CONTROL_ABANDONED);
}

static bool asked(const troupe_self *self) {
    return tr_load64_acquire(&self->task.control) & TR_CONTROL_REQUESTS;
}

/* Puts a message back that something comes before. */
static void put_first(tr_turn *turn, troupe_self *self, tr_link *link) {
    troupe_msg *msg = tr_msg_of(link);
    if (tr_turn_put_first(turn, link)) return;
    tr_dead_letter_queued(self, &msg, TROUPE_DEAD_STOPPED, TROUPE_GONE);
}

/* As in receive.c: what is asked is looked for once a message is taken out. */
static void one_turn(tr_turn *turn) {
    troupe_self *self = TR_OWNER(turn->task, troupe_self, task);
    tr_link *link = tr_turn_first(turn);
    if (self->status == TR_BURIED) {
        ex_check(!link);
        tr_turn_unwatch(turn->sched, turn->task);
        if (tr_turn_release(turn->sched, turn->task)) tr_life_give_place(self);
        return;
    }
    for (; !turn->over; link = NULL) {
        if (!link && self->status == TR_ALIVE && !(link = tr_turn_next(turn)) && turn->over) return;
        if (self->status == TR_ALIVE && link && !asked(self)) {
            turn->owed = TR_OWES_COUNT | TR_OWES_PLACE;
            if (!handle(turn, self)) return;
            continue;
        }
        if (link) put_first(turn, self, link);
        if (asked(self)) {
            if (turn->owed) tr_turn_settle(turn);
            if (!obey(self)) return;
        } else if (self->status != TR_ALIVE) {
            tr_turn_freeze(turn);
        }
    }
}

void tr_task_turn(tr_turn *turn) {
    do {
        one_turn(turn);
    } while (tr_turn_goes_on(turn));
}

/* --- The world -------------------------------------------------------------------------------- */

BOOK static troupe_msg *fresh(void) {
    troupe_msg *msg = &messages[book.sent++];
    memset(msg, 0, sizeof *msg);
    msg->type = &type;
    return msg;
}

BOOK static void begin(deed what) {
    memset(&rt, 0, sizeof rt);
    memset(&worker, 0, sizeof worker);
    memset(&actor, 0, sizeof actor);
    memset(&bond, 0, sizeof bond);
    memset(&book, 0, sizeof book);
    does = what;
    tr_store32_relaxed(&noted, 0);
    tr_sched_me = NULL;
    rt.sched.rt = &rt;
    rt.sched.worker = &worker;
    rt.sched.workers = rt.sched.room = 1;
    rt.sched.budget = 64;
    tr_worker_init(&worker, &rt.sched, 0, 1);
    tr_store32_relaxed(&worker.started, 1);
    tr_store64_relaxed(&worker.pace.look_at, 1000); /* no looks at the clock */
    EX_NAME(rt);
    EX_NAME(worker);
    EX_NAME(actor);
    EX_NAME(bond);
}

/* It is at home at the worker, alive, and about to handle a message. */
static void one_is_at_work(deed what) {
    begin(what);
    actor.rt = &rt;
    actor.id = UINT64_C(1) << 32;
    actor.bond = &bond;
    bond.id = "child";
    actor.status = TR_ALIVE;
    tr_mailbox_open(&actor.task.box, 8, true);
    tr_store64_relaxed(&actor.task.control, UINT64_C(1) << 32);
    tr_store32_relaxed(&actor.task.home, 0);
    ex_check(tr_mailbox_push_home(&actor.task.box, &fresh()->link, true) == TR_PUSH_OK);
    tr_worker_put(&worker, &actor.task, false);
}
static void one_returns(void) {
    one_is_at_work(RETURNS);
}
static void one_ends(void) {
    one_is_at_work(ENDS);
}
static void one_tells(void) {
    one_is_at_work(TELLS);
}

/* Each message is in one place; and the actor has ended for one reason. */
BOOK static void all_is_settled(void) {
    uint32_t queued = book.freed ? 0 : (uint32_t)tr_mailbox_length(&actor.task.box);
    ex_check(book.sent == book.handled + book.dead + book.refused + queued);
    ex_check(book.abandoned + book.ended == 1 && book.freed == book.abandoned);
}

/* --- What threads do -------------------------------------------------------------------------- */

#define THREAD(name) static void name(void *arg __attribute__((unused)))

BOOK static void note_abandoned(void) {
    book.abandoned++;
}

BOOK static void note_refused(void) {
    book.refused++;
}

THREAD(runner) {
    (void)tr_sched_work(&worker);
}

/* The supervisor: gives it up, or hears that it has ended by itself; the bond is freed then. If it
 * has only told something, that is heard, and then it is given up. */
THREAD(supervisor) {
    bool heard = false;
    note_abandoned(); /* in time for who frees it; taken back if it is not so */
    while (!tr_abandon(&actor, heard, 0)) {
        while (!tr_load32_acquire(&noted)) tr_thread_yield();
        if (does == ENDS) {
            book.abandoned = 0;
            over();
            break;
        }
        if (heard) tr_thread_yield(); /* it tries again later; it is in the middle of it */
        heard = true;
    }
    ex_check(does == ENDS || tr_load32_acquire(&noted) == heard); /* none is on its way */
    memset(&bond, 0xFF, sizeof bond);
    ex_write(&bond.ended.body.why);
    ex_write(&bond.ready.body.why);
}

/* Finds it by its ref, and sends. */
THREAD(pusher) {
    for (int i = 0; i < 2; i++) {
        troupe_msg *msg = fresh();
        uint64_t control = tr_load64_acquire(&actor.task.control);
        bool there = control >> 32 == 1 && !(control & TR_CONTROL_VACANT);
        tr_push pushed = TR_PUSH_CLOSED;
        if (there) pushed = tr_route_push(&rt.sched, &actor.task, &msg->link, true);
        if (pushed != TR_PUSH_OK) note_refused();
    }
}

/* The watch: reads about who runs, under the bias of the worker. */
THREAD(watch) {
    char path[TR_PATH_ROOM] = "";
    troupe_report report;
    tr_hold hold = tr_route_hold_worker(&rt.sched, 0);
    const tr_task *task = (const tr_task *)(uintptr_t)tr_load64_relaxed(&worker.running);
    if (task) tr_report_of(task, TROUPE_REPORT_SLOW, &report, path);
    ex_check(*path == '\0' || *path == 'c' || *path == 1); /* so that it is read */
    tr_route_let_go(&rt.sched, hold);
}

#define M(model, begin_it, bound, ...)                                                             \
    {                                                                                              \
        .name = "abandon." model, .setup = begin_it, .preemptions = bound,                         \
        .finish = all_is_settled, .membarrier = true, .cap = 20000000, .thread = {                 \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }

static const ex_model models[] = {
    M("returns", one_returns, 3, runner, supervisor),
    M("ends", one_ends, 3, runner, supervisor),
    M("tells", one_tells, 3, runner, supervisor),
    M("returns_sent", one_returns, 2, runner, supervisor, pusher),
    M("ends_sent", one_ends, 2, runner, supervisor, pusher),
    M("tells_sent", one_tells, 2, runner, supervisor, pusher),
    M("returns_watched", one_returns, 2, runner, supervisor, watch),
    M("ends_watched", one_ends, 2, runner, supervisor, watch),
};

int main(int argc, char **argv) {
    return ex_main(argc, argv, models, sizeof models / sizeof *models);
}
