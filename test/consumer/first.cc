// The first program, in C++11: all headers, message types by the same macros, the same output.
#include <cinttypes>
#include <cstdio>
#include <troupe/embed.h>
#include <troupe/link.h>
#include <troupe/process.h>
#include <troupe/remote.h>
#include <troupe/report.h>
#include <troupe/simulation.h>
#include <troupe/troupe.h>

struct add {
    int64_t n;
};
static const troupe_type add_type = TROUPE_TYPE(add, TROUPE_FIELD(add, n));

// Each kind of member, and each other macro of the headers.
struct all {
    bool yes;
    int32_t i32;
    int64_t i64;
    uint32_t u32;
    uint64_t u64;
    double f64;
    const char *text;
    troupe_bytes bytes;
    troupe_ref ref;
};
static const troupe_type all_type = TROUPE_TYPE(
    all, TROUPE_FIELD(all, yes), TROUPE_FIELD(all, i32), TROUPE_FIELD(all, i64),
    TROUPE_FIELD(all, u32), TROUPE_FIELD(all, u64), TROUPE_FIELD(all, f64), TROUPE_FIELD(all, text),
    TROUPE_FIELD(all, bytes), TROUPE_FIELD(all, ref));
static const troupe_type tick_type = TROUPE_SIGNAL_TYPE("tick");
static const troupe_type file_type = TROUPE_OWNED_TYPE("file");

static troupe_err receive(troupe_self *self, void *state, troupe_msg **msg) {
    int64_t *sum = static_cast<int64_t *>(state);
    const add *got = static_cast<const add *>(troupe_as(*msg, &add_type));
    if (!got || got->n < 0) return troupe_fail(self, TROUPE_INVALID, "negative");
    TROUPE_REQUIRE(self, got->n < 1000, "n is %d", static_cast<int>(got->n));
    add answer = {*sum += got->n};
    return troupe_answer(self, &add_type, &answer);
}

// The types are the same as those that C makes.
static bool types_are_right(troupe *rt) {
    static const troupe_kind kind[] = {TROUPE_BOOL, TROUPE_I32, TROUPE_I64,   TROUPE_U32, TROUPE_U64,
                                       TROUPE_F64,  TROUPE_TEXT, TROUPE_BYTES, TROUPE_REF};
    bool right = all_type.fields == 9 && all_type.size == sizeof(all);
    for (size_t i = 0; right && i < 9; i++) right = all_type.field[i].kind == kind[i];
    return right && troupe_register_type(rt, &all_type) == TROUPE_OK &&
           troupe_register_type(rt, &tick_type) == TROUPE_OK &&
           troupe_register_type(rt, &file_type) == TROUPE_INVALID &&
           troupe_same(TROUPE_NOBODY, troupe_ref());
}

// Every shape of field, as C has them.
enum colour { RED, GREEN };
struct point {
    int16_t x, y;
};
struct line {
    const char *label;
    enum colour colour;
    struct point from;
    float weight[3];
    TROUPE_MAYBE(double) angle;
    TROUPE_MANY(struct point) dots;
    TROUPE_MANY(int32_t) numbers;
};
static const troupe_enum colour_enum = TROUPE_ENUM_TYPE(TROUPE_CHOICE(RED), TROUPE_CHOICE(GREEN));
static const troupe_type point_type =
    TROUPE_TYPE(point, TROUPE_FIELD(point, x), TROUPE_FIELD(point, y));
static const troupe_type line_type =
    TROUPE_TYPE(line, TROUPE_FIELD(line, label), TROUPE_FIELD_OF(line, colour, &colour_enum),
                TROUPE_FIELD_OF(line, from, &point_type), TROUPE_ARRAY(line, weight),
                TROUPE_OPTIONAL(line, angle), TROUPE_LIST_OF(line, dots, &point_type),
                TROUPE_LIST(line, numbers));

// A value that is one of several.
enum what { STOP, MOVE, SAY };
struct order {
    enum what what;
    union {
        struct point to;
        const char *text;
    };
};
struct command {
    struct order order;
    troupe_map settings;
};
static const troupe_one_of order_one_of =
    TROUPE_ONE_OF_TYPE(order, what, TROUPE_NO_CASE(STOP),
                       TROUPE_CASE(MOVE, TROUPE_FIELD_OF(order, to, &point_type)),
                       TROUPE_CASE(SAY, TROUPE_FIELD(order, text)));
static const troupe_type command_type =
    TROUPE_TYPE(command, TROUPE_FIELD_OF(command, order, &order_one_of),
                TROUPE_FIELD(command, settings));

static bool one_of_is_right() {
    char why[200] = "";
    bool sound = troupe_check_type(&command_type, why, sizeof why) == TROUPE_OK;
    if (!sound) std::fprintf(stderr, "%s\n", why);
    return sound && command_type.extent == TROUPE_DEEP && command_type.field[1].kind == TROUPE_MAP &&
           troupe_map_i64(nullptr, "depth", 3) == 3 && order_one_of.cases == 3 &&
           order_one_of.when[2].field.kind == TROUPE_TEXT;
}

static bool types_are_sound() {
    char why[200] = "";
    bool sound = troupe_check_type(&line_type, why, sizeof why) == TROUPE_OK;
    if (!sound) std::fprintf(stderr, "%s\n", why);
    return sound && line_type.extent == TROUPE_DEEP && point_type.extent == TROUPE_FLAT;
}

int main() {
    if (!types_are_sound() || !one_of_is_right()) return 1;
    troupe_behaviour adder = troupe_behaviour();
    adder.name = "adder";
    adder.state_size = sizeof(int64_t);
    adder.receive = receive;
    troupe_child child = troupe_child();
    child.id = child.name = "adder";
    child.what = &adder;
    troupe_supervision tree = troupe_supervision();
    tree.child = &child;
    tree.children = 1;
    tree.max_restarts = 3;

    const int64_t numbers[] = {20, 22, -1, 7}; // the third makes the adder fail
    troupe *rt = nullptr;
    troupe_msg *msg = nullptr;
    troupe_ref root, to;
    if (troupe_open(nullptr, &rt) || troupe_supervise(rt, &tree, 1000, &root)) return 1;
    if (!types_are_right(rt)) return 2;
    for (int i = 0; i < 4 && !troupe_whereis(rt, "adder", &to); troupe_drop(&msg), i++) {
        add body = {numbers[i]};
        if (troupe_make(rt, &add_type, &body, &msg)) return 1;
        troupe_err err = troupe_ask(rt, to, &msg, 1000);
        const add *sum = static_cast<const add *>(troupe_as(msg, &add_type));
        std::printf("%d: %s, sum %d\n", static_cast<int>(numbers[i]), troupe_strerror(err),
                    sum ? static_cast<int>(sum->n) : 0);
    }
    troupe_close(&rt);
    return 0;
}
