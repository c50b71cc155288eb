/* send and stop. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <troupe/build.h>

#include "print.h"
#include "show.h"
#include "table.h"

enum { ASK_MS = 3000 };

/* --- What is sent ----------------------------------------------------------------------------- */

/* Puts a value of JSON, where `key` NULL is for one in a list. */
static void put(troupe_builder *b, const char *key, const json_t *json) {
    const char *name;
    json_t *value;
    size_t i;
    switch (json_typeof(json)) {
    case JSON_NULL:
        troupe_put_nil(b, key);
        return;
    case JSON_TRUE:
        troupe_put_bool(b, key, true);
        return;
    case JSON_FALSE:
        troupe_put_bool(b, key, false);
        return;
    case JSON_INTEGER:
        troupe_put_i64(b, key, json_integer_value(json));
        return;
    case JSON_REAL:
        troupe_put_f64(b, key, json_real_value(json));
        return;
    case JSON_STRING:
        troupe_put_text(b, key, json_string_value(json));
        return;
    case JSON_ARRAY:
        troupe_put_list(b, key);
        json_array_foreach(json, i, value) put(b, NULL, value);
        break;
    case JSON_OBJECT:
        troupe_put_map(b, key);
        for (void *at = json_object_iter((json_t *)(uintptr_t)json); at;
             at = json_object_iter_next((json_t *)(uintptr_t)json, at)) {
            name = json_object_iter_key(at);
            put(b, name, json_object_iter_value(at));
        }
        break;
    }
    troupe_put_end(b);
}

/* One JSON object is all fields. NULL: standard error was told why. */
static json_t *parse_object(const char *text) {
    json_error_t wrong;
    json_t *all = json_loads(text, JSON_REJECT_DUPLICATES, &wrong);
    if (!all)
        complain("not JSON, at column %d: %s", wrong.column, wrong.text);
    else if (!json_is_object(all))
        complain("not a JSON object: {\"field\": value}");
    if (json_is_object(all)) return all;
    json_decref(all);
    return NULL;
}

/* key=value: JSON if it can be that, or else a text. False: standard error was told why. */
static bool add_pair(json_t *all, const char *pair) {
    const char *equals = strchr(pair, '=');
    if (!equals || equals == pair) {
        complain("not key=value: %s", pair);
        return false;
    }
    char *key = strndup(pair, (size_t)(equals - pair));
    json_t *value = json_loads(equals + 1, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
    if (!value) value = json_string(equals + 1);
    bool twice = key && json_object_get(all, key);
    bool ok = key && value && !twice && json_object_set(all, key, value) == 0;
    if (twice)
        complain("%s is said twice", key);
    else if (!ok)
        complain("not a text in UTF-8: %s", pair);
    json_decref(value);
    free(key);
    return ok;
}

static json_t *parse_fields(const struct options *options) {
    if (options->fields == 1 && options->field[0][0] == '{') return parse_object(options->field[0]);
    json_t *all = json_object();
    for (int i = 0; i < options->fields; i++) {
        if (add_pair(all, options->field[i])) continue;
        json_decref(all);
        return NULL;
    }
    return all;
}

/* --- What comes of it ------------------------------------------------------------------------- */

/* Tells it; the status to exit with. */
static int tell(struct session *session, const struct troupe_console_done *done) {
    const struct options *options = session->options;
    const troupe_err err = (troupe_err)done->err;
    const char *text = err && !*done->text ? troupe_strerror(err) : done->text;
    char *clean = strdup(text);
    if (clean) make_printable(clean);
    if (options->json)
        print_json(json_pack("{s:s, s:s}", "error", troupe_errname(err), err ? "text" : "answer",
                             text));
    else if (!clean)
        complain("out of memory");
    else if (err)
        complain("%s: %s", options->path, clean);
    else if (*clean)
        (void)printf("%s\n", clean);
    free(clean);
    return err ? STATUS_REFUSED : STATUS_OK;
}

static int ask(struct session *session, const troupe_type *type, const void *body) {
    troupe_msg *msg = session_ask(session, type, body, &troupe_console_done_type, ASK_MS);
    const struct troupe_console_done *done = troupe_as(msg, &troupe_console_done_type);
    int status = done ? tell(session, done) : STATUS_UNREACHED;
    troupe_drop(&msg);
    return status;
}

int act_send(struct session *session) {
    const struct options *options = session->options;
    json_t *all = parse_fields(options);
    if (!all) return STATUS_USAGE;
    troupe_builder *b = troupe_build(session->rt);
    struct troupe_console_send send = {.path = options->path, .type = options->type};
    if (options->ask) send.ask_ms = ASK_MS;
    troupe_build_map(b, &send.fields);
    for (void *at = json_object_iter(all); at; at = json_object_iter_next(all, at))
        put(b, json_object_iter_key(at), json_object_iter_value(at));
    troupe_put_end(b);
    troupe_err err = troupe_build_error(b);
    if (err) complain("can't send that: %s", troupe_strerror(err));
    int status = err ? STATUS_USAGE : ask(session, &troupe_console_send_type, &send);
    troupe_build_drop(&b);
    json_decref(all);
    return status;
}

int act_stop(struct session *session) {
    const struct options *options = session->options;
    const struct troupe_console_stop stop = {options->path, options->terminate, options->kill};
    return ask(session, &troupe_console_stop_type, &stop);
}
