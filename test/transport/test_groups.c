#include "transport/groups.h"

#include <troupe/pool.h>

#include "test/transport/node_scene.h"
#include "test/transport/rogue.h"

TestSuite(groups, .timeout = 300);

enum { SEEDS = 100, HEARTBEAT_MS = 100, LOST_MS = 300 };

static troupe_err do_nothing(troupe_self *self, void *state, troupe_msg **msg) {
    (void)self, (void)state, (void)msg;
    return TROUPE_OK;
}

static const troupe_behaviour idle = {.name = "idle", .receive = do_nothing};
static const troupe_type page_type = TROUPE_SIGNAL_TYPE("page");

static tr_atomic64 pages;

static troupe_err count_pages(troupe_self *self, void *state, troupe_msg **msg) {
    (void)self, (void)state;
    if (troupe_as(*msg, &page_type)) (void)tr_add64_relaxed(&pages, 1);
    return TROUPE_OK;
}

static const troupe_behaviour reader = {.name = "reader", .receive = count_pages};

static troupe_ref enter(party *p, const troupe_behaviour *what, const char *group) {
    troupe_ref who = TROUPE_NOBODY;
    cr_assert_eq(troupe_spawn(p->rt, what, NULL, &who), TROUPE_OK);
    if (group) cr_assert_eq(troupe_join_group(p->rt, who, group), TROUPE_OK);
    return who;
}

static size_t members(party *p, const char *group) {
    return troupe_members(p->rt, group, NULL, 0);
}

static bool is_member(party *p, const char *group, troupe_ref who) {
    troupe_ref all[64];
    const size_t count = troupe_members(p->rt, group, all, 64);
    for (size_t i = 0; i < count && i < 64; i++)
        if (troupe_same(all[i], who)) return true;
    return false;
}

static void open_one(party *p, const char *name) {
    party_open_as(p, name, (troupe_node_config){.heartbeat_ms = HEARTBEAT_MS, .lost_ms = LOST_MS});
    cr_assert_eq(troupe_register_type(p->rt, &page_type), TROUPE_OK);
}

static void open_both(party pair[2], bool tcp) {
    open_one(&pair[0], "left");
    open_one(&pair[1], "right");
    party_listen(&pair[1], tcp);
}

/* --- What is seen ----------------------------------------------------------------------------- */

ANYWHERE(groups, members_of_other_nodes_are_seen, SEEDS) {
    party pair[2];
    open_both(pair, tcp);
    troupe_ref early = enter(&pair[1], &idle, "crew"), mine = enter(&pair[0], &idle, "crew");
    party_meet(&pair[0], &pair[1]);
    const uint64_t then = scene_clock();
    SCENE_AWAIT(members(&pair[0], "crew") == 2 && members(&pair[1], "crew") == 2);
    cr_assert_lt(scene_clock() - then, scene_within(HEARTBEAT_MS / 10), "it waits for no tick");
    cr_assert(is_member(&pair[0], "crew", early));
    cr_assert(is_member(&pair[1], "crew", mine));
    troupe_ref late = enter(&pair[1], &idle, "crew");
    SCENE_AWAIT(is_member(&pair[0], "crew", late));
    cr_assert_eq(troupe_leave_group(pair[1].rt, early, "crew"), TROUPE_OK);
    SCENE_AWAIT(!is_member(&pair[0], "crew", early));
    cr_assert_eq(troupe_kill(pair[1].rt, late), TROUPE_OK);
    SCENE_AWAIT(members(&pair[0], "crew") == 1);
    cr_assert_eq(troupe_leave_group(pair[1].rt, mine, "crew"), TROUPE_NOTFOUND, "not by others");
    pair_close(pair);
}

ANYWHERE(groups, what_is_for_all_reaches_all_nodes, SEEDS) {
    party pair[2];
    tr_store64_relaxed(&pages, 0);
    open_both(pair, tcp);
    for (int i = 0; i < 2; i++) (void)enter(&pair[0], &reader, "crew");
    for (int i = 0; i < 3; i++) (void)enter(&pair[1], &reader, "crew");
    party_meet(&pair[0], &pair[1]);
    SCENE_AWAIT(members(&pair[0], "crew") == 5);
    troupe_msg *msg = NULL;
    troupe_reach reach;
    cr_assert_eq(troupe_make(pair[0].rt, &page_type, NULL, &msg), TROUPE_OK);
    cr_assert_eq(troupe_post_group(pair[0].rt, "crew", &msg, &reach), TROUPE_OK);
    cr_assert(reach.members == 5 && reach.reached == 5);
    SCENE_AWAIT(tr_load64_relaxed(&pages) == 5);
    pair_close(pair);
}

static void post_one(party *p, const char *group) {
    troupe_msg *msg = NULL;
    cr_assert_eq(troupe_make(p->rt, &page_type, NULL, &msg), TROUPE_OK);
    cr_assert_eq(troupe_post_any(p->rt, group, &msg), TROUPE_OK);
}

ANYWHERE(groups, what_is_for_any_stays_here_if_it_can, SEEDS) {
    party pair[2];
    tr_store64_relaxed(&pages, 0);
    open_both(pair, tcp);
    troupe_ref here = enter(&pair[0], &idle, "crew");
    (void)enter(&pair[1], &reader, "crew");
    party_meet(&pair[0], &pair[1]);
    SCENE_AWAIT(members(&pair[0], "crew") == 2);
    for (int i = 0; i < 4; i++) post_one(&pair[0], "crew");
    cr_assert_eq(troupe_leave_group(pair[0].rt, here, "crew"), TROUPE_OK);
    for (int i = 0; i < 3; i++) post_one(&pair[0], "crew");
    SCENE_AWAIT(tr_load64_relaxed(&pages) == 3);
    pair_close(pair);
}

/* --- What comes and goes ---------------------------------------------------------------------- */

static tr_atomic64 seen; /* members, by who watches */

static troupe_err watch(troupe_self *self, void *state, const void *arg) {
    size_t count;
    (void)state, (void)arg;
    troupe_err err = troupe_watch_group(self, "crew", NULL, 0, &count, NULL);
    tr_store64_relaxed(&seen, count);
    return err;
}

static troupe_err see(troupe_self *self, void *state, troupe_msg **msg) {
    const struct troupe_group_changed *news = troupe_as(*msg, &troupe_group_changed_type);
    (void)self, (void)state;
    if (news) tr_store64_relaxed(&seen, tr_load64_relaxed(&seen) + news->joined - news->left);
    return TROUPE_OK;
}

static const troupe_behaviour watcher = {.name = "watcher", .start = watch, .receive = see};

static void await_seen(uint64_t count) {
    SCENE_AWAIT(tr_load64_relaxed(&seen) == count);
}

ANYWHERE(groups, who_watches_is_told_of_other_nodes, SEEDS) {
    party pair[2];
    open_both(pair, tcp);
    (void)enter(&pair[0], &watcher, NULL);
    troupe_ref one = enter(&pair[1], &idle, "crew");
    (void)enter(&pair[1], &idle, "crew");
    party_meet(&pair[0], &pair[1]);
    await_seen(2);
    cr_assert_eq(troupe_kill(pair[1].rt, one), TROUPE_OK);
    await_seen(1);
    party_close(&pair[1]);
    await_seen(0); /* with its node */
    party_close(&pair[0]);
    scene_end();
}

static void part(const party *a, const party *b, bool parted) {
    troupe_sim_cut(scene_sim, a->rt, b->rt, parted);
    troupe_sim_cut(scene_sim, b->rt, a->rt, parted);
}

/* What has changed while they were apart is seen once they meet again. */
SIMULATED(groups, a_partition_heals, SEEDS) {
    party pair[2];
    (void)tcp;
    open_both(pair, false);
    (void)enter(&pair[0], &watcher, NULL);
    troupe_ref left = enter(&pair[1], &idle, "crew");
    troupe_ref stays = enter(&pair[1], &idle, "crew");
    cr_assert_eq(troupe_keep_connected(pair[0].node, pair[1].url), TROUPE_OK);
    await_seen(2);
    part(&pair[0], &pair[1], true);
    await_seen(0);
    cr_assert_eq(members(&pair[0], "crew"), 0);
    cr_assert_eq(troupe_leave_group(pair[1].rt, left, "crew"), TROUPE_OK);
    troupe_ref joined = enter(&pair[1], &idle, "crew");
    troupe_ref other = enter(&pair[0], &idle, "crew");
    part(&pair[0], &pair[1], false);
    await_seen(3);
    cr_assert(is_member(&pair[0], "crew", stays) && is_member(&pair[0], "crew", joined));
    cr_assert_not(is_member(&pair[0], "crew", left));
    SCENE_AWAIT(is_member(&pair[1], "crew", other));
    pair_close(pair);
}

/* A node that starts again is another one: nothing of the first is left. */
SIMULATED(groups, a_node_starts_again, SEEDS) {
    party pair[2];
    (void)tcp;
    open_both(pair, false);
    (void)enter(&pair[0], &watcher, NULL);
    troupe_ref before = enter(&pair[1], &idle, "crew");
    party_meet(&pair[0], &pair[1]);
    await_seen(1);
    tr_port_crash(&pair[1].rt);
    await_seen(0);
    party again;
    open_one(&again, "right");
    party_listen(&again, false);
    troupe_ref after = enter(&again, &idle, "crew");
    party_meet(&pair[0], &again);
    await_seen(1);
    cr_assert(is_member(&pair[0], "crew", after));
    cr_assert_not(is_member(&pair[0], "crew", before));
    party_close(&again);
    party_close(&pair[0]);
    scene_end();
}

/* More changes than are kept one by one: the end is what counts, also of who changed at first. */
ANYWHERE(groups, however_much_changes_the_end_is_seen, 20) {
    enum { WHO = 20, ROUNDS = 60 };
    party pair[2];
    troupe_ref who[WHO];
    open_both(pair, tcp);
    troupe_ref leaves = enter(&pair[1], &idle, "crew");
    party_meet(&pair[0], &pair[1]);
    SCENE_AWAIT(is_member(&pair[0], "crew", leaves));
    cr_assert_eq(troupe_leave_group(pair[1].rt, leaves, "crew"), TROUPE_OK);
    troupe_ref stays = enter(&pair[1], &idle, "crew");
    for (int i = 0; i < WHO; i++) who[i] = enter(&pair[1], &idle, NULL);
    for (int round = 0; round < ROUNDS; round++)
        for (int i = 0; i < WHO; i++) {
            const bool in = (round + i) % 3 != 0;
            troupe_err err = in ? troupe_join_group(pair[1].rt, who[i], "crew")
                                : troupe_leave_group(pair[1].rt, who[i], "crew");
            cr_assert(!err || (!in && err == TROUPE_NOTFOUND));
        }
    troupe_ref last = enter(&pair[1], &idle, "last");
    SCENE_AWAIT(is_member(&pair[0], "last", last));
    SCENE_AWAIT(is_member(&pair[0], "crew", stays) && !is_member(&pair[0], "crew", leaves));
    for (int i = 0; i < WHO; i++)
        SCENE_AWAIT(is_member(&pair[0], "crew", who[i]) == is_member(&pair[1], "crew", who[i]));
    pair_close(pair);
}

ANYWHERE(groups, pools_are_not_told, 20) {
    static const troupe_pool_plan plan = {.name = "pool", .member = {.what = &idle}, .min = 2};
    party pair[2];
    troupe_pool *pool;
    open_both(pair, tcp);
    cr_assert_eq(troupe_pool_open(pair[1].rt, &plan, PATIENCE_MS, &pool), TROUPE_OK);
    party_meet(&pair[0], &pair[1]);
    troupe_ref last = enter(&pair[1], &idle, "last");
    SCENE_AWAIT(is_member(&pair[0], "last", last));
    cr_assert_eq(members(&pair[1], "pool"), 2);
    cr_assert_eq(members(&pair[0], "pool"), 0);
    pair_close(pair);
}

/* --- What a peer may say ---------------------------------------------------------------------- */

static void say(rogue *r, uint32_t how, uint64_t id, const char *name, size_t size) {
    rogue_say(r, &(tr_frame){.kind = TR_FRAME_GROUP,
                             .number = id,
                             .how = how,
                             .tail = name,
                             .tail_size = size});
}

/* Waits until it has read all that was said. */
static void await_read(rogue *r) {
    rogue_say(r, &(tr_frame){.kind = TR_FRAME_LOOKUP, .number = 1, .tail = "x", .tail_size = 1});
    (void)rogue_expect(r, TR_FRAME_FOUND);
}

ANYWHERE(groups, what_is_told_anew_is_all_there_is, SEEDS) {
    party node;
    rogue r;
    party_open(&node, "node");
    party_listen(&node, tcp);
    rogue_open(&r, &node);
    for (uint64_t id = 1; id <= 3; id++) say(&r, TR_GROUP_JOINED, id, "crew", 4);
    say(&r, TR_GROUP_JOINED, 3, "crew", 4);
    say(&r, TR_GROUP_LEFT, 9, "crew", 4);
    await_read(&r);
    cr_assert_eq(members(&node, "crew"), 3);
    cr_assert(is_member(&node, "crew", (troupe_ref){ROGUE, 2}));
    say(&r, TR_GROUP_ANEW, 0, "", 0);
    say(&r, TR_GROUP_JOINED, 2, "crew", 4);
    say(&r, TR_GROUP_JOINED, 4, "crew", 4);
    await_read(&r);
    cr_assert_eq(members(&node, "crew"), 4, "not yet");
    say(&r, TR_GROUP_ALL, 0, "", 0);
    await_read(&r);
    cr_assert_eq(members(&node, "crew"), 2);
    rogue_say(&r, &(tr_frame){.kind = TR_FRAME_GOODBYE});
    rogue_close(&r);
    SCENE_AWAIT(members(&node, "crew") == 0);
    party_close(&node);
    scene_end();
}

ANYWHERE(groups, a_peer_has_so_many_members_at_most, 4) {
    enum { MOST = 16384, MORE = 512 << 10, EACH = 512 };
    party node;
    rogue r;
    char name[32];
    party_open(&node, "node");
    party_listen(&node, tcp);
    rogue_open(&r, &node);
    const size_t before = counting_heap_look(&node.heap).bytes;
    for (uint64_t id = 1; id <= MOST + 1000; id++) {
        const int size = snprintf(name, sizeof name, "group %d", (int)id);
        say(&r, TR_GROUP_JOINED, id, name, (size_t)size);
        if (id % 1000 == 0) await_read(&r);
    }
    await_read(&r);
    cr_assert_eq(members(&node, "group 16384"), 1);
    cr_assert_eq(members(&node, "group 16385"), 0);
    cr_assert_leq(counting_heap_look(&node.heap).bytes, before + MOST * EACH + MORE);
    cr_assert_eq(party_logged(&node, "more members in groups"), 1u);
    rogue_say(&r, &(tr_frame){.kind = TR_FRAME_GOODBYE});
    rogue_close(&r);
    party_close(&node);
    scene_end();
}

static void is_cut_for(bool tcp, uint32_t how, const char *name, size_t size) {
    party node;
    rogue r;
    party_open(&node, "node");
    party_listen(&node, tcp);
    rogue_open(&r, &node);
    say(&r, how, 1, name, size);
    party_await_log(&node, "is cut: a frame of kind 41", 1);
    rogue_close(&r);
    party_close(&node);
    scene_end();
}

ANYWHERE(groups, an_end_without_a_beginning_is_a_violation, 20) {
    is_cut_for(tcp, TR_GROUP_ALL, "", 0);
}

ANYWHERE(groups, a_name_that_can_not_be_is_a_violation, 20) {
    static const char nul[] = "a\0b";
    is_cut_for(tcp, TR_GROUP_JOINED, nul, 3);
}

ANYWHERE(groups, to_name_none_is_a_violation, 20) {
    is_cut_for(tcp, TR_GROUP_JOINED, "", 0);
}

ANYWHERE(groups, news_that_nobody_knows_is_a_violation, 20) {
    is_cut_for(tcp, TR_GROUP_ALL + 1, "crew", 4);
}
