/* Many tasks on few threads: hundreds of actors on two workers. Each walks its own number down to 1
 * by Collatz' rule, a step at a time, and lets others go first in between; no thread waits for any
 * of them, and nobody has to know which one runs where. */
#include <stdio.h>
#include <troupe/troupe.h>

enum { WORKERS = 2, TASKS = 300, WAIT_MS = 60000 };

static const troupe_type go_type = TROUPE_SIGNAL_TYPE("go");
struct steps {
    uint32_t from, steps;
};
static const troupe_type steps_type =
    TROUPE_TYPE(steps, TROUPE_FIELD(steps, from), TROUPE_FIELD(steps, steps));

struct task {
    struct steps so_far;
    uint64_t at;
};

static troupe_local *turns; /* a count for each thread that runs actors */

static troupe_err start(troupe_self *self, void *state, const void *arg) {
    struct task *task = state;
    task->so_far.from = *(const uint32_t *)arg;
    task->at = task->so_far.from;
    return troupe_tell(self, troupe_me(self), &go_type, NULL);
}

/* One step, and then it is somebody else's turn: a message to oneself is as a `yield`. */
static troupe_err receive(troupe_self *self, void *state, troupe_msg **msg) {
    struct task *task = state;
    troupe_local_add(self, turns, 0, 1);
    if (task->at > 1) {
        task->at = task->at % 2 ? 3 * task->at + 1 : task->at / 2;
        task->so_far.steps++;
        return troupe_send(self, troupe_me(self), msg); /* the same one again */
    }
    troupe_msg *result = NULL;
    troupe_err err = troupe_make(troupe_runtime(self), &steps_type, &task->so_far, &result);
    return err ? err : troupe_exit_with(self, &result);
}

static const troupe_behaviour walker = {
    .name = "walker", .state_size = sizeof(struct task), .start = start, .receive = receive};

int main(void) {
    static troupe_handle handle[TASKS];
    const troupe_config config = {.workers = WORKERS};
    struct steps most = {0, 0};
    uint64_t all = 0;
    troupe *rt = NULL;
    if (troupe_open(&config, &rt) || troupe_local_open(rt, sizeof(uint64_t), &turns)) return 1;
    for (uint32_t i = 0; i < TASKS; i++) {
        const uint32_t from = i + 1;
        if (troupe_spawn_handle(rt, &walker, &from, &handle[i])) return 1;
    }
    for (uint32_t i = 0; i < TASKS; i++) {
        troupe_msg *result = NULL;
        if (troupe_join_handle(rt, &handle[i], WAIT_MS, NULL, &result)) return 1;
        const struct steps *steps = troupe_as(result, &steps_type);
        if (!steps) return 1;
        all += steps->steps;
        if (steps->steps > most.steps) most = *steps;
        troupe_drop(&result);
    }
    printf("%d tasks, %u steps\n", TASKS, (unsigned)all);
    printf("the longest way is from %u: %u steps\n", (unsigned)most.from, (unsigned)most.steps);
    printf("turns that the workers took: %s\n",
           troupe_local_sum(turns, 0) == all + TASKS ? "as many, and one to end each" : "wrong");
    troupe_close(&rt);
    return 0;
}
