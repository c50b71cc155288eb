/* jansson: messages as JSON text. It reads into a tree, in which a field is then looked up. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "contenders.h"

static char *text[MESSAGES];

/* --- Encoding --------------------------------------------------------------------------------- */

static void dump(int which, json_t *root) {
    free(text[which]);
    text[which] = json_dumps(root, JSON_COMPACT);
    if (!text[which]) exit(1);
    json_decref(root);
}

static void dump_quote(void) {
    const struct quote *from = quote_at;
    dump(QUOTE, json_pack("[I,i,f,b,s]", (json_int_t)from->id, from->change, from->price,
                          from->open, from->name));
}

static void dump_order(void) {
    const struct order *from = order_at;
    json_t *list = json_array();
    for (size_t i = 0; i < from->lines.count; i++) {
        const struct line *line = &from->lines.at[i];
        json_array_append_new(list, json_pack("[s,I,f,s]", line->article, (json_int_t)line->number,
                                              line->price, line->note));
    }
    dump(ORDER, json_pack("[I,s,o]", (json_int_t)from->id, from->customer, list));
}

static json_t *json_of_shape(const struct shape *shape) {
    if (shape->what == CIRCLE) return json_pack("[i,f]", CIRCLE, shape->radius);
    if (shape->what == LABEL) return json_pack("[i,s]", LABEL, shape->label);
    if (shape->what == DOT) return json_pack("[i,n]", DOT);
    return json_pack("[i,[i,i]]", CORNER, shape->corner.x, shape->corner.y);
}

static void dump_drawing(void) {
    const struct drawing *from = drawing_at;
    json_t *list = json_array();
    for (size_t i = 0; i < from->shapes.count; i++)
        json_array_append_new(list, json_of_shape(&from->shapes.at[i]));
    dump(DRAWING, json_pack("[o]", list));
}

static json_t *json_of_any(const troupe_any *any) {
    if (any->is == TROUPE_IS_TEXT) return json_string(any->text);
    if (any->is == TROUPE_IS_I64) return json_integer(any->i64);
    if (any->is == TROUPE_IS_F64) return json_real(any->f64);
    return json_boolean(any->truth);
}

static void dump_settings(void) {
    const struct settings *from = settings_at;
    json_t *all = json_object();
    for (size_t i = 0; i < from->all.count; i++)
        json_object_set_new(all, from->all.at[i].key, json_of_any(&from->all.at[i].value));
    dump(SETTINGS, json_pack("[s,o]", from->name, all));
}

/* --- Decoding --------------------------------------------------------------------------------- */

static json_t *load(int which) {
    json_t *root = json_loads(text[which], 0, NULL);
    if (!root) exit(1);
    return root;
}

static void load_quote(void) {
    json_t *root = load(QUOTE);
    sum += json_real_value(json_array_get(root, 2));
    json_decref(root);
}

static void load_order(void) {
    json_t *root = load(ORDER);
    const json_t *last = json_array_get(json_array_get(root, 2), LINES - 1);
    sum += json_real_value(json_array_get(last, 2));
    json_decref(root);
}

static void load_drawing(void) {
    json_t *root = load(DRAWING);
    const json_t *circle = json_array_get(json_array_get(root, 0), 1);
    sum += json_real_value(json_array_get(circle, 1));
    json_decref(root);
}

static void load_settings(void) {
    json_t *root = load(SETTINGS);
    const json_t *all = json_array_get(root, 1);
    sum += (double)json_integer_value(json_object_get(all, "retries"));
    json_decref(root);
}

/* --- All of it -------------------------------------------------------------------------------- */

static void prepare(void) {
    for (int i = 0; i < MESSAGES; i++) {
        json.encode[i]();
        json.size[i] = strlen(text[i]);
    }
}

contender json = {
    "jansson",
    {dump_quote, dump_order, dump_drawing, dump_settings},
    {load_quote, load_order, load_drawing, load_settings},
    prepare,
    {0},
};
