#include "actors/find.h"
#include "actors/port.h"

#include <stdarg.h>
#include <stdio.h>

#include "actors/parcel.h"
#include "actors/report.h"
#include "actors/send.h"
#include "actors/shutdown.h"
#include "actors/turn.h"

troupe_err tr_port_attach(troupe *rt, tr_port *port) {
    tr_lock(&rt->services_lock);
    bool taken = tr_load64_relaxed(&rt->port) != 0;
    /* Release pairs with the acquire in tr_runtime_port: who finds the port finds it complete. */
    if (!taken) tr_store64_release(&rt->port, (uint64_t)(uintptr_t)port);
    tr_unlock(&rt->services_lock);
    return taken ? TROUPE_TAKEN : TROUPE_OK;
}

tr_port *tr_runtime_port(troupe *rt) {
    return (tr_port *)(uintptr_t)tr_load64_acquire(&rt->port);
}

/* The runner thinks after this callback, then: it settles. */
bool tr_port_defer(troupe *rt) {
    tr_worker *worker = tr_sched_mine(&rt->sched);
    if (!worker || !worker->turn || rt->sched.stepped) return false;
    tr_store32_relaxed(&worker->defers, 1);
    tr_store64_relaxed(&worker->pace.stop_at, 0);
    return true;
}

void tr_task_settle(troupe *rt, bool idle) {
    tr_port *port = tr_runtime_port(rt);
    port->ops->settle(port, idle);
}

void tr_task_hurry(troupe *rt) {
    tr_port *port = tr_runtime_port(rt);
    port->ops->hurry(port);
}

bool tr_port_poll(troupe *rt, tr_polled *it) {
    return tr_poller_put(&rt->sched.poller, it);
}

tr_service *tr_port_service(troupe *rt, const void *key, tr_service *(*make)(troupe *rt)) {
    tr_lock(&rt->services_lock);
    tr_service *service = rt->services;
    while (service && service->key != key) service = service->next;
    if (!service && (service = make(rt))) {
        service->key = key;
        service->next = rt->services;
        rt->services = service;
    }
    tr_unlock(&rt->services_lock);
    return service;
}

troupe_err tr_port_deliver(troupe *rt, troupe_ref from, troupe_ref to, unsigned how,
                           troupe_msg **msg) {
    if (to.node != rt->node) return TROUPE_GONE;
    if ((*msg)->type == &tr_parcel_type) return tr_parcel_deliver(rt, how, msg);
    return tr_send(rt, from, to, how, msg);
}

void tr_port_drop(const troupe *rt, troupe_msg **msg) {
    if (*msg) tr_parcel_unwrap(rt, msg);
    troupe_drop(msg);
}

void tr_port_address(troupe *rt, troupe_ref from, troupe_ref to, unsigned how, troupe_msg *msg) {
    tr_send_address(rt, from, to.id, how, msg);
}

bool tr_port_deliver_list(troupe *rt, troupe_ref to, troupe_msg *newest, troupe_msg *oldest,
                          uint32_t count) {
    return to.node == rt->node && tr_send_list(rt, to, newest, oldest, count);
}

tr_port *tr_port_of(troupe *rt) {
    return tr_runtime_port(rt);
}

bool tr_port_want_room(troupe *rt, troupe_ref who) {
    troupe_self *self = who.node == rt->node ? tr_table_find(&rt->table, who.id) : NULL;
    return self && tr_route_want(&rt->sched, &self->task);
}

void tr_port_has_room(troupe *rt, troupe_ref who, troupe_err why) {
    if (who.id)
        tr_rooms_tell(rt, who, why);
    else
        tr_rooms_tell_node(rt, who.node, why);
}

void tr_port_dead(troupe *rt, troupe_ref from, troupe_ref to, unsigned how, troupe_msg **msg,
                  troupe_err why) {
    tr_msg_set_sender(*msg, rt->node, from);
    if (how & TR_SEND_ASK) (*msg)->flags |= TR_MSG_ASK;
    const bool ended = why == TROUPE_GONE && (how & TR_SEND_ASK);
    tr_dead_letter(rt, to, msg, TR_DEAD_OUTSIDE, tr_dead_reason(to, why),
                   ended ? tr_send_ended(rt, to) : why);
}

troupe_err tr_port_ended(troupe *rt, troupe_ref who) {
    return tr_send_ended(rt, who);
}

void tr_port_unsent(troupe *rt, troupe_ref from, troupe_ref to, troupe_msg **msg, troupe_err why) {
    (void)tr_add64_relaxed(&rt->accounts.forwarded, UINT64_MAX); /* one less */
    tr_port_dead(rt, from, to, 0, msg, why);
}

bool tr_port_is_asker(troupe_ref ref) {
    return tr_ask_id(ref.id);
}

void tr_port_ask_failed(troupe *rt, troupe_ref asker, troupe_err why) {
    tr_ask_fail(&rt->asks, asker.id, why);
}

uint64_t tr_port_node(const troupe *rt) {
    return rt->node;
}

const tr_pool *tr_port_pool(const troupe *rt) {
    return &rt->pool;
}

const troupe_heap *tr_port_heap(const troupe *rt) {
    return rt->heap;
}

tr_types *tr_port_types(troupe *rt) {
    return &rt->types;
}

bool tr_port_stepped(const troupe *rt) {
    return rt->sched.stepped;
}

uint64_t tr_port_clock(const troupe *rt) {
    return tr_runtime_clock(rt);
}

bool tr_port_refuses(troupe *rt) {
    return tr_shutdown_refuses(rt);
}

void tr_port_trouble(troupe *rt, const tr_trouble *trouble, const char *format, ...) {
    char line[900];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    troupe_report report = tr_report_blank(TROUPE_REPORT_PEER, TROUPE_WARN);
    report.path = trouble->peer;
    report.behaviour = "node";
    report.why = trouble->why;
    report.text = trouble->text;
    report.next = trouble->next;
    report.hint = troupe_hint(trouble->why);
    tr_report_tell(rt, &report, "%s", line);
}

void tr_port_log(troupe *rt, troupe_level level, const char *format, ...) {
    char line[900];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    tr_log(rt, level, "%s", line);
}
