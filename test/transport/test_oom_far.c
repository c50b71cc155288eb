/* Memory that runs out as a child is started on another node: the start fails, or the child runs;
 * it can be tried again, and nothing is left. */
#include "test/support/exhaust.h"
#include "test/transport/far_scene.h"

static const struct count zero = {0, 0};

static void host_often(bool tcp) {
    (void)tcp;
    for (exhaust x = {0}; exhaust_next(&x);) {
        party p;
        party_open(&p, "p");
        exhaust_from(&x, &p.heap);
        troupe_err err = troupe_host_children(p.node);
        cr_assert_eq(err, exhaust_to(&x) ? TROUPE_NOMEM : TROUPE_OK);
        cr_assert_eq(troupe_host_children(p.node), TROUPE_OK);
        party_close(&p);
    }
    if (!scene_sim) scene_end();
}

Test(oom, troupe_host_children) {
    host_often(false);
    simulate(host_often, 4);
}

static troupe_err try(party *p, const troupe_far *what, troupe_ref *top) {
    const troupe_child child = {.id = "kid",
                                .what = &troupe_far_child,
                                .arg = what,
                                .name = "kid",
                                .restart = TROUPE_TEMPORARY,
                                .start_ms = 5000};
    const troupe_supervision all = {.child = &child, .children = 1};
    return troupe_supervise(p->rt, &all, PATIENCE_MS, top);
}

/* Simulated, so that a start that its supervisor has to give up takes no time. */
static void start_often(bool tcp) {
    (void)tcp;
    for (unsigned side = 0; side < 2; side++) {
        for (exhaust x = {0}; exhaust_next(&x);) {
            party pair[2];
            world_open();
            far_open(&pair[0], "left", false);
            far_open_host(&pair[1], "right", false);
            troupe_far what = far_kid(&zero, "right");
            what.url = pair[1].url;
            what.wait_ms = 3000;
            cr_assert_eq(troupe_connect(pair[0].node, pair[1].url, PATIENCE_MS), TROUPE_OK);
            troupe_ref top;
            exhaust_from(&x, &pair[side].heap);
            troupe_err err = try(&pair[0], &what, &top);
            (void)exhaust_to(&x);
            uint64_t until = patience();
            while (err) {
                scene_go_on(until);
                err = try(&pair[0], &what, &top);
            }
            SCENE_AWAIT(far_answers(&pair[0]) || !world_alive(0));
            cr_assert_eq(world.twice, 0u);
            pair_close(pair);
            cr_assert_eq(world_alive(0), 0u);
            world_close();
        }
    }
}

Test(oom, troupe_far_child) {
    simulate(start_often, 8);
}

static troupe_ref keeper;

static troupe_err ask_where(void *ctx) {
    troupe_far_place place = {.who = {1, 1}};
    troupe_err err = troupe_far_child_at(((party *)ctx)->rt, keeper, PATIENCE_MS, &place);
    if (!err) cr_assert_str_eq(place.node, "right");
    return err == TROUPE_BROKEN ? TROUPE_NOMEM : err; /* the keeper had none to answer */
}

/* What the keeper does meanwhile would take memory too, but in a simulation nothing is due. */
static void ask_often(bool tcp) {
    (void)tcp;
    party pair[2];
    world_open();
    far_open(&pair[0], "left", false);
    far_open_host(&pair[1], "right", false);
    party_meet(&pair[0], &pair[1]);
    troupe_far what = far_kid(&zero, "right");
    what.lease_ms = TROUPE_NO_LEASE;
    troupe_ref top;
    cr_assert_eq(try(&pair[0], &what, &top), TROUPE_OK);
    keeper = far_keeper(&pair[0]);
    troupe_sim_run(scene_sim, 50);
    exhaust_call(&pair[0].heap, ask_where, NULL, &pair[0]);
    pair_close(pair);
    world_close();
}

Test(oom, troupe_far_child_at) {
    simulate(ask_often, 4);
}

static void token(troupe_self *self, void *ctx) {
    *(troupe_err *)ctx = troupe_far_token(self, &(uint64_t){0});
}

struct asking_token {
    troupe_self *self;
    troupe_err err;
};

static void ask_token(void *ctx) {
    struct asking_token *it = ctx;
    token(it->self, &it->err);
}

static void in_hand(troupe_self *self, void *ctx) {
    struct asking_token it = {self, TROUPE_OK};
    exhaust_nothing(&((party *)ctx)->heap, ask_token, &it);
    cr_assert_eq(it.err, TROUPE_NOTFOUND);
}

Test(takes_nothing, troupe_far_token) {
    party p;
    party_open(&p, "p");
    notes *all = notes_open();
    act_as(&p, hand_of(&p, 4, all), in_hand, &p);
    party_close(&p);
    notes_close(all);
}
