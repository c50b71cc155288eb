/* protobuf-c, by the code that protoc-c makes of messages.proto. Its structs are filled in once,
 * for who uses it has its messages in them; a buffer is as large as it is said to need. Its texts
 * are not judged, neither way. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "contenders.h"
#include "messages.pb-c.h"

/* --- The messages ----------------------------------------------------------------------------- */

static Bench__Quote quote = BENCH__QUOTE__INIT;
static Bench__Line line[LINES];
static Bench__Line *line_at[LINES];
static Bench__Order order = BENCH__ORDER__INIT;
static Bench__Point corner[SHAPES];
static Bench__Shape shape[SHAPES];
static Bench__Shape *shape_at[SHAPES];
static Bench__Drawing drawing = BENCH__DRAWING__INIT;
static Bench__Value value[KEYS];
static Bench__Entry entry[KEYS];
static Bench__Entry *entry_at[KEYS];
static Bench__Settings settings = BENCH__SETTINGS__INIT;

static uint8_t packed[MESSAGES][ROOM];

/* It has no const, but writes to no text. */
static char *text_of(const char *text) {
    return (char *)(uintptr_t)text;
}

static void fill_quote(void) {
    const struct quote *from = quote_at;
    quote.id = from->id;
    quote.change = from->change;
    quote.price = from->price;
    quote.open = from->open;
    quote.name = text_of(from->name);
}

static void fill_order(void) {
    const struct order *from = order_at;
    for (size_t i = 0; i < LINES; i++) {
        line_at[i] = &line[i];
        bench__line__init(line_at[i]);
        line[i].article = text_of(from->lines.at[i].article);
        line[i].number = from->lines.at[i].number;
        line[i].price = from->lines.at[i].price;
        line[i].note = text_of(from->lines.at[i].note);
    }
    order.id = from->id;
    order.customer = text_of(from->customer);
    order.n_lines = LINES;
    order.lines = line_at;
}

static void fill_drawing(void) {
    for (size_t i = 0; i < SHAPES; i++) {
        const struct shape *from = &drawing_at->shapes.at[i];
        shape_at[i] = &shape[i];
        bench__shape__init(shape_at[i]);
        bench__point__init(&corner[i]);
        if (from->what == DOT) {
            shape[i].what_case = BENCH__SHAPE__WHAT_DOT;
        } else if (from->what == CIRCLE) {
            shape[i].what_case = BENCH__SHAPE__WHAT_RADIUS;
            shape[i].radius = from->radius;
        } else if (from->what == LABEL) {
            shape[i].what_case = BENCH__SHAPE__WHAT_LABEL;
            shape[i].label = text_of(from->label);
        } else {
            shape[i].what_case = BENCH__SHAPE__WHAT_CORNER;
            shape[i].corner = &corner[i];
            corner[i].x = from->corner.x;
            corner[i].y = from->corner.y;
        }
    }
    drawing.n_shapes = SHAPES;
    drawing.shapes = shape_at;
}

static void fill_value(Bench__Value *to, const troupe_any *from) {
    bench__value__init(to);
    if (from->is == TROUPE_IS_TEXT) {
        to->is_case = BENCH__VALUE__IS_TEXT;
        to->text = text_of(from->text);
    } else if (from->is == TROUPE_IS_I64) {
        to->is_case = BENCH__VALUE__IS_I64;
        to->i64 = from->i64;
    } else if (from->is == TROUPE_IS_F64) {
        to->is_case = BENCH__VALUE__IS_F64;
        to->f64 = from->f64;
    } else {
        to->is_case = BENCH__VALUE__IS_TRUTH;
        to->truth = from->truth;
    }
}

static void fill_settings(void) {
    for (size_t i = 0; i < KEYS; i++) {
        entry_at[i] = &entry[i];
        bench__entry__init(entry_at[i]);
        fill_value(&value[i], &settings_at->all.at[i].value);
        entry[i].key = text_of(settings_at->all.at[i].key);
        entry[i].value = &value[i];
    }
    settings.name = text_of(settings_at->name);
    settings.n_all = KEYS;
    settings.all = entry_at;
}

/* --- Encoding and decoding -------------------------------------------------------------------- */

#define ENCODE(message, number)                                                                    \
    static void write_##message(void) {                                                            \
        const size_t size = bench__##message##__get_packed_size(&message);                         \
        if (size > ROOM) exit(1);                                                                  \
        protobuf.size[number] = bench__##message##__pack(&message, packed[number]);                \
        sum += (double)size;                                                                       \
    }

#define DECODE(message, number, kind, read)                                                        \
    static void read_##message(void) {                                                             \
        kind *it = bench__##message##__unpack(NULL, protobuf.size[number], packed[number]);        \
        if (!it) exit(1);                                                                          \
        sum += (double)it->read;                                                                   \
        bench__##message##__free_unpacked(it, NULL);                                               \
    }

ENCODE(quote, QUOTE)
ENCODE(order, ORDER)
ENCODE(drawing, DRAWING)
ENCODE(settings, SETTINGS)
DECODE(quote, QUOTE, Bench__Quote, price)
DECODE(order, ORDER, Bench__Order, lines[LINES - 1]->price)
DECODE(drawing, DRAWING, Bench__Drawing, shapes[1]->radius)
DECODE(settings, SETTINGS, Bench__Settings, all[0]->value->i64)

static void prepare(void) {
    fill_quote();
    fill_order();
    fill_drawing();
    fill_settings();
    for (int i = 0; i < MESSAGES; i++) protobuf.encode[i]();
}

contender protobuf = {
    "protobuf-c",
    {write_quote, write_order, write_drawing, write_settings},
    {read_quote, read_order, read_drawing, read_settings},
    prepare,
    {0},
};
