/* The seam to other nodes, with a port that writes down what it is asked. */
#include <criterion/criterion.h>
#include <string.h>
#include <troupe/delivery.h>

#include "actors/find.h"
#include "actors/runtime.h"
#include "actors/actor.h"
#include "test/support/family.h"
#include "test/support/player.h"
#include "test/support/stage.h"

TestSuite(port, .timeout = 60);

static const player ann = {.id = "ann"};

enum { ELSEWHERE = 4711 };

static troupe_err port_send(tr_port *port, troupe_ref from, troupe_ref to, unsigned how,
                            troupe_msg **msg) {
    (void)port;
    (void)from;
    cr_assert_eq(to.node, ELSEWHERE);
    stage_say("send(%u,%u,%u)", (unsigned)to.id, how, cue_n(*msg));
    if (to.id == 13) return TROUPE_FULL;
    if (to.id > 13) return TROUPE_GONE;
    troupe_drop(msg);
    return TROUPE_OK;
}

static troupe_err port_monitor(tr_port *port, uint64_t number, troupe_ref watcher, troupe_ref who) {
    (void)port;
    (void)watcher;
    stage_say("monitor(%u,%u)", (unsigned)number, (unsigned)who.id);
    return who.id == 13 ? TROUPE_NOCONNECTION : TROUPE_OK;
}

static void port_demonitor(tr_port *port, uint64_t number, troupe_ref watcher, troupe_ref who) {
    (void)port;
    (void)watcher;
    stage_say("demonitor(%u,%u)", (unsigned)number, (unsigned)who.id);
}

static void port_down(tr_port *port, uint64_t number, troupe_ref watcher, troupe_ref who,
                      troupe_err why) {
    (void)port;
    (void)watcher;
    (void)who;
    stage_say("down(%u,%s)", (unsigned)number, troupe_errname(why));
}

static troupe_err port_exit_signal(tr_port *port, troupe_ref me, troupe_ref who, troupe_err why) {
    (void)port;
    cr_assert_eq(me.node, tr_port_node(stage_rt()), "a peer speaks for its own alone");
    stage_say("exit_signal(%u,%s)", (unsigned)who.id, troupe_errname(why));
    return TROUPE_OK;
}

static troupe_err port_stop(tr_port *port, troupe_ref who) {
    (void)port;
    stage_say("stop(%u)", (unsigned)who.id);
    return TROUPE_OK;
}

static void port_ask_failed(tr_port *port, troupe_ref asker, troupe_err why) {
    (void)port;
    cr_assert_eq(asker.node, ELSEWHERE);
    stage_say("ask_failed(%u,%s)", (unsigned)(asker.id >> 32), troupe_errname(why));
}

static void port_room(tr_port *port, troupe_ref who) {
    (void)port;
    stage_say("room(%u)", (unsigned)who.id);
}

static troupe_err port_ended(tr_port *port, troupe_ref who) {
    (void)port;
    return who.id == 14 ? TROUPE_STOPPED : TROUPE_GONE;
}

static bool port_close(tr_port *port) {
    (void)port;
    stage_say("port_close");
    return true;
}

static const tr_port_ops ops = {.send = port_send,
                                .monitor = port_monitor,
                                .demonitor = port_demonitor,
                                .down = port_down,
                                .exit_signal = port_exit_signal,
                                .stop = port_stop,
                                .ask_failed = port_ask_failed,
                                .room = port_room,
                                .ended = port_ended,
                                .close = port_close};
static tr_port port = {&ops};

static const troupe_ref far = {ELSEWHERE, 12}, far_full = {ELSEWHERE, 13};

static troupe *open_with_port(void) {
    troupe *rt = stage_open(TROUPE_STEPPED);
    cr_assert_eq(tr_port_attach(rt, &port), TROUPE_OK);
    return rt;
}

static void close_all(void) {
    stage_forget();
    stage_close();
}

Test(port, there_is_one) {
    troupe *rt = open_with_port();
    tr_port other = {&ops};
    cr_assert_eq(tr_port_attach(rt, &other), TROUPE_TAKEN);
    stage_close();
    stage_expect("port_close");
}

Test(port, a_stop_goes_through_it) {
    troupe *rt = stage_open(TROUPE_STEPPED);
    cr_assert_eq(troupe_stop(rt, far), TROUPE_NOCONNECTION);
    cr_assert_eq(troupe_kill(rt, far), TROUPE_NOCONNECTION);
    cr_assert_eq(troupe_stop(rt, TROUPE_NOBODY), TROUPE_GONE);
    cr_assert_eq(tr_port_attach(rt, &port), TROUPE_OK);
    cr_assert_eq(troupe_stop(rt, far), TROUPE_OK);
    cr_assert_eq(troupe_kill(rt, far), TROUPE_OK);
    cr_assert_eq(troupe_stop(rt, TROUPE_NOBODY), TROUPE_GONE);
    stage_expect("stop(12) exit_signal(12,KILL)");
    close_all();
}

Test(port, what_goes_elsewhere_goes_through_it) {
    troupe *rt = open_with_port();
    troupe_msg *msg = cue_make(CUE_SAY, 1, TROUPE_NOBODY);
    cr_assert_eq(troupe_post(rt, far, &msg), TROUPE_OK);
    msg = cue_make(CUE_SAY, 2, TROUPE_NOBODY);
    cr_assert_eq(troupe_post(rt, far_full, &msg), TROUPE_FULL);
    cr_assert_eq(cue_n(msg), 2);
    cr_assert_eq(troupe_ask(rt, far_full, &msg, 10), TROUPE_FULL);
    cr_assert_eq(troupe_ask(rt, far, &msg, 10), TROUPE_TIMEOUT);
    cr_assert_eq(troupe_stop(rt, far), TROUPE_OK);
    stage_expect("send(12,0,1) send(13,0,2) send(13,1,2) send(12,1,2) stop(12)");
    close_all();
}

Test(port, what_is_urgent_or_dated_says_so) {
    troupe *rt = open_with_port();
    const troupe_delivery how = {.urgent = true, .within_ms = 5};
    troupe_msg *msg = cue_make(CUE_SAY, 1, TROUPE_NOBODY);
    cr_assert_eq(troupe_post_with(rt, far, &msg, &how), TROUPE_OK);
    msg = cue_make(CUE_SAY, 2, TROUPE_NOBODY);
    cr_assert_eq(troupe_post_with(rt, far_full, &msg, &how), TROUPE_FULL);
    cr_assert_eq(cue_n(msg), 2);
    cr_assert_eq(troupe_ask_with(rt, far, &msg, &how, 10), TROUPE_TIMEOUT);
    stage_expect("send(12,10244,1) send(13,10244,2) send(12,10245,2)"); /* 4 + 5 * 2048, asked */
    close_all();
}

Test(port, a_time_goes_elsewhere_in_ms_or_cut) {
    const unsigned exact[] = {0, 1, 5, 1000, (1 << 21) - 1, 1 << 21, UINT32_MAX - 2047};
    for (size_t i = 0; i < sizeof exact / sizeof *exact; i++)
        cr_assert_eq(tr_send_ms(tr_send_within(exact[i]) | TR_SEND_URGENT | 1023), exact[i]);
    cr_assert_eq(tr_send_ms(tr_send_within((1 << 21) + 2047)), 1u << 21);
    cr_assert_eq(tr_send_ms(tr_send_within(UINT32_MAX)), UINT32_MAX - 2047);
}

/* The port is asked only once a send has said GONE. */
Test(port, knows_how_one_elsewhere_has_ended) {
    troupe *rt = open_with_port();
    for (uint64_t id = 14; id < 16; id++) {
        const troupe_err expected = id == 14 ? TROUPE_STOPPED : TROUPE_GONE;
        const troupe_ref who = {ELSEWHERE, id};
        troupe_msg *msg = cue_make(CUE_SAY, 1, TROUPE_NOBODY);
        cr_assert_eq(troupe_ask(rt, who, &msg, 10), expected);
        cr_assert_eq(troupe_post(rt, who, &msg), TROUPE_GONE);
        troupe_drop(&msg);
        cr_assert_eq(tr_port_ended(rt, who), expected);
    }
    stage_expect("send(14,1,1) send(14,0,1) send(15,1,1) send(15,0,1)");
    close_all();
}

Test(port, a_question_from_elsewhere_is_answered_there_or_told_failed) {
    troupe *rt = open_with_port();
    const uint32_t act[] = {CUE_ANSWER, CUE_FAIL, CUE_EXIT}, n[] = {0, TROUPE_USER, TROUPE_OK};
    for (uint32_t i = 0; i < 3; i++) {
        troupe_ref who = stage_enter(&ann);
        stage_forget();
        const troupe_ref asker = {ELSEWHERE, (uint64_t)(40 + i) << 32 | TR_PLACE_ASKS};
        troupe_msg *msg = cue_arrived(act[i], n[i], TROUPE_NOBODY);
        cr_assert_eq(tr_port_deliver(rt, asker, who, TR_SEND_ASK, &msg), TROUPE_OK);
        if (i == 0) stage_expect("send(4026531840,2,0)");
        if (i == 1) stage_expect("ask_failed(41,FAILED) stop(ann,USER)");
        if (i == 2) stage_expect("ask_failed(42,STOPPED) stop(ann,OK)");
    }
    close_all();
}

Test(port, what_arrives_for_nobody_stays_the_ports) {
    troupe *rt = open_with_port();
    troupe_msg *msg = cue_arrived(CUE_SAY, 1, TROUPE_NOBODY);
    const troupe_ref asker = {ELSEWHERE, UINT64_C(9) << 32 | TR_PLACE_ASKS};
    cr_assert_eq(tr_port_deliver(rt, far, far, 0, &msg), TROUPE_GONE);
    cr_assert_eq(tr_port_deliver(rt, far, (troupe_ref){rt->node, 5}, 0, &msg), TROUPE_GONE);
    cr_assert_eq(cue_n(msg), 1);
    tr_port_dead(rt, asker, (troupe_ref){rt->node, 5}, TR_SEND_ASK, &msg, TROUPE_GONE);
    cr_assert_null(msg);
    cr_assert_eq(stage_dead_letters(), 1);
    stage_expect("ask_failed(9,GONE)");
    close_all();
}

/* --- Room ------------------------------------------------------------------------------------- */

Test(port, who_wants_room_is_told_once_when_there_is) {
    troupe *rt = open_with_port();
    troupe_ref who;
    cr_assert_eq(troupe_spawn(rt, &player_with_4, &ann, &who), TROUPE_OK);
    stage_forget();
    cr_assert_not(tr_port_want_room(rt, who), "there is room");
    for (uint32_t i = 0; i < 4; i++) cue(who, CUE_SAY, i);
    cr_assert(tr_port_want_room(rt, who));
    stage_expect("ann:0 ann:1 room(0) ann:2 ann:3");
    for (uint32_t i = 0; i < 4; i++) cue(who, CUE_SAY, i);
    stage_expect("ann:0 ann:1 ann:2 ann:3");
    for (uint32_t i = 0; i < 4; i++) cue(who, CUE_SAY, i);
    cr_assert(tr_port_want_room(rt, who));
    cr_assert_eq(troupe_kill(rt, who), TROUPE_OK);
    stage_expect("room(0)"); /* and so it learns that there is none */
    cr_assert_not(tr_port_want_room(rt, who));
    close_all();
}

Test(port, room_that_a_flush_gives_back_is_told_too) {
    troupe *rt = open_with_port();
    troupe_child child = kid(&ann, TROUPE_PERMANENT);
    child.what = &player_with_4;
    child.flush = true;
    (void)family(&child, 1, 1, 0);
    troupe_ref who = stage_find("ann");
    stage_forget();
    cue(who, CUE_FAIL, TROUPE_USER);
    for (uint32_t i = 1; i < 4; i++) cue(who, CUE_SAY, i);
    cr_assert(tr_port_want_room(rt, who));
    stage_expect("stop(ann,USER) room(1) start(ann)");
    close_all();
}

Test(port, room_that_a_late_push_to_a_reused_place_gives_back_is_told_too) {
    troupe *rt = open_with_port();
    troupe_ref who;
    cr_assert_eq(troupe_spawn(rt, &player_with_4, &ann, &who), TROUPE_OK);
    stage_forget();
    troupe_self *self = tr_table_find(&rt->table, who.id);
    for (int i = 0; i < 4; i++) { /* as deliver() in send.c does for one that was here */
        troupe_msg *msg = cue_make(CUE_SAY, 1, TROUPE_NOBODY);
        msg->generation = (uint32_t)(who.id >> 32) - 1;
        msg->flags |= TR_MSG_COUNTED;
        cr_assert_eq(tr_route_push(&rt->sched, &self->task, &msg->link, true), TR_PUSH_OK);
    }
    cr_assert(tr_port_want_room(rt, who));
    stage_expect("room(0)");
    cr_assert_eq(stage_dead_letters(), 4);
    close_all();
}

/* --- Monitors across -------------------------------------------------------------------------- */

Test(port, an_actor_watches_one_elsewhere) {
    troupe *rt = open_with_port();
    troupe_ref who = stage_enter(&ann);
    cue_about(who, CUE_WATCH, 5, far);
    cue_about(who, CUE_WATCH, 6, far_full);
    stage_expect("start(ann) monitor(1,12) monitor(2,13) down(ann,6,NOCONNECTION)");
    tr_port_down(rt, 1, ELSEWHERE + 1, TROUPE_OK); /* of a node that has no say in it */
    tr_port_down(rt, 2, ELSEWHERE, TROUPE_OK);
    tr_port_down(rt, 3, ELSEWHERE, TROUPE_OK);
    stage_expect("");
    tr_port_down(rt, 1, ELSEWHERE, TROUPE_FAILED);
    tr_port_down(rt, 1, ELSEWHERE, TROUPE_FAILED);
    stage_expect("down(ann,5,FAILED)");
    cue_about(who, CUE_WATCH, 7, far);
    cue(who, CUE_EXIT, TROUPE_OK);
    stage_expect("monitor(3,12) stop(ann,OK) demonitor(3,12)");
    cr_assert_eq(rt->ties.all.count, 0);
    close_all();
}

Test(port, one_elsewhere_watches_an_actor) {
    troupe *rt = open_with_port();
    troupe_ref who = stage_enter(&ann);
    cr_assert_eq(tr_port_watch(rt, 1, far, who), TROUPE_OK);
    cr_assert_eq(tr_port_watch(rt, 2, far, who), TROUPE_OK);
    cr_assert_eq(tr_port_watch(rt, 3, far, (troupe_ref){rt->node, 99}), TROUPE_OK);
    stage_expect("start(ann) down(3,GONE)");
    cr_expect(tr_port_unwatch(rt, 2, far));
    cr_expect_not(tr_port_unwatch(rt, 2, far));
    cue(who, CUE_RETURN, TROUPE_USER);
    stage_expect("stop(ann,USER) down(1,USER)");
    cr_assert_eq(rt->ties.all.count, 0);
    close_all();
}

Test(port, a_lost_node_is_told_and_forgotten) {
    troupe *rt = open_with_port();
    troupe_ref who = stage_enter(&ann);
    cue_about(who, CUE_WATCH, 5, far);
    cue_about(who, CUE_WATCH, 6, (troupe_ref){ELSEWHERE + 1, 12});
    cr_assert_eq(tr_port_watch(rt, 1, far, who), TROUPE_OK);
    stage_expect("start(ann) monitor(1,12) monitor(2,12)");
    tr_port_node_lost(rt, ELSEWHERE);
    stage_expect("down(ann,5,NOCONNECTION)");
    cr_assert_eq(rt->ties.all.count, 1);
    tr_port_node_lost(rt, ELSEWHERE);
    stage_expect("");
    close_all();
}

/* The node is lost while the question is on its way. */
static troupe_err send_and_be_lost(tr_port *at, troupe_ref from, troupe_ref to, unsigned how,
                                   troupe_msg **msg) {
    (void)at;
    (void)from;
    (void)how;
    troupe_drop(msg);
    tr_port_node_lost(stage_rt(), to.node + 1); /* another node's loss is no answer */
    if (to.id == far.id) tr_port_node_lost(stage_rt(), to.node);
    return TROUPE_OK;
}

Test(port, who_asked_a_lost_node_is_told) {
    tr_port_ops lossy = ops;
    lossy.send = send_and_be_lost;
    tr_port other = {&lossy};
    troupe *rt = stage_open(TROUPE_STEPPED);
    cr_assert_eq(tr_port_attach(rt, &other), TROUPE_OK);
    troupe_msg *msg = cue_make(CUE_SAY, 1, TROUPE_NOBODY);
    cr_assert_eq(troupe_ask(rt, far, &msg, 20000), TROUPE_NOCONNECTION);
    cr_assert_null(msg);
    msg = cue_make(CUE_SAY, 2, TROUPE_NOBODY);
    cr_assert_eq(troupe_ask(rt, far_full, &msg, 20000), TROUPE_TIMEOUT);
    close_all();
}

/* --- What else lives as long as a runtime ----------------------------------------------------- */

static const int key_one, key_two;

static void end_service(tr_service *service) {
    stage_say("end(%d)", service->key == &key_one ? 1 : 2);
}

static tr_service *make_service(troupe *rt) {
    (void)rt;
    static tr_service services[2];
    static int made;
    services[made].close = end_service;
    stage_say("made");
    return &services[made++];
}

static tr_service *make_none(troupe *rt) {
    (void)rt;
    return NULL;
}

Test(port, services_are_made_once_and_closed_after_the_actors) {
    troupe *rt = open_with_port();
    cr_assert_null(tr_port_service(rt, &key_one, make_none));
    tr_service *one = tr_port_service(rt, &key_one, make_service);
    tr_service *two = tr_port_service(rt, &key_two, make_service);
    cr_assert_eq(tr_port_service(rt, &key_one, make_none), one);
    cr_assert_eq(tr_port_service(rt, &key_two, make_none), two);
    (void)stage_enter(&ann);
    stage_expect("made made start(ann)");
    stage_close();
    stage_expect("stopping(ann) stop(ann,SHUTDOWN) port_close end(2) end(1)");
}

/* Entries in the fullest place of the map of monitors. */
static size_t most_in_one_place(const tr_map *map) {
    size_t most = 0;
    for (size_t i = 0; i < map->buckets; i++) {
        size_t here = 0;
        for (const tr_map_entry *entry = map->bucket[i]; entry; entry = entry->next) here++;
        if (here > most) most = here;
    }
    return most;
}

/* Numbers that would all be in one place if there were no secret, chosen in two ways. */
static uint64_t chosen_number(bool high, uint64_t i) {
    uint64_t inverse = 1, spread = 0x9E3779B97F4A7C15u; /* of base/map.c */
    for (int n = 0; n < 6; n++) inverse *= 2 - spread * inverse;
    return (high ? i << 48 : inverse * i) ^ ELSEWHERE;
}

Test(port, another_node_can_not_choose_numbers_that_are_hard_to_find) {
    enum { MANY = 4096 };
    const troupe_ref watcher = {ELSEWHERE, 1};
    troupe *rt = open_with_port();
    troupe_ref who = stage_enter(&ann);
    for (int high = 0; high <= 1; high++) {
        for (uint64_t i = 1; i <= MANY; i++)
            cr_assert_eq(tr_port_watch(rt, chosen_number(high, i), watcher, who), TROUPE_OK);
        cr_assert_lt(most_in_one_place(&rt->ties.all), 100, "%d", high);
        tr_port_node_lost(rt, ELSEWHERE);
        cr_assert_eq(rt->ties.all.count, 0);
    }
    close_all();
}
