/* The console: an actor that answers what tools ask. */
#include <troupe/console.h>
#include <troupe/observe.h>
#include <troupe/troupe.h>

#include <stdio.h>
#include <string.h>

#include "serial/fill.h"
#include "transport/census.h"
#include "transport/node.h"

enum {
    KEPT = 4,         /* censuses of which more pages may be asked for */
    CENSUS_MS = 3000, /* how long the supervisors may take for one, all together */
    FIND_MS = 3000,
    STOP_MS = 4000,
    ASK_MOST = 5000,
    PEERS = 64, /* that are told of */
    TEXT = 1024 /* of an answer */
};

/* --- Types ------------------------------------------------------------------------------------ */

#define NAME(what) "troupe.console." what

const troupe_type troupe_console_about_type = TROUPE_SIGNAL_TYPE(NAME("about"));

static const troupe_type peer_type = TROUPE_NAMED_TYPE(
    NAME("peer"), troupe_console_peer, TROUPE_FIELD(troupe_console_peer, name),
    TROUPE_FIELD(troupe_console_peer, node), TROUPE_FIELD(troupe_console_peer, silent_ms),
    TROUPE_FIELD(troupe_console_peer, waiting));

const troupe_type troupe_console_node_type = TROUPE_NAMED_TYPE(
    NAME("node"), troupe_console_node, TROUPE_FIELD(troupe_console_node, name),
    TROUPE_FIELD(troupe_console_node, version), TROUPE_FIELD(troupe_console_node, node),
    TROUPE_FIELD(troupe_console_node, up_ms), TROUPE_FIELD(troupe_console_node, actors),
    TROUPE_FIELD(troupe_console_node, waits), TROUPE_FIELD(troupe_console_node, sent),
    TROUPE_FIELD(troupe_console_node, handled), TROUPE_FIELD(troupe_console_node, returned),
    TROUPE_FIELD(troupe_console_node, forwarded), TROUPE_FIELD(troupe_console_node, dead),
    TROUPE_FIELD(troupe_console_node, queued), TROUPE_FIELD(troupe_console_node, may_act),
    TROUPE_LIST_OF(troupe_console_node, peers, &peer_type));

const troupe_type troupe_console_list_type = TROUPE_NAMED_TYPE(
    NAME("list"), troupe_console_list, TROUPE_FIELD(troupe_console_list, snapshot),
    TROUPE_FIELD(troupe_console_list, from));

static const troupe_type row_type = TROUPE_NAMED_TYPE(
    NAME("row"), troupe_console_row, TROUPE_FIELD(troupe_console_row, path),
    TROUPE_FIELD(troupe_console_row, who), TROUPE_FIELD(troupe_console_row, depth),
    TROUPE_FIELD(troupe_console_row, state), TROUPE_FIELD(troupe_console_row, behaviour),
    TROUPE_FIELD(troupe_console_row, doing), TROUPE_FIELD(troupe_console_row, supervisor),
    TROUPE_FIELD(troupe_console_row, running), TROUPE_FIELD(troupe_console_row, restarts),
    TROUPE_FIELD(troupe_console_row, why), TROUPE_FIELD(troupe_console_row, lives),
    TROUPE_FIELD(troupe_console_row, waiting), TROUPE_FIELD(troupe_console_row, limit),
    TROUPE_FIELD(troupe_console_row, peak), TROUPE_FIELD(troupe_console_row, handled),
    TROUPE_FIELD(troupe_console_row, oldest_ms));

const troupe_type troupe_console_page_type = TROUPE_NAMED_TYPE(
    NAME("page"), troupe_console_page, TROUPE_FIELD(troupe_console_page, snapshot),
    TROUPE_FIELD(troupe_console_page, at_ms), TROUPE_FIELD(troupe_console_page, from),
    TROUPE_FIELD(troupe_console_page, total), TROUPE_FIELD(troupe_console_page, left_out),
    TROUPE_FIELD(troupe_console_page, err), TROUPE_LIST_OF(troupe_console_page, rows, &row_type));

const troupe_type troupe_console_send_type = TROUPE_NAMED_TYPE(
    NAME("send"), troupe_console_send, TROUPE_FIELD(troupe_console_send, path),
    TROUPE_FIELD(troupe_console_send, type), TROUPE_FIELD(troupe_console_send, fields),
    TROUPE_FIELD(troupe_console_send, ask_ms));

const troupe_type troupe_console_stop_type = TROUPE_NAMED_TYPE(
    NAME("stop"), troupe_console_stop, TROUPE_FIELD(troupe_console_stop, path),
    TROUPE_FIELD(troupe_console_stop, terminate), TROUPE_FIELD(troupe_console_stop, kill));

const troupe_type troupe_console_done_type =
    TROUPE_NAMED_TYPE(NAME("done"), troupe_console_done, TROUPE_FIELD(troupe_console_done, err),
                      TROUPE_FIELD(troupe_console_done, text));

/* --- The actor -------------------------------------------------------------------------------- */

/* A census of which more pages may be asked for; its number is that of its request, 0: none. */
typedef struct kept {
    uint64_t number, at_ms;
    tr_census census;
} kept;

typedef struct console {
    troupe_node *node;
    bool may_act;
    uint64_t opened, numbers;
    kept kept[KEPT];
} console;

/* Who asks may be gone, or slow: that is its own affair. */
static void answer(troupe_self *self, const troupe_type *type, const void *body) {
    troupe_err err = troupe_answer(self, type, body);
    if (err) tr_port_ask_failed(troupe_runtime(self), troupe_sender(self), err);
}

static void done(troupe_self *self, troupe_err err, const char *text) {
    const struct troupe_console_done body = {(uint32_t)err, text};
    answer(self, &troupe_console_done_type, &body);
}

/* --- About the node --------------------------------------------------------------------------- */

static uint64_t count_actors(troupe *rt) {
    troupe_ref page[64];
    uint32_t from = 0;
    uint64_t all = 0;
    for (size_t count; (count = troupe_actors(rt, &from, page, 64));) all += count;
    return all;
}

static void tell_about(troupe_self *self, console *c) {
    troupe *rt = troupe_runtime(self);
    troupe_peer peer[PEERS];
    struct troupe_console_peer told[PEERS];
    troupe_account sum;
    size_t peers = troupe_peers(c->node, peer, PEERS);
    if (peers > PEERS) peers = PEERS;
    for (size_t i = 0; i < peers; i++)
        told[i] = (struct troupe_console_peer){peer[i].name, peer[i].node, peer[i].silent_ms,
                                               peer[i].waiting};
    troupe_account_all(rt, &sum);
    struct troupe_console_node body = {.name = c->node->me.name,
                                       .version = TROUPE_VERSION,
                                       .node = tr_port_node(rt),
                                       .up_ms = (troupe_now(rt) - c->opened) / TR_MS,
                                       .actors = count_actors(rt),
                                       .waits = troupe_waits(rt, NULL, 0),
                                       .sent = sum.sent,
                                       .handled = sum.handled,
                                       .returned = sum.returned,
                                       .forwarded = sum.forwarded,
                                       .queued = sum.queued,
                                       .may_act = c->may_act};
    for (unsigned i = 0; i < TROUPE_DEAD_KINDS; i++) body.dead += sum.dead[i];
    body.peers.at = told;
    body.peers.count = peers;
    answer(self, &troupe_console_node_type, &body);
}

/* --- Lists ------------------------------------------------------------------------------------ */

static void forget(kept *k) {
    if (k->number) tr_census_free(&k->census);
    *k = (kept){0};
}

/* Takes a census, in place of the oldest that is kept. */
static troupe_err take(troupe_self *self, console *c, kept **out) {
    troupe *rt = troupe_runtime(self);
    kept *oldest = &c->kept[0];
    for (size_t i = 1; i < KEPT; i++)
        if (c->kept[i].number < oldest->number) oldest = &c->kept[i];
    forget(oldest);
    troupe_err err = tr_census_take(rt, tr_port_heap(rt), CENSUS_MS, &oldest->census);
    if (err) return err;
    oldest->number = ++c->numbers;
    oldest->at_ms = troupe_now(rt) / TR_MS;
    *out = oldest;
    return TROUPE_OK;
}

static kept *find_kept(console *c, uint64_t number) {
    for (size_t i = 0; i < KEPT; i++)
        if (c->kept[i].number == number) return &c->kept[i];
    return NULL;
}

static struct troupe_console_row row_of(const tr_census_row *row) {
    const troupe_actor_info *info = &row->info;
    return (struct troupe_console_row){.path = info->path,
                                       .who = info->who,
                                       .depth = row->depth,
                                       .state = tr_census_state(row),
                                       .behaviour = info->behaviour,
                                       .doing = info->doing,
                                       .supervisor = info->supervisor,
                                       .running = info->running,
                                       .restarts = row->restarts,
                                       .why = (uint32_t)row->why,
                                       .lives = info->lives,
                                       .waiting = info->waiting,
                                       .limit = info->limit,
                                       .peak = info->peak,
                                       .handled = info->handled,
                                       .oldest_ms = info->oldest_ms};
}

static void tell_page(troupe_self *self, console *c, const struct troupe_console_list *list) {
    struct troupe_console_row row[TROUPE_CONSOLE_ROWS];
    struct troupe_console_page body = {.snapshot = list->snapshot, .from = list->from};
    kept *k = list->snapshot ? find_kept(c, list->snapshot) : NULL;
    body.err = list->snapshot && !k ? TROUPE_GONE : TROUPE_OK;
    if (!list->snapshot) body.err = (uint32_t)take(self, c, &k);
    size_t count = 0;
    if (k) {
        const tr_census *census = &k->census;
        for (size_t i = list->from; i < census->rows && count < TROUPE_CONSOLE_ROWS; i++)
            row[count++] = row_of(&census->row[i]);
        body.snapshot = k->number;
        body.at_ms = k->at_ms;
        body.total = (uint32_t)census->rows;
        body.left_out = census->left_out;
        body.rows.at = row;
        body.rows.count = count;
    }
    answer(self, &troupe_console_page_type, &body);
    if (k && list->from + count >= k->census.rows) forget(k); /* that was the last page */
}

/* --- Acts ------------------------------------------------------------------------------------- */

/* Sends it, or asks, and writes the answer. */
static troupe_err send_it(troupe *rt, troupe_ref who, troupe_msg **msg, unsigned ask_ms, char *text,
                          size_t room) {
    if (!ask_ms) return troupe_post(rt, who, msg);
    troupe_err err = troupe_ask(rt, who, msg, ask_ms < ASK_MOST ? ask_ms : ASK_MOST);
    if (!err) (void)troupe_print(*msg, text, room);
    return err;
}

static void do_send(troupe_self *self, const struct troupe_console_send *send) {
    troupe *rt = troupe_runtime(self);
    tr_found found;
    char text[TEXT] = "";
    troupe_msg *msg = NULL;
    troupe_err err = tr_census_find(rt, send->path, FIND_MS, &found, text, sizeof text);
    const troupe_type *type = err ? NULL : tr_types_named(tr_port_types(rt), send->type);
    if (!err && !type) {
        err = TROUPE_UNKNOWN_TYPE;
        (void)snprintf(text, sizeof text, "no type %s is registered there", send->type);
    }
    if (!err && troupe_same(found.who, troupe_me(self))) err = TROUPE_SELF;
    if (!err)
        err = tr_fill(tr_port_pool(rt), tr_port_heap(rt), type, &send->fields, &msg, text,
                      sizeof text);
    if (!err) err = send_it(rt, found.who, &msg, send->ask_ms, text, sizeof text);
    troupe_drop(&msg);
    done(self, err, text);
}

static troupe_err terminate(troupe *rt, const tr_found *found) {
    if (troupe_same(found->parent, TROUPE_NOBODY)) return TROUPE_INVALID;
    troupe_err err = troupe_terminate_child(rt, found->parent, found->id, STOP_MS);
    if (err != TROUPE_INVALID) return err;
    return troupe_terminate_dynamic_child(rt, found->parent, found->who, STOP_MS);
}

static void do_stop(troupe_self *self, const struct troupe_console_stop *stop) {
    troupe *rt = troupe_runtime(self);
    tr_found found;
    char text[TEXT] = "";
    troupe_err err = tr_census_find(rt, stop->path, FIND_MS, &found, text, sizeof text);
    if (!err && stop->terminate && troupe_same(found.parent, TROUPE_NOBODY))
        (void)snprintf(text, sizeof text, "%s has no supervisor that could terminate it",
                       stop->path);
    if (!err && stop->terminate)
        err = terminate(rt, &found);
    else if (!err)
        err = stop->kill ? troupe_kill(rt, found.who) : troupe_stop(rt, found.who);
    done(self, err, text);
}

/* --- Its life --------------------------------------------------------------------------------- */

/* However it ends. */
static void forget_all(void *arg) {
    console *c = arg;
    for (size_t i = 0; i < KEPT; i++) forget(&c->kept[i]);
}

static troupe_err console_start(troupe_self *self, void *state, const void *arg) {
    console *c = state;
    *c = *(const console *)arg;
    c->opened = troupe_now(troupe_runtime(self));
    return troupe_defer(self, forget_all, c);
}

static troupe_err console_receive(troupe_self *self, void *state, troupe_msg **msg) {
    console *c = state;
    const struct troupe_console_list *list = troupe_as(*msg, &troupe_console_list_type);
    const struct troupe_console_send *send = troupe_as(*msg, &troupe_console_send_type);
    const struct troupe_console_stop *stop = troupe_as(*msg, &troupe_console_stop_type);
    if (troupe_as(*msg, &troupe_console_about_type)) tell_about(self, c);
    if (list) tell_page(self, c, list);
    if ((send || stop) && !c->may_act)
        done(self, TROUPE_REFUSED, "this console may only look");
    else if (send)
        do_send(self, send);
    else if (stop)
        do_stop(self, stop);
    return TROUPE_OK;
}

static const troupe_behaviour console_behaviour = {.name = TROUPE_CONSOLE_NAME,
                                                   .state_size = sizeof(console),
                                                   .mailbox_limit = 16,
                                                   .blocking = true,
                                                   .start = console_start,
                                                   .receive = console_receive};

static troupe_err register_types(troupe *rt) {
    static const troupe_type *const types[] = {&troupe_console_about_type,
                                               &troupe_console_list_type, &troupe_console_send_type,
                                               &troupe_console_stop_type};
    troupe_err err = TROUPE_OK;
    for (size_t i = 0; i < sizeof types / sizeof *types && !err; i++)
        err = troupe_register_type(rt, types[i]);
    return err;
}

troupe_err troupe_console_open(troupe_node *node, troupe_console_right right) {
    if (right != TROUPE_CONSOLE_LOOK && right != TROUPE_CONSOLE_ACT) return TROUPE_INVALID;
    const console arg = {.node = node, .may_act = right == TROUPE_CONSOLE_ACT};
    troupe *rt = node->rt;
    troupe_ref who;
    if (troupe_whereis(rt, TROUPE_CONSOLE_NAME, &who) == TROUPE_OK) return TROUPE_TAKEN;
    troupe_err err = register_types(rt);
    if (!err) err = troupe_spawn(rt, &console_behaviour, &arg, &who);
    if (err) return err;
    err = troupe_register(rt, who, TROUPE_CONSOLE_NAME);
    if (err) (void)troupe_kill(rt, who);
    return err;
}
