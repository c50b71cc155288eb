/* The census: who is in the tree, and who is meant by a path. */
#include "transport/census.h"

#include "test/support/exhaust.h"
#include "test/transport/console_scene.h"

TestSuite(census, .timeout = 60);

static void scene_begin(party *p) {
    party_open_runtime(p, "alone");
    (void)tree_open(p->rt);
}

/* Paths of a census, with depth and state: "0:shop:running 1:shop/till:running ...". */
static void expect(party *p, const char *words, uint64_t left_out) {
    tr_census census;
    char text[8192] = "";
    size_t used = 0;
    cr_assert_eq(tr_census_take(p->rt, &p->heap.heap, PATIENCE_MS, &census), TROUPE_OK);
    for (size_t i = 0; i < census.rows && used < sizeof text; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%u:%s:%s", i ? " " : "",
                                 census.row[i].depth, census.row[i].info.path,
                                 tr_census_state(&census.row[i]));
    cr_assert_str_eq(text, words);
    cr_assert_eq(census.left_out, left_out);
    tr_census_free(&census);
    tr_census_free(&census);
}

#define TREE                                                                                       \
    "0:shop:running 1:shop/till:running 1:shop/cellar:running 2:shop/cellar/keg:running "          \
    "1:shop/crew:running 2:shop/crew/mate:running 2:shop/crew/mate:running 0:guest:running"

Test(census, it_is_in_the_order_of_the_tree) {
    party p;
    scene_begin(&p);
    expect(&p, TREE, 0);
    party_close(&p);
}

Test(census, who_has_ended_is_there_without_an_actor) {
    party p;
    troupe_ref shop;
    scene_begin(&p);
    cr_assert_eq(troupe_whereis(p.rt, "shop", &shop), TROUPE_OK);
    cr_assert_eq(troupe_terminate_child(p.rt, shop, "cellar", PATIENCE_MS), TROUPE_OK);
    expect(&p,
           "0:shop:running 1:shop/till:running 1:shop/cellar:ended 1:shop/crew:running "
           "2:shop/crew/mate:running 2:shop/crew/mate:running 0:guest:running",
           0);
    party_close(&p);
}

Test(census, restarts_and_reasons_are_those_of_the_supervisor) {
    party p;
    troupe_ref till;
    tr_census census;
    scene_begin(&p);
    cr_assert_eq(troupe_whereis(p.rt, "till", &till), TROUPE_OK);
    const struct greet bad = {"nobody", 1}, good = {"Ann", 1};
    troupe_msg *msg;
    cr_assert_eq(troupe_make(p.rt, &greet_type, &bad, &msg), TROUPE_OK);
    cr_assert_eq(troupe_post(p.rt, till, &msg), TROUPE_OK);
    cr_assert_eq(troupe_make(p.rt, &greet_type, &good, &msg), TROUPE_OK);
    cr_assert_eq(troupe_ask(p.rt, till, &msg, PATIENCE_MS), TROUPE_OK); /* it is restarted by now */
    troupe_drop(&msg);
    cr_assert_eq(tr_census_take(p.rt, &p.heap.heap, PATIENCE_MS, &census), TROUPE_OK);
    cr_assert_eq(census.row[1].restarts, 1);
    cr_assert_eq(census.row[1].why, TROUPE_FAILED);
    cr_assert_eq(census.row[1].info.lives, 2);
    cr_assert_geq(census.row[1].info.handled, 1);
    cr_assert_eq(census.row[1].info.limit, 8);
    tr_census_free(&census);
    party_close(&p);
}

/* More than a census has: they are counted. */
Test(census, it_is_bounded) {
    enum { MORE = 100, ALL = TROUPE_CONSOLE_ACTORS + MORE };
    party p;
    troupe_ref who;
    tr_census census;
    scene_begin(&p);
    for (int i = 0; i < ALL; i++) cr_assert_eq(troupe_spawn(p.rt, &clerk, NULL, &who), TROUPE_OK);
    cr_assert_eq(tr_census_take(p.rt, &p.heap.heap, PATIENCE_MS, &census), TROUPE_OK);
    cr_assert_eq(census.rows, TROUPE_CONSOLE_ACTORS);
    cr_assert_eq(census.left_out, MORE + 8);
    tr_census_free(&census);
    party_close(&p);
}

Test(census, without_memory_there_is_none) {
    party p;
    scene_begin(&p);
    for (exhaust x = {0}; exhaust_next(&x);) {
        tr_census census;
        size_t before = counting_heap_look(&p.heap).blocks;
        exhaust_from(&x, &p.heap);
        troupe_err err = tr_census_take(p.rt, &p.heap.heap, PATIENCE_MS, &census);
        bool refused = exhaust_to(&x);
        cr_assert(refused || !err);
        if (err) cr_assert_eq(err, TROUPE_NOMEM);
        tr_census_free(&census);
        cr_assert_leq(counting_heap_look(&p.heap).blocks, before + 1); /* a table may have grown */
    }
    party_close(&p);
}

/* --- Who is meant ----------------------------------------------------------------------------- */

static troupe_err find(party *p, const char *path, troupe_ref *who, char *why) {
    tr_found found;
    why[0] = 0;
    troupe_err err = tr_census_find(p->rt, path, PATIENCE_MS, &found, why, 200);
    *who = found.who;
    return err;
}

static void expect_path(party *p, const char *path, const char *found) {
    troupe_ref who;
    troupe_actor_info info;
    char why[200];
    cr_assert_eq(find(p, path, &who, why), TROUPE_OK, "%s: %s", path, why);
    cr_assert_eq(troupe_inspect(p->rt, who, &info), TROUPE_OK);
    cr_assert_str_eq(info.path, found);
}

static void expect_none(party *p, const char *path, troupe_err err, const char *text) {
    troupe_ref who;
    char why[200];
    cr_assert_eq(find(p, path, &who, why), err, "%s", path);
    cr_assert_str_eq(why, text);
}

Test(census, an_actor_is_found_by_name_path_or_ref) {
    party p;
    troupe_ref guest;
    char path[64];
    scene_begin(&p);
    expect_path(&p, "till", "shop/till");
    expect_path(&p, "shop", "shop");
    expect_path(&p, "shop/till", "shop/till");
    expect_path(&p, "shop/cellar/keg", "shop/cellar/keg");
    cr_assert_eq(troupe_whereis(p.rt, "guest", &guest), TROUPE_OK);
    (void)snprintf(path, sizeof path, "@%u.%u", (unsigned)guest.id, (unsigned)(guest.id >> 32));
    expect_path(&p, path, "guest");
    (void)snprintf(path, sizeof path, "@%u.%u", (unsigned)guest.id, (unsigned)(guest.id >> 32) + 1);
    char text[100];
    (void)snprintf(text, sizeof text, "no actor is %s", path);
    expect_none(&p, path, TROUPE_NOTFOUND, text);
    party_close(&p);
}

/* However it was found: who could terminate it. */
Test(census, the_supervisor_of_a_child_is_found_too) {
    static const char *const ways[] = {"till", "shop/till", NULL};
    party p;
    tr_found found;
    troupe_ref shop;
    char why[100], number[64];
    scene_begin(&p);
    cr_assert_eq(troupe_whereis(p.rt, "shop", &shop), TROUPE_OK);
    for (int i = 0; i < 3; i++) {
        const char *way = i < 2 ? ways[i] : number;
        cr_assert_eq(tr_census_find(p.rt, way, PATIENCE_MS, &found, why, sizeof why), TROUPE_OK);
        cr_assert(troupe_same(found.parent, shop), "by %s", way);
        cr_assert_str_eq(found.id, "till");
        (void)snprintf(number, sizeof number, "@%u.%u", (unsigned)found.who.id,
                       (unsigned)(found.who.id >> 32));
    }
    cr_assert_eq(tr_census_find(p.rt, "guest", PATIENCE_MS, &found, why, sizeof why), TROUPE_OK);
    cr_assert(troupe_same(found.parent, TROUPE_NOBODY));
    party_close(&p);
}

Test(census, who_is_not_found_is_told_as_far_as_he_was) {
    party p;
    troupe_ref who;
    scene_begin(&p);
    expect_none(&p, "shoe", TROUPE_NOTFOUND, "no actor is called shoe");
    expect_none(&p, "", TROUPE_NOTFOUND, "no actor is called ");
    expect_none(&p, "shop/attic/keg", TROUPE_NOTFOUND, "shop/attic: not found");
    expect_none(&p, "guest/x", TROUPE_NOTFOUND, "guest/x: not found"); /* who is not asked */
    expect_none(&p, "crew/", TROUPE_NOTFOUND, "crew/: not found");
    expect_none(&p, "shop/till/x", TROUPE_NOTFOUND, "shop/till/x: not found");
    for (int i = 0; i < 2; i++) cr_assert_eq(troupe_spawn(p.rt, &clerk, NULL, &who), TROUPE_OK);
    expect_none(&p, "clerk", TROUPE_TAKEN, "2 actors are called clerk: say @PLACE.GENERATION");
    expect(&p, TREE " 0:clerk:running 0:clerk:running", 0);
    party_close(&p);
}
