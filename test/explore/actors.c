/* Models of the scheduler: real workers, routes and turns; the actors that they run are stubs. All
 * that homes guard is plain data: who touches a task without its home's bias, or before it was
 * handed over, is a race. */
#include <string.h>

#include "actors/report.h"
#include "actors/route.h"
#include "actors/sched.h"
#include "actors/turn.h"
#include "base/check.h"
#include "explore.h"

#define BOOK __attribute__((no_sanitize("thread"), noinline))

enum { WORKERS = 2, ACTORS = 2, SENDERS = 3, MESSAGES = 3 };

typedef struct item {
    _Alignas(16) tr_link link;
    uint32_t sender, number;
} item;

/* What an actor is here. Plain: its runs hand it on. */
typedef struct stub {
    _Alignas(64) tr_task task;
    uint32_t next[SENDERS]; /* the number that it must get from each */
    bool held, buried;
    bool mortal; /* its first message ends it */
    bool relays; /* each message has it send one to the first actor */
    bool holds;  /* its first message makes it held */
} stub;

static tr_sched sched;
static tr_worker workers[WORKERS];
static stub actors[ACTORS];
static item items[SENDERS][MESSAGES];
static struct book {
    uint32_t left; /* messages and requests that must be seen before it is over */
    uint32_t sent[SENDERS];
    uint32_t freed, refused;
} book;

/* --- The world ---------------------------------------------------------------------------------
 */

BOOK static void begin(unsigned count, uint32_t left) {
    memset(&sched, 0, sizeof sched);
    memset(workers, 0, sizeof workers);
    memset(actors, 0, sizeof actors);
    memset(&book, 0, sizeof book);
    book.left = left;
    tr_sched_me = NULL;
    sched.worker = workers;
    sched.workers = sched.room = count;
    sched.budget = 64;
    tr_poller_init(&sched.poller);
    for (uint32_t i = 0; i < count; i++) {
        tr_worker_init(&workers[i], &sched, i, 1);
        tr_store32_relaxed(&workers[i].started, 1);
        tr_store64_relaxed(&workers[i].pace.look_at, 1000); /* no looks at the clock */
    }
    EX_NAME(sched);
    EX_NAME(workers);
    EX_NAME(actors);
}

/* An actor at home at a worker: at rest, or held. */
static tr_task *at_home(int n, uint32_t home, bool held) {
    tr_task *task = &actors[n].task;
    tr_mailbox_open(&task->box, 8, !held);
    task->frozen = actors[n].held = held;
    tr_store64_relaxed(&task->control, UINT64_C(1) << 32 | (held ? TR_CONTROL_FROZEN : 0));
    tr_store32_relaxed(&task->home, home);
    return task;
}

/* The last thing has happened that must: workers may end. */
static void over(void) {
    tr_store32_seq(&sched.over, 1);
    for (unsigned i = 0; i < sched.room; i++) (void)tr_worker_wake(&workers[i]);
}

BOOK static bool one_less(void) {
    ex_check(book.left > 0);
    return --book.left == 0;
}

static void seen(void) {
    if (one_less()) over();
}

BOOK static void note_freed(void) {
    book.freed++;
    ex_check(book.freed == 1);
}

BOOK static item *fresh(uint32_t sender) {
    item *it = &items[sender][book.sent[sender]];
    *it = (item){.sender = sender, .number = book.sent[sender]++};
    return it;
}

static void bury(tr_task *task) {
    stub *it = TR_OWNER(task, stub, task);
    it->buried = true;
    (void)tr_mailbox_close(&task->box);
    if (tr_turn_release(&sched, task)) {
        note_freed();
        seen();
    }
}

static void push(uint32_t sender, int to);
static void relay(void) {
    push(2, 0);
}

/* Answers what is asked. False: nothing is, and it is alive. */
static bool attends(tr_turn *turn, stub *it) {
    if (!(tr_load64_acquire(&it->task.control) & TR_CONTROL_REQUESTS)) {
        if (it->held) tr_turn_freeze(turn);
        return it->held;
    }
    uint64_t asked = tr_and64_seq(&it->task.control, ~(uint64_t)TR_CONTROL_REQUESTS);
    it->held = it->holds = false;
    if (asked & TR_CONTROL_STOP) seen();
    if (asked & TR_CONTROL_KILL) seen();
    return true;
}

/* Handles a message. False: it is buried. */
static bool handles(tr_turn *turn, stub *it, tr_link *link) {
    const item *message = (const item *)(const void *)link;
    turn->owed = TR_OWES_COUNT | TR_OWES_PLACE;
    ex_check(message->number == it->next[message->sender]); /* in order, none lost */
    it->next[message->sender]++;
    if (it->mortal) {
        bury(turn->task);
        return false;
    }
    it->held = it->holds;
    if (it->relays) relay();
    seen();
    return true;
}

/* As in receive.c: what is asked is looked for once a message is in hand, which then goes back. */
static void one_turn(tr_turn *turn) {
    stub *it = TR_OWNER(turn->task, stub, task);
    tr_link *link = tr_turn_first(turn);
    if (it->buried) { /* the call that its burial could not wait for */
        ex_check(!link && tr_turn_release(&sched, turn->task));
        note_freed();
        seen();
        return;
    }
    for (bool held = it->held; !turn->over; held = it->held) {
        if (!link && !held) link = tr_turn_next(turn);
        if (turn->over) return;
        bool asked = tr_load64_acquire(&it->task.control) & TR_CONTROL_REQUESTS;
        if (link && (held || asked)) {
            ex_check(tr_turn_put_first(turn, link));
            link = NULL;
        }
        if (attends(turn, it)) continue;
        if (link && !handles(turn, it, link)) return;
        link = NULL;
    }
}

void tr_task_turn(tr_turn *turn) {
    do {
        one_turn(turn);
    } while (tr_turn_goes_on(turn));
}

void tr_report_of(const tr_task *task, troupe_report_kind kind, troupe_report *report, char *path) {
    (void)task;
    (void)kind;
    (void)report;
    (void)path;
}

/* --- What threads do ---------------------------------------------------------------------------
 */

static void push(uint32_t sender, int to) {
    item *it = fresh(sender);
    tr_push pushed = tr_route_push(&sched, &actors[to].task, &it->link, true);
    ex_check(pushed == TR_PUSH_OK);
}

#define THREAD(name) static void name(void *arg __attribute__((unused)))

THREAD(worker_0) {
    (void)tr_sched_work(&workers[0]);
}
THREAD(worker_1) {
    (void)tr_sched_work(&workers[1]);
}
THREAD(post_twice) {
    push(0, 0);
    push(0, 0);
}
THREAD(post) {
    push(0, 0);
}
THREAD(post_second) {
    push(1, 0);
}
THREAD(request) {
    ex_check(tr_route_request(&sched, &actors[0].task, 1, TR_CONTROL_STOP));
}
THREAD(request_second) {
    ex_check(tr_route_request(&sched, &actors[0].task, 1, TR_CONTROL_KILL));
}
THREAD(post_relay) {
    push(1, 1);
}
THREAD(post_relay_twice) {
    push(1, 1);
    push(1, 1);
}
THREAD(settle) {
    tr_route_settle(&sched, &actors[0].task, false);
}
/* A worker that sends before it does anything else, to an actor that is at home elsewhere. */
THREAD(worker_1_sends) {
    tr_sched_me = &workers[1];
    tr_bias_return(&workers[1].bias);
    push(0, 0);
    push(0, 0);
    tr_bias_lend(&workers[1].bias);
    (void)tr_sched_work(&workers[1]);
}
THREAD(worker_0_asks_for_help) {
    tr_sched_ask_for_help(&workers[0]);
    (void)tr_sched_work(&workers[0]);
}

/* Something outside, of which a message comes at each look, and is waited for in vain if nobody
 * looks or waits. It is the thread's that leaves it, or the worker's that has it in hand. */
static tr_polled outside;
static tr_looked look_outside(tr_polled *it) {
    if (it->missed++ < 1) return TR_LOOKED_NOTHING;
    push(0, 0);
    return TR_LOOKED_LAST;
}
static void wait_outside(tr_polled *it) {
    (void)it;
    push(0, 0);
}
/* Who lingers yields, and is waited for by who does not: so this one may come before, or late. */
static void perhaps_later(void) {
    for (int i = 0; i < 4; i++) tr_thread_yield();
}
THREAD(leave_outside) {
    perhaps_later();
    if (!tr_poller_put(&sched.poller, &outside)) wait_outside(&outside);
}
/* As a net does that has brought a message. */
THREAD(post_and_leave_outside) {
    push(1, 0);
    leave_outside(NULL);
}
static void workers_look(unsigned count, uint32_t left) {
    begin(count, left);
    (void)at_home(0, 0, false);
    sched.lingers = true;
    outside = (tr_polled){.look = look_outside, .wait = wait_outside};
    tr_list_init(&outside.of_poller);
    tr_poller_open(&sched.poller);
}
static void one_looks(void) {
    workers_look(1, 1);
}
static void one_looks_twice(void) {
    workers_look(1, 2);
}
static void two_look(void) {
    workers_look(2, 1);
}

static void one_rests(void) {
    begin(1, 2);
    (void)at_home(0, 0, false);
}
static void one_rests_of_two(void) {
    begin(2, 2);
    (void)at_home(0, 0, false);
}
static void one_is_held(void) {
    begin(1, 2);
    (void)at_home(0, 0, true);
}
/* Made on a thread that is no worker, which has not settled it. */
static void one_is_made(void) {
    begin(1, 1);
    tr_route_adopt(&sched, &actors[0].task, 8, false, false);
    tr_store64_relaxed(&actors[0].task.control, UINT64_C(1) << 32);
}
static void one_is_made_for_two(void) {
    one_is_made();
    book.left = 2;
}
static void one_mortal_is_made(void) {
    one_is_made();
    actors[0].mortal = true;
}
static void one_mortal_rests(void) {
    begin(1, 1);
    (void)at_home(0, 0, false);
    actors[0].mortal = true;
}
/* A second one, which sends to the first from its home. */
static void relay_at_home(uint32_t left) {
    (void)at_home(1, 0, false);
    actors[1].relays = true;
    book.left = left;
}
static void one_rests_beside_a_relay(void) {
    one_rests();
    relay_at_home(5);
}
static void one_that_holds_beside_a_relay(void) {
    one_rests();
    actors[0].holds = true;
    relay_at_home(4);
}
static void one_mortal_beside_a_relay(void) {
    one_mortal_rests();
    relay_at_home(2);
}
static void one_is_made_beside_a_relay(void) {
    one_is_made();
    relay_at_home(2);
}
/* It waits at a worker that is taken for stuck, whether it is or not. */
static void one_waits_at_a_stuck_worker(void) {
    begin(2, 2);
    tr_task *task = at_home(0, 0, false);
    ex_check(tr_mailbox_push_home(&task->box, &fresh(1)->link, true) == TR_PUSH_OK);
    tr_worker_put(&workers[0], task, false);
    tr_store32_relaxed(&workers[0].stuck, 1);
}

/* Two wait at worker 0, with a message each. */
static void fill_queue(uint32_t left) {
    begin(2, left);
    for (int i = 0; i < 2; i++) {
        tr_task *task = at_home(i, 0, false);
        item *it = fresh((uint32_t)i + 1);
        ex_check(tr_mailbox_push_home(&task->box, &it->link, true) == TR_PUSH_OK);
        tr_worker_put(&workers[0], task, false);
    }
}
static void two_wait(void) {
    fill_queue(2);
}
static void two_wait_for_help(void) {
    fill_queue(3);
    tr_store32_relaxed(&workers[0].help, 1);
}

BOOK static void all_was_seen(void) {
    ex_check(book.left == 0);
    for (unsigned i = 0; i < sched.room; i++) ex_check(tr_load32_relaxed(&workers[i].waiting) == 0);
}

THREAD(request_late) { /* its generation may be over, or it is in time and the actor ends anyway */
    if (tr_mailbox_kick(&actors[0].task.box)) tr_worker_call(&workers[0], &actors[0].task);
}

#define M(model, begin_it, bound, ...)                                                             \
    {                                                                                              \
        .name = "actors." model, .setup = begin_it, .preemptions = bound, .finish = all_was_seen,  \
        .membarrier = true, .cap = 20000000, .thread = {                                           \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }

static const ex_model models[] = {
    M("post", one_rests, 2, worker_0, post_twice),
    M("post_two", one_rests, 2, worker_0, post, post_second),
    M("request", one_rests, 2, worker_0, request, post),
    M("held", one_is_held, 2, worker_0, request, post),
    M("held_two", one_is_held, 2, worker_0, request, request_second),
    M("relay", one_rests_beside_a_relay, 2, worker_0, post_relay_twice, post),
    M("hold", one_that_holds_beside_a_relay, 2, worker_0, post_relay, request, post),
    M("settle", one_is_made, 3, worker_0, settle, post),
    M("settle_asked", one_is_made, 3, worker_0, settle, request),
    M("settle_relay", one_is_made_beside_a_relay, 2, worker_0, settle, post_relay),
    M("settle_requested", one_is_made_for_two, 2, worker_0, settle, post, request),
    M("settle_and_end", one_mortal_is_made, 3, worker_0, settle, post),
    M("end_while_called", one_mortal_rests, 3, worker_0, post, request_late),
    M("end_relay", one_mortal_beside_a_relay, 2, worker_0, post_relay, request_late),
    M("stuck", one_waits_at_a_stuck_worker, 2, worker_0, worker_1, post),
    M("come", one_rests_of_two, 2, worker_0, worker_1_sends),
    M("steal", two_wait_for_help, 2, worker_0, worker_1, post),
    M("look", one_looks, 3, worker_0, leave_outside),
    M("look_called", one_looks_twice, 2, worker_0, post_and_leave_outside),
    M("look_two", two_look, 1, worker_0, worker_1, leave_outside),
    M("help", two_wait, 2, worker_0_asks_for_help, worker_1),
};

int main(int argc, char **argv) {
    return ex_main(argc, argv, models, sizeof models / sizeof *models);
}
