#include "actors/shutdown.h"

#include <string.h>

#include "actors/actor.h"
#include "actors/find.h"
#include "actors/report.h"
#include "actors/sim.h"
#include "actors/straggler.h"

enum { KILL_MS = 1000 };

/* --- Quiescing -------------------------------------------------------------------------------- */

static uint64_t dead_so_far(const troupe *rt, unsigned reason) {
    return tr_load64_relaxed(&rt->accounts.dead[reason]);
}

void troupe_quiesce(troupe *rt) {
    tr_lock(&rt->services_lock);
    if (!tr_load32_relaxed(&rt->quiesced)) {
        rt->quiet.since = tr_runtime_clock(rt);
        rt->quiet.timer = tr_timers_last(&rt->timers);
        for (unsigned i = 0; i < TROUPE_DEAD_KINDS; i++) rt->quiet.dead[i] = dead_so_far(rt, i);
        tr_store32_release(&rt->quiesced, 1); /* partner: tr_shutdown_refuses */
    }
    tr_unlock(&rt->services_lock);
}

bool tr_shutdown_refuses(troupe *rt) {
    if (!tr_load32_acquire(&rt->quiesced) || tr_sched_inside(&rt->sched)) return false;
    tr_account_add(&rt->quiet.refused);
    return true;
}

/* --- Draining --------------------------------------------------------------------------------- */

/* Whether nothing runs or is about to. */
static bool rests(troupe *rt) {
    tr_sched *sched = &rt->sched;
    if (sched->stepped) return !tr_sched_queued(sched, NULL);
    for (unsigned i = 0; i < sched->room; i++) {
        const tr_worker *worker = &sched->worker[i];
        if (tr_load64_relaxed(&worker->running) || tr_load32_relaxed(&worker->waiting) ||
            tr_worker_called(worker))
            return false;
    }
    tr_lock(&sched->blocking.lock);
    bool busy = sched->blocking.busy || sched->blocking.queued;
    tr_unlock(&sched->blocking.lock);
    return !busy;
}

/* Messages that have come out of mailboxes. */
static uint64_t done(const troupe *rt) {
    return tr_sched_handled(&rt->sched) + tr_load64_relaxed(&rt->accounts.died[TR_DEAD_QUEUED]);
}

/* Whether all is worked off, as far as one look tells: a message is counted before it is sent, and
 * what has been done is counted here before what was sent. `*sent` tells the next look whether
 * anything has happened in between. Timers that are due until `due` are waited for. */
static bool drained(troupe *rt, uint64_t due, uint64_t *sent) {
    uint64_t handled = done(rt);
    bool resting = rests(rt);
    *sent = tr_sched_sent(&rt->sched);
    return *sent == handled && resting && !tr_asks_wait(&rt->asks) &&
           !tr_timers_due(&rt->timers, rt->quiet.timer, due);
}

/* True: all was worked off by the deadline. */
static bool drain(troupe *rt, uint64_t deadline, uint64_t due) {
    uint64_t sent, before = TR_NEVER;
    for (;;) {
        bool all = drained(rt, due, &sent);
        if (rt->sched.stepped) {
            if (all) return true;
            if (!tr_runtime_advance(rt, deadline)) return drained(rt, due, &sent);
            continue;
        }
        if (all && sent == before) return true;
        before = all ? sent : TR_NEVER;
        uint64_t now = tr_clock();
        if (now >= deadline) return false;
        uint64_t next = now + TR_MS;
        (void)tr_futex_wait(&rt->quiesced, 1, next < deadline ? next : deadline);
    }
}

static bool quiesce_and_drain(troupe *rt, unsigned ms, uint32_t *busy) {
    uint64_t start = tr_runtime_clock(rt);
    troupe_quiesce(rt);
    *busy = 0;
    if (drain(rt, tr_after_ms(start, ms), tr_after_ms(troupe_now(rt), ms))) return true;
    *busy = tr_stragglers_name(rt, TR_LAG_MAIL, start);
    return false;
}

troupe_err troupe_drain(troupe *rt, unsigned timeout_ms, uint32_t *busy) {
    uint32_t found;
    if (tr_sched_inside(&rt->sched)) return TROUPE_INVALID;
    bool all = quiesce_and_drain(rt, timeout_ms, &found);
    if (busy) *busy = found;
    return all ? TROUPE_OK : TROUPE_TIMEOUT;
}

/* --- Stopping --------------------------------------------------------------------------------- */

/* Asks something of all actors that have one of the marks, the last place first. */
static void request_all(troupe *rt, uint32_t request, uint64_t marks) {
    for (uint32_t place = tr_load32_acquire(&rt->table.used); place-- > 0;) {
        troupe_self *self = tr_table_at(&rt->table, place);
        uint64_t control = tr_load64_acquire(&self->task.control);
        if (!(control & TR_CONTROL_VACANT) && (control & marks))
            (void)tr_route_request(&rt->sched, &self->task, (uint32_t)(control >> 32), request);
    }
}

/* Stops everybody in order. False: not all had ended by the deadline. */
static bool stop_all(troupe *rt, uint64_t deadline) {
    tr_store32_seq(&rt->closing, 1); /* partner: the second look in troupe_spawn */
    for (uint64_t id; (id = tr_table_youngest_supervisor(&rt->table));) {
        (void)troupe_stop(rt, (troupe_ref){rt->node, id});
        if (!tr_runtime_wait(rt, id, deadline)) return false;
    }
    request_all(rt, TR_CONTROL_STOP, TR_CONTROL_TOP);
    return tr_runtime_wait(rt, 0, deadline);
}

/* Stops all, from `start` on, and ends those that have not stopped until then. False: there are
 * some left. */
static bool end_all(troupe *rt, uint64_t start, uint64_t stop_by, uint64_t kill_by,
                    troupe_farewell *out) {
    out->stopped = stop_all(rt, stop_by);
    bool ended = out->stopped;
    if (!ended) {
        uint64_t given = stop_by > start ? stop_by - start : 0;
        tr_log(rt, TROUPE_WARN, "close: %zu actors did not stop within %u ms and are killed",
               tr_table_live(&rt->table), (unsigned)(given / TR_MS));
        out->late = tr_stragglers_name(rt, TR_LAG_STOP, start);
        request_all(rt, TR_CONTROL_KILL, TR_CONTROL_TOP);
        tr_asks_end(&rt->asks); /* who waits can't end */
        ended = tr_runtime_wait(rt, 0, kill_by);
    }
    /* All memory and threads are left to those who do not return. */
    if (!ended) out->left = tr_stragglers_name(rt, TR_LAG_CALL, start);
    out->stop_ms = (unsigned)((tr_runtime_clock(rt) - start) / TR_MS);
    return ended;
}

/* --- The end ---------------------------------------------------------------------------------- */

/* Nothing runs any more: what was sent must be somewhere. */
static void settle_accounts(troupe *rt) {
    tr_deads_sum_up(rt);
    tr_reports_sum_up(rt);
    troupe_account account;
    troupe_account_all(rt, &account);
    int64_t missing = troupe_account_missing(&account);
    if (!missing && !account.queued) return;
    tr_log(rt, TROUPE_ERROR, "close: of %llu messages %lld are not accounted for, %llu are queued",
           (unsigned long long)account.sent, (long long)missing,
           (unsigned long long)account.queued);
    TR_ASSERT(!missing && !account.queued);
}

/* What there was since it took no new work. */
static void say_farewell(const troupe *rt, troupe_farewell *out) {
    out->refused = tr_load64_relaxed(&rt->quiet.refused);
    for (unsigned i = 0; i < TROUPE_DEAD_KINDS; i++)
        out->dead[i] = dead_so_far(rt, i) - rt->quiet.dead[i];
}

/* Gives everything back once all actors have ended. False: some of it is in use for ever. */
static bool finish(troupe *rt, troupe_farewell *out) {
    tr_port *port = tr_runtime_port(rt);
    say_farewell(rt, out);
    if (port && !port->ops->close(port)) return false; /* it has said why */
    for (tr_service *service; (service = rt->services);) {
        rt->services = service->next;
        service->close(service);
    }
    tr_timers_end(&rt->timers);
    tr_sched_end(&rt->sched);
    tr_teller_end(&rt->teller);
    settle_accounts(rt);
    say_farewell(rt, out);
    if (rt->sim) tr_sim_left(rt->sim, rt);
    tr_runtime_free(rt);
    return true;
}

uint64_t tr_port_deadline(const troupe *rt) {
    return rt->quiet.deadline ? rt->quiet.deadline : TR_NEVER;
}

void tr_port_crash(troupe **it) {
    troupe *rt = *it;
    troupe_farewell unsaid;
    *it = NULL;
    rt->config.quiet = TROUPE_ERROR; /* who is dead says nothing */
    rt->config.dead_letter = NULL;
    tr_store32_seq(&rt->closing, 1);
    request_all(rt, TR_CONTROL_KILL, ~UINT64_C(0));
    TR_CHECK(tr_runtime_wait(rt, 0, TR_NEVER));
    (void)finish(rt, &unsaid);
}

void troupe_close(troupe **it) {
    troupe *rt = *it;
    troupe_farewell unsaid;
    if (!rt) return;
    *it = NULL;
    uint64_t start = tr_runtime_clock(rt), stop_by = tr_after_ms(start, rt->config.close_ms);
    uint64_t kill_by = tr_after_ms(stop_by, KILL_MS);
    if (end_all(rt, start, stop_by, kill_by, &unsaid)) (void)finish(rt, &unsaid);
}

/* How long draining may take of so many milliseconds. */
static unsigned drain_share(unsigned within_ms, unsigned drain_ms) {
    unsigned most = within_ms - within_ms / 4;
    if (!drain_ms) return within_ms / 2;
    return drain_ms < most ? drain_ms : most;
}

troupe_err troupe_shutdown(troupe **it, unsigned within_ms, unsigned drain_ms,
                           troupe_farewell *out) {
    troupe *rt = *it;
    troupe_farewell unread;
    if (!rt || within_ms == ~0u || tr_sched_inside(&rt->sched)) return TROUPE_INVALID;
    if (!out) out = &unread;
    *out = (troupe_farewell){.drained = false};
    *it = NULL;
    if (!within_ms) within_ms = rt->config.close_ms;
    uint64_t start = tr_runtime_clock(rt), deadline = tr_after_ms(start, within_ms);
    rt->quiet.deadline = deadline;
    out->drained = quiesce_and_drain(rt, drain_share(within_ms, drain_ms), &out->busy);
    uint64_t now = tr_runtime_clock(rt);
    out->drain_ms = (unsigned)((now - start) / TR_MS);
    uint64_t kill_ns = within_ms * TR_MS / 8;
    if (kill_ns > KILL_MS * TR_MS) kill_ns = KILL_MS * TR_MS;
    out->ended = end_all(rt, now, deadline - kill_ns, deadline, out);
    if (out->ended)
        out->ended = finish(rt, out);
    else
        say_farewell(rt, out);
    return out->drained && out->stopped ? TROUPE_OK : TROUPE_TIMEOUT;
}
