/* ls and tree. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "print.h"
#include "rows.h"
#include "show.h"
#include "table.h"

/* --- ls --------------------------------------------------------------------------------------- */

static json_t *node_json(const struct troupe_console_node *node) {
    json_t *peers = json_array();
    for (size_t i = 0; i < node->peers.count; i++) {
        const struct troupe_console_peer *peer = &node->peers.at[i];
        (void)json_array_append_new(peers, json_pack("{s:s, s:s, s:I, s:I}", "name", peer->name,
                                                     "node", hex_text(peer->node).text, "silent_ms",
                                                     (json_int_t)peer->silent_ms, "waiting",
                                                     (json_int_t)peer->waiting));
    }
    return json_pack("{s:s, s:s, s:s, s:I, s:b, s:I, s:I, s:{s:I, s:I, s:I, s:I, s:I, s:I}, s:o}",
                     "name", node->name, "version", node->version, "node",
                     hex_text(node->node).text, "up_ms", (json_int_t)node->up_ms, "may_act",
                     node->may_act, "actors", (json_int_t)node->actors, "waits",
                     (json_int_t)node->waits, "messages", "sent", (json_int_t)node->sent, "handled",
                     (json_int_t)node->handled, "returned", (json_int_t)node->returned, "forwarded",
                     (json_int_t)node->forwarded, "dead", (json_int_t)node->dead, "queued",
                     (json_int_t)node->queued, "peers", peers);
}

static void print_node(const struct troupe_console_node *node) {
    char name[TROUPE_NAME_MAX + 1];
    (void)snprintf(name, sizeof name, "%s", node->name);
    make_printable(name);
    (void)printf("node %s (%s), troupe %s, up %s, %s\n", name, hex_text(node->node).text,
                 node->version, span_text((int64_t)node->up_ms).text,
                 node->may_act ? "may be acted on" : "may only be looked at");
    (void)printf("actors %" PRIu64 ", waits %" PRIu64 "\n", node->actors, node->waits);
    (void)printf("messages: %" PRIu64 " sent = %" PRIu64 " handled + %" PRIu64
                 " returned + %" PRIu64 " forwarded + %" PRIu64 " dead + %" PRIu64 " queued\n",
                 node->sent, node->handled, node->returned, node->forwarded, node->dead,
                 node->queued);
    struct table table = {.columns = 4, .right = {false, false, true, true}};
    if (!node->peers.count) return;
    for (size_t i = 0; i < 4; i++)
        table_add(&table, "%s", (const char *[]){"PEER", "NODE", "SILENT", "WAITING"}[i]);
    for (size_t i = 0; i < node->peers.count; i++) {
        const struct troupe_console_peer *peer = &node->peers.at[i];
        table_add(&table, "%s", peer->name);
        table_add(&table, "%s", hex_text(peer->node).text);
        table_add(&table, "%s", span_text((int64_t)peer->silent_ms).text);
        table_add(&table, "%" PRIu64 " B", peer->waiting);
    }
    table_print(&table);
}

int show_node(struct session *session) {
    troupe_msg *msg =
        session_ask(session, &troupe_console_about_type, NULL, &troupe_console_node_type, 0);
    const struct troupe_console_node *node = troupe_as(msg, &troupe_console_node_type);
    if (!node) return STATUS_UNREACHED;
    if (session->options->json)
        print_json(node_json(node));
    else
        print_node(node);
    troupe_drop(&msg);
    return STATUS_OK;
}

/* --- tree ------------------------------------------------------------------------------------- */

json_t *row_json(const struct troupe_console_row *row) {
    bool there = row->who.id != 0;
    json_t *json =
        json_pack("{s:s, s:i, s:s, s:b, s:i, s:s}", "path", row->path, "depth", (int)row->depth,
                  "state", row->state, "supervisor", row->supervisor, "restarts",
                  (int)row->restarts, "why", troupe_errname((troupe_err)row->why));
    if (!there || !json) return json;
    json_t *more =
        json_pack("{s:s, s:s, s:s, s:b, s:i, s:i, s:i, s:i, s:I}", "ref", ref_text(row->who).text,
                  "behaviour", row->behaviour, "doing", row->doing, "running", row->running,
                  "lives", (int)row->lives, "waiting", (int)row->waiting, "limit", (int)row->limit,
                  "peak", (int)row->peak, "handled", (json_int_t)row->handled);
    if (more && row->oldest_ms >= 0)
        (void)json_object_set_new(more, "oldest_ms", json_integer(row->oldest_ms));
    (void)json_object_update(json, more);
    json_decref(more);
    return json;
}

static void print_json_tree(const struct rows *rows) {
    json_t *actors = json_array();
    for (size_t i = 0; i < rows->count; i++)
        (void)json_array_append_new(actors, row_json(rows->at[i]));
    print_json(json_pack("{s:o, s:I}", "actors", actors, "left_out", (json_int_t)rows->left_out));
}

static void add_row(struct table *table, const struct troupe_console_row *row) {
    const char *slash = row->depth ? strrchr(row->path, '/') : NULL;
    table_add(table, "%*s%s", (int)(2 * row->depth), "", slash ? slash + 1 : row->path);
    table_add(table, "%s", row->state);
    table_add(table, "%" PRIu32, row->restarts);
    table_add(table, "%s", row->why ? troupe_errname((troupe_err)row->why) : "");
    if (!row->who.id) {
        for (int i = 0; i < 5; i++) table_add(table, "%s", "");
        return;
    }
    table_add(table, "%" PRIu32 "/%" PRIu32, row->waiting, row->limit);
    table_add(table, "%" PRIu32, row->peak);
    table_add(table, "%" PRIu64, row->handled);
    table_add(table, "%s", row->behaviour);
    table_add(table, "%s", ref_text(row->who).text);
}

int show_tree(struct session *session) {
    static const char *const heads[] = {"ACTOR", "STATE",   "RESTARTS",  "LAST END", "MAIL",
                                        "PEAK",  "HANDLED", "BEHAVIOUR", "NUMBER"};
    struct table table = {.columns = 9,
                          .right = {false, false, true, false, true, true, true, false, false}};
    struct rows rows;
    if (!rows_get(session, &rows)) return STATUS_UNREACHED;
    if (session->options->json) {
        print_json_tree(&rows);
    } else {
        for (size_t i = 0; i < table.columns; i++) table_add(&table, "%s", heads[i]);
        for (size_t i = 0; i < rows.count; i++) add_row(&table, rows.at[i]);
        table_print(&table);
        if (rows.left_out) (void)printf("and %" PRIu64 " actors more\n", rows.left_out);
    }
    rows_free(&rows);
    return STATUS_OK;
}
