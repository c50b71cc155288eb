/* Actors that are born, fail, are restarted, talk and end, and threads that look at all of them
 * meanwhile: what they see is of whom they asked for, and nothing of it is torn. */
#include <string.h>
#include <troupe/inspect.h>
#include <troupe/supervisor.h>
#include <troupe/troupe.h>

#include "test/stress/stress.h"

enum { LOOKERS = 2, CHILDREN = 4 };

static troupe *rt;
static tr_atomic32 over;
static tr_atomic64 looks, gone;

static const troupe_type tick_type = TROUPE_SIGNAL_TYPE("tick");

/* It sends itself ticks, and ends badly now and then. */
static troupe_err child_start(troupe_self *self, void *state, const void *arg) {
    (void)state, (void)arg;
    return troupe_tell(self, troupe_me(self), &tick_type, NULL);
}

static troupe_err child_receive(troupe_self *self, void *state, troupe_msg **msg) {
    uint64_t *handled = state;
    (void)msg;
    if (++*handled == 200) return TROUPE_FAILED;
    return troupe_tell(self, troupe_me(self), &tick_type, NULL);
}

static const troupe_behaviour child = {.name = "child",
                                       .state_size = sizeof(uint64_t),
                                       .start = child_start,
                                       .receive = child_receive};

/* One that blocks its own thread. */
static troupe_err slow_receive(troupe_self *self, void *state, troupe_msg **msg) {
    (void)self, (void)state, (void)msg;
    sched_yield();
    return TROUPE_OK;
}

static const troupe_behaviour slow = {.name = "slow", .blocking = true, .receive = slow_receive};

/* One of many that live for a moment. */
static const troupe_behaviour brief = {.name = "brief", .receive = slow_receive};

static void check(const troupe_actor_info *info, troupe_ref who) {
    MUST(troupe_same(info->who, who));
    MUST(info->path[0] && info->behaviour[0]);
    MUST(info->waiting <= info->limit);
    if (info->supervisor) MUST(!strcmp(info->behaviour, "supervisor"));
    if (!strcmp(info->behaviour, "child"))
        MUST(!strncmp(info->path, "top/c", 5) || info->ending || !strcmp(info->path, "child"));
    if (!strcmp(info->behaviour, "slow"))
        MUST(info->top && (!info->name[0] || !strcmp(info->name, "slow")));
    if (!strcmp(info->behaviour, "brief")) MUST(info->top && !info->name[0]);
}

static void *look(void *arg) {
    (void)arg;
    while (!tr_load32_acquire(&over)) {
        troupe_ref page[7];
        uint32_t from = 0;
        for (size_t count; (count = troupe_actors(rt, &from, page, 7));)
            for (size_t i = 0; i < count; i++) {
                troupe_actor_info info;
                troupe_err err = troupe_inspect(rt, page[i], &info);
                MUST(!err || err == TROUPE_GONE);
                if (!err) check(&info, page[i]);
                (void)tr_add64_relaxed(err ? &gone : &looks, 1);
            }
    }
    return NULL;
}

static void live(uint64_t rounds) {
    troupe_ref busy;
    MUST(troupe_spawn(rt, &slow, NULL, &busy) == TROUPE_OK);
    MUST(troupe_register(rt, busy, "slow") == TROUPE_OK);
    for (uint64_t i = 0; i < rounds; i++) {
        troupe_ref who;
        troupe_msg *msg;
        MUST(troupe_spawn(rt, &brief, NULL, &who) == TROUPE_OK);
        for (int to = 0; to < 2; to++) {
            MUST(troupe_make(rt, &tick_type, NULL, &msg) == TROUPE_OK);
            troupe_err err = troupe_post(rt, to ? busy : who, &msg);
            MUST(!err || err == TROUPE_FULL);
            troupe_drop(&msg);
        }
        (void)(i % 2 ? troupe_kill(rt, who) : troupe_stop(rt, who));
    }
}

int main(void) {
    static const troupe_child children[CHILDREN] = {{.id = "c1", .what = &child},
                                                    {.id = "c2", .what = &child, .name = "named"},
                                                    {.id = "c3", .what = &child, .flush = true},
                                                    {.id = "c4", .what = &child}};
    const troupe_supervision what = {
        .child = children, .children = CHILDREN, .max_restarts = TROUPE_UNLIMITED, .name = "top"};
    static stress_heap heap;
    stress_heap_init(&heap);
    const troupe_config config = {.workers = 3, .quiet = TROUPE_ERROR, .heap = heap.heap};
    tr_thread thread[LOOKERS];
    troupe_ref top;
    MUST(troupe_open(&config, &rt) == TROUPE_OK);
    for (int i = 0; i < LOOKERS; i++) MUST(tr_thread_start(&thread[i], "looks", look, NULL));
    MUST(troupe_supervise(rt, &what, STRESS_PATIENCE_MS, &top) == TROUPE_OK);
    live(stress_count(50000, 3000));
    uint64_t until = stress_deadline();
    while (tr_load64_relaxed(&looks) < 1000) MUST(tr_clock() < until);
    tr_store32_release(&over, 1);
    for (int i = 0; i < LOOKERS; i++) tr_thread_join(&thread[i]);
    troupe_close(&rt);
    MUST(stress_heap_empty(&heap));
    printf("inspect: %llu looks, %llu of them too late\n",
           (unsigned long long)tr_load64_relaxed(&looks),
           (unsigned long long)tr_load64_relaxed(&gone));
    return 0;
}
