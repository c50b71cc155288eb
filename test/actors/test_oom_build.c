/* Memory that runs out while a message is built. */
#include <criterion/criterion.h>
#include <troupe/build.h>

#include "test/support/exhaust.h"
#include "test/support/nothing.h"
#include "test/support/stage.h"

struct bag {
    const char *text;
    troupe_bytes bytes;
    TROUPE_MANY(int32_t) list;
    troupe_map map;
};
static const troupe_type bag_type =
    TROUPE_TYPE(bag, TROUPE_FIELD(bag, text), TROUPE_FIELD(bag, bytes), TROUPE_LIST(bag, list),
                TROUPE_FIELD(bag, map));

typedef void builds(troupe_builder *b, struct bag *bag);

typedef struct attempt {
    builds *build;
    const char *key; /* under which something is in the map then; NULL: it is not about maps */
} attempt;

/* Builds, makes, and leaves nothing behind. */
static troupe_err attempt_it(void *ctx) {
    const attempt *it = ctx;
    struct bag bag = {.text = NULL};
    troupe_msg *msg = (troupe_msg *)1;
    troupe_builder *b = troupe_build(stage_rt());
    it->build(b, &bag);
    const troupe_err err = troupe_build_make(b, &bag_type, &bag, &msg);
    if (troupe_build_error(b)) cr_assert_eq(err, TROUPE_NOMEM);
    troupe_build_drop(&b);
    cr_assert_eq(msg == NULL, err != TROUPE_OK);
    if (!err && it->key) {
        const struct bag *body = troupe_as(msg, &bag_type);
        cr_assert_not_null(troupe_map_find(&body->map, it->key));
    }
    troupe_drop(&msg);
    return err;
}

static void exhaust_build(builds *build, const char *key) {
    attempt it = {build, key};
    (void)stage_open(STAGE_SIMULATED);
    exhaust_call(stage_heap(), attempt_it, NULL, &it);
    stage_close();
}

/* --- Parts ------------------------------------------------------------------------------------ */

static void build_nothing(troupe_builder *b, struct bag *bag) {
    (void)b;
    (void)bag;
}

Test(oom, troupe_build) {
    exhaust_build(build_nothing, NULL);
}

Test(oom, troupe_build_make) {
    exhaust_build(build_nothing, NULL);
}

static void build_text(troupe_builder *b, struct bag *bag) {
    bag->text = troupe_build_text(b, "%d", 1);
    cr_assert_not_null(bag->text);
}

Test(oom, troupe_build_text) {
    exhaust_build(build_text, NULL);
}

static void append(troupe_builder *b, struct bag *bag) {
    for (int i = 0; i < 100; i++) troupe_build_append(b, &bag->text, "%d", i);
}

Test(oom, troupe_build_append) {
    exhaust_build(append, NULL);
}

static void build_bytes(troupe_builder *b, struct bag *bag) {
    bag->bytes = troupe_build_bytes(b, "\0\1", 2);
}

Test(oom, troupe_build_bytes) {
    exhaust_build(build_bytes, NULL);
}

static void append_bytes(troupe_builder *b, struct bag *bag) {
    for (int i = 0; i < 100; i++) troupe_build_append_bytes(b, &bag->bytes, "\0\1", 2);
}

Test(oom, troupe_build_append_bytes) {
    exhaust_build(append_bytes, NULL);
}

static void add(troupe_builder *b, struct bag *bag) {
    for (int32_t i = 0; i < 100; i++) TROUPE_ADD(b, bag->list, &i);
}

Test(oom, troupe_build_add) {
    exhaust_build(add, NULL);
}

/* --- Maps ------------------------------------------------------------------------------------- */

/* A test of one of the functions that put something, which it is given as a call. */
#define PUT(name, ...)                                                                             \
    static void do_##name(troupe_builder *b, struct bag *bag) {                                    \
        troupe_build_map(b, &bag->map);                                                            \
        __VA_ARGS__;                                                                               \
        troupe_put_end(b);                                                                         \
    }

PUT(nil, troupe_put_nil(b, "key"))
PUT(truth, troupe_put_bool(b, "key", true))
PUT(i64, troupe_put_i64(b, "key", 1))
PUT(u64, troupe_put_u64(b, "key", 1))
PUT(f64, troupe_put_f64(b, "key", 1))
PUT(text, troupe_put_text(b, "key", "text"))
PUT(bytes, troupe_put_bytes(b, "key", "bytes", 5))
PUT(moment, troupe_put_time(b, "key", (troupe_time){1, 2}))
PUT(list, troupe_put_list(b, "key"); troupe_put_nil(b, NULL); troupe_put_end(b))
PUT(map, troupe_put_map(b, "key"); troupe_put_nil(b, "in"); troupe_put_end(b))

Test(oom, troupe_build_map) {
    exhaust_build(do_nil, "key");
}

Test(oom, troupe_put_nil) {
    exhaust_build(do_nil, "key");
}

Test(oom, troupe_put_bool) {
    exhaust_build(do_truth, "key");
}

Test(oom, troupe_put_i64) {
    exhaust_build(do_i64, "key");
}

Test(oom, troupe_put_u64) {
    exhaust_build(do_u64, "key");
}

Test(oom, troupe_put_f64) {
    exhaust_build(do_f64, "key");
}

Test(oom, troupe_put_text) {
    exhaust_build(do_text, "key");
}

Test(oom, troupe_put_bytes) {
    exhaust_build(do_bytes, "key");
}

Test(oom, troupe_put_time) {
    exhaust_build(do_moment, "key");
}

Test(oom, troupe_put_list) {
    exhaust_build(do_list, "key");
}

Test(oom, troupe_put_map) {
    exhaust_build(do_map, "key");
}

Test(oom, troupe_put_end) {
    exhaust_build(do_map, "key");
}

/* --- What takes none -------------------------------------------------------------------------- */

static void errors(void *ctx) {
    cr_assert_eq(troupe_build_error(ctx), TROUPE_OK);
    cr_assert_eq(troupe_build_error(NULL), TROUPE_NOMEM);
}

Test(takes_nothing, troupe_build_error) {
    (void)stage_open(STAGE_SIMULATED);
    troupe_builder *b = troupe_build(stage_rt());
    exhaust_nothing(stage_heap(), errors, b);
    troupe_build_drop(&b);
    stage_close();
}

static void drop(void *ctx) {
    troupe_builder **b = ctx;
    troupe_build_drop(b);
    cr_assert_null(*b);
}

Test(takes_nothing, troupe_build_drop) {
    (void)stage_open(STAGE_SIMULATED);
    troupe_builder *b = troupe_build(stage_rt());
    const char *text = NULL;
    troupe_build_append(b, &text, "%s", troupe_build_text(b, "a"));
    exhaust_nothing(stage_heap(), drop, &b);
    stage_close();
}
