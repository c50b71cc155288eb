/* A line between two nodes that can be cut or held up, in a simulation and over real connections
 * alike: those go through a proxy. */
#ifndef TROUPE_TEST_LINE_SCENE_H
#define TROUPE_TEST_LINE_SCENE_H

#include "test/support/fault_proxy.h"
#include "test/transport/node_scene.h"

typedef struct line {
    party *from, *to;  /* who dials, and who listens */
    fault_proxy proxy; /* of real ones */
} line;

static inline void line_open(line *l, party *from, party *to, bool tcp) {
    char url[sizeof l->proxy.url];
    l->from = from;
    l->to = to;
    if (scene_sim) return;
    (void)snprintf(url, sizeof url, "ipc://%s/%s-%s", scene_dir(), from->name, to->name);
    fault_open(&l->proxy, tcp ? "tcp://127.0.0.1:0" : url, to->url);
}

/* Once the nodes are closed. */
static inline void line_close(line *l) {
    if (!scene_sim) fault_close(&l->proxy);
}

/* Closes both nodes, and it; ends a test. */
static inline void line_end(line *l) {
    party_close(l->from);
    party_close(l->to);
    line_close(l);
    scene_end();
}

/* Connects, the first time or again, as soon as both have noticed that they are not. */
static inline void line_meet(line *l) {
    uint64_t until = patience();
    const char *url = scene_sim ? l->to->url : l->proxy.url;
    troupe_err err;
    while ((err = troupe_connect(l->from->node, url, PATIENCE_MS))) {
        cr_assert_eq(err, TROUPE_REFUSED, "%s", troupe_errname(err));
        scene_go_on(until);
    }
}

/* Ends the connection for both; what is on the way is lost. */
static inline void line_cut(line *l) {
    if (scene_sim)
        troupe_sim_disconnect(scene_sim, l->from->rt, l->to->rt);
    else
        fault_cut(&l->proxy, fault_count(&l->proxy));
}

/* Nothing passes over the present connection, not even its end, or all that waits does. */
static inline void line_hold(line *l, bool held) {
    if (scene_sim) {
        troupe_sim_cut(scene_sim, l->from->rt, l->to->rt, held);
        troupe_sim_cut(scene_sim, l->to->rt, l->from->rt, held);
        return;
    }
    fault_plan plan = fault_none;
    plan.stalled = held;
    for (int way = 0; way < 2; way++)
        fault_change(&l->proxy, fault_count(&l->proxy), way, plan);
}

#endif
