/* Like peer.c, for values that are one of several and values by name, driven by kinds.py: `write`
 * makes drawings and jobs, `drawing` and `job` read them. */
#include "base/heap.h"
#include "serial/build.h"
#include "serial/codec.h"
#include "serial/envelope.h"
#include "test/foreign/say.h"
#include "test/serial/drawing.h"
#include "test/serial/job.h"

static const tr_pool pool = {.heap = &tr_heap_default};

/* --- What is in a drawing --------------------------------------------------------------------- */

static void say_amount(const struct amount *it) {
    printf("[%d,", (int)it->how);
    if (it->how == FEW) printf("%d", it->few);
    if (it->how == MANY) say_float(it->many);
    if (it->how == NOBODY_KNOWS) printf("nil");
    printf("]");
}

static void say_spot(const struct spot *it) {
    printf("[%d,", it->x);
    say_text(it->name);
    printf("]");
}

static void say_path(const struct shape *it) {
    printf("[");
    for (size_t i = 0; i < it->path.count; i++) {
        printf("%s", i ? "," : "");
        say_spot(&it->path.at[i]);
    }
    printf("]");
}

static void say_shape(const struct shape *it) {
    printf("[%d,", (int)it->what);
    if (it->what == CIRCLE) say_float(it->radius);
    if (it->what == LABEL) say_text(it->label);
    if (it->what == PATH) say_path(it);
    if (it->what == BOX) say_spot(&it->box);
    if (it->what == GRID) printf("[%d,%d,%d]", it->grid[0], it->grid[1], it->grid[2]);
    if (it->what == MAYBE && it->maybe.has) say_text(it->maybe.value);
    if (it->what == INNER) say_amount(&it->inner);
    if (it->what == DOT || (it->what == MAYBE && !it->maybe.has)) printf("nil");
    printf("]");
}

static void say_drawing(const void *body) {
    const struct drawing *it = body;
    printf("[");
    say_shape(&it->first);
    printf(",[");
    for (size_t i = 0; i < it->shapes.count; i++) {
        printf("%s", i ? "," : "");
        say_shape(&it->shapes.at[i]);
    }
    printf("],[");
    say_shape(&it->two[0]);
    printf(",");
    say_shape(&it->two[1]);
    printf("],");
    if (it->last.has)
        say_shape(&it->last.value);
    else
        printf("nil");
    printf(",");
    say_amount(&it->amount);
    printf("]\n");
}

/* --- What is in a job ------------------------------------------------------------------------- */

static void say_map(const troupe_map *map);

static void say_any(const troupe_any *it) {
    if (it->is == TROUPE_IS_NIL) printf("nil");
    if (it->is == TROUPE_IS_BOOL) printf("%s", it->truth ? "true" : "false");
    if (it->is == TROUPE_IS_I64) printf("%lld", (long long)it->i64);
    if (it->is == TROUPE_IS_U64) printf("%llu", (unsigned long long)it->u64);
    if (it->is == TROUPE_IS_F64) say_float(it->f64);
    if (it->is == TROUPE_IS_TEXT) say_text(it->text);
    if (it->is == TROUPE_IS_BYTES) say_bytes("b", it->bytes.data, it->bytes.size);
    if (it->is == TROUPE_IS_TIME) say_time(it->time);
    if (it->is == TROUPE_IS_MAP) say_map(&it->map);
    if (it->is != TROUPE_IS_LIST) return;
    printf("[");
    for (size_t i = 0; i < it->list.count; i++) {
        printf("%s", i ? "," : "");
        say_any(&it->list.at[i]);
    }
    printf("]");
}

static void say_map(const troupe_map *map) {
    printf("{");
    for (size_t i = 0; i < map->count; i++) {
        printf("%s", i ? "," : "");
        say_text(map->at[i].key);
        printf(":");
        say_any(&map->at[i].value);
    }
    printf("}");
}

static void say_job(const void *body) {
    const struct job *it = body;
    printf("[");
    say_text(it->what);
    printf(",");
    say_map(&it->settings);
    printf(",[");
    for (size_t i = 0; i < it->rows.count; i++) {
        printf("%s", i ? "," : "");
        say_map(&it->rows.at[i]);
    }
    printf("],[");
    say_map(&it->two[0]);
    printf(",");
    say_map(&it->two[1]);
    printf("],");
    if (it->extra.has)
        say_map(&it->extra.value);
    else
        printf("nil");
    printf(",[%d,", (int)it->outcome.is);
    if (it->outcome.is == DETAILS)
        say_map(&it->outcome.details);
    else
        printf("nil");
    printf("]]\n");
}

/* --- Drawn at random -------------------------------------------------------------------------- */

static struct amount amount(void) {
    struct amount it = {.how = draw() % 3};
    if (it.how == FEW) it.few = (uint8_t)any();
    if (it.how == MANY) it.many = (double)(int64_t)draw() / 3;
    return it;
}

static struct shape shape(troupe_builder *b) {
    static const enum what cases[] = {DOT, CIRCLE, LABEL, PATH, BOX, GRID, MAYBE, INNER};
    struct shape it = {.what = cases[draw() % 8]};
    struct spot spot = {(int16_t)any(), text()};
    if (it.what == CIRCLE) it.radius = (double)(int64_t)draw() / 7;
    if (it.what == LABEL) it.label = text();
    for (uint64_t n = it.what == PATH ? draw() % 20 : 0; n; n--) TROUPE_ADD(b, it.path, &spot);
    if (it.what == BOX) it.box = spot;
    for (int i = 0; i < 3 && it.what == GRID; i++) it.grid[i] = (int32_t)any();
    if (it.what == MAYBE && draw() % 2) {
        it.maybe.value = text();
        it.maybe.has = true;
    }
    if (it.what == INNER) it.inner = amount();
    return it;
}

static void draw_drawing(troupe_builder *b, struct drawing *it) {
    it->first = shape(b);
    for (uint64_t n = draw() % 20; n; n--) {
        const struct shape one = shape(b);
        TROUPE_ADD(b, it->shapes, &one);
    }
    it->two[0] = shape(b);
    it->two[1] = shape(b);
    it->last.has = draw() % 2;
    if (it->last.has) it->last.value = shape(b);
    it->amount = amount();
}

/* Puts up to 20 values into the map or list that is open, some of which are maps and lists. */
static void put_some(troupe_builder *b, bool list, int level) {
    const uint64_t values = draw() % (level < 3 ? 20 : 4);
    for (uint64_t i = 0; i < values; i++) {
        const char *key = list ? NULL : troupe_build_text(b, "%s%d", i ? text() : "", (int)i);
        const uint64_t what = draw() % (level < TROUPE_MAP_LEVELS ? 10 : 8);
        if (what == 0) troupe_put_nil(b, key);
        if (what == 1) troupe_put_bool(b, key, draw() % 2);
        if (what == 2) troupe_put_i64(b, key, -(int64_t)(any() / 2));
        if (what == 3) troupe_put_u64(b, key, any());
        if (what == 4) troupe_put_f64(b, key, (double)(int64_t)draw() / 3);
        if (what == 5) troupe_put_text(b, key, text());
        if (what == 6) troupe_put_bytes(b, key, "\0\1\2\3\4\5\6\7\xFF", draw() % 10);
        if (what == 7) troupe_put_time(b, key, moment());
        if (what < 8) continue;
        if (what == 8) troupe_put_map(b, key);
        if (what == 9) troupe_put_list(b, key);
        put_some(b, what == 9, level + 1);
        troupe_put_end(b);
    }
}

static void draw_map(troupe_builder *b, troupe_map *map) {
    troupe_build_map(b, map);
    put_some(b, false, 1);
    troupe_put_end(b);
}

static void draw_job(troupe_builder *b, struct job *it) {
    it->what = text();
    draw_map(b, &it->settings);
    for (uint64_t n = draw() % 4; n; n--) {
        troupe_map row = {NULL, 0};
        draw_map(b, &row);
        TROUPE_ADD(b, it->rows, &row);
    }
    draw_map(b, &it->two[1]);
    it->extra.has = draw() % 2;
    if (it->extra.has) draw_map(b, &it->extra.value);
    it->outcome.is = draw() % 2 ? DETAILS : PENDING;
    if (it->outcome.is == DETAILS) draw_map(b, &it->outcome.details);
}

static void write_one(const troupe_type *type, const void *body, void (*say)(const void *body)) {
    tr_buffer out = {.heap = &tr_heap_default};
    must(!tr_pack(type, body, SIZE_MAX, &out), "a message can't be packed");
    say_bytes("", out.data, out.size);
    printf(" ");
    say(body);
    tr_buffer_fini(&out);
}

static void write_messages(unsigned long count) {
    while (count--) {
        troupe_builder *b = tr_build(&pool);
        struct drawing drawing_of = {.first = {.what = DOT}};
        struct job job_of = {.what = NULL};
        draw_drawing(b, &drawing_of);
        draw_job(b, &job_of);
        must(!troupe_build_error(b), "a message can't be built");
        write_one(&drawing_type, &drawing_of, say_drawing);
        write_one(&job_type, &job_of, say_job);
        troupe_build_drop(&b);
    }
}

/* --- From elsewhere --------------------------------------------------------------------------- */

static void read_message(const char *hex, size_t digits, bool is_job) {
    const troupe_type *type = is_job ? &job_type : &drawing_type;
    unsigned char *bytes = malloc(digits / 2 + 1);
    char why[400];
    troupe_msg *msg = NULL;
    must(bytes, "no memory");
    for (size_t i = 0; i < digits / 2; i++) {
        const char pair[] = {hex[2 * i], hex[2 * i + 1], 0};
        bytes[i] = (unsigned char)strtoul(pair, NULL, 16);
    }
    if (tr_unpack(&pool, type, bytes, digits / 2, &msg, why, sizeof why))
        printf("refused: %s\n", why);
    else
        (is_job ? say_job : say_drawing)(troupe_as(msg, type));
    troupe_drop(&msg);
    free(bytes);
}

int main(int argc, char **argv) {
    if (argc == 4 && strcmp(argv[1], "write") == 0) {
        state = strtoull(argv[2], NULL, 10);
        write_messages(strtoul(argv[3], NULL, 10));
    } else if (argc == 2 && (!strcmp(argv[1], "drawing") || !strcmp(argv[1], "job"))) {
        char *hex = NULL;
        size_t room = 0;
        for (ssize_t got; (got = getline(&hex, &room, stdin)) > 0;)
            read_message(hex, (size_t)got - 1, strcmp(argv[1], "job") == 0);
        free(hex);
    } else {
        fprintf(stderr, "usage: %s write SEED COUNT | drawing | job\n", argv[0]);
        return 2;
    }
    return 0;
}
