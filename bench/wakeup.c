/* wakeup [MESSAGES] [PAUSE_US]: a plain thread posts to an actor of a runtime that has fallen
 * asleep; from just before the post to the first line of the handler. */
#include "measure.h"

struct note {
    uint64_t number, sent;
};
static const troupe_type note_type =
    TROUPE_TYPE(note, TROUPE_FIELD(note, number), TROUPE_FIELD(note, sent));

struct sleeper {
    uint64_t *delay, messages;
    troupe_ref finish;
};

BENCH_START(start, struct sleeper)

static troupe_err receive(troupe_self *self, void *state, troupe_msg **msg) {
    uint64_t now = bench_now();
    struct sleeper *sleeper = state;
    const struct note *note = troupe_as(*msg, &note_type);
    if (!note) return TROUPE_BADTYPE;
    sleeper->delay[note->number] = now - note->sent;
    if (note->number + 1 < sleeper->messages) return TROUPE_OK;
    return troupe_tell(self, sleeper->finish, &bench_done_type, NULL);
}

static const troupe_behaviour sleeper = {.name = "sleeper",
                                         .state_size = sizeof(struct sleeper),
                                         .mailbox_limit = TROUPE_MAILBOX_MAX,
                                         .start = start,
                                         .receive = receive};

int main(int argc, char **argv) {
    uint64_t messages = bench_arg(argc, argv, 1, 1000), pause_us = bench_arg(argc, argv, 2, 2000);
    uint64_t *delay = bench_alloc(messages, sizeof *delay);
    troupe *rt = bench_open();
    troupe_ref finish = bench_finish_line(rt, 1), ref;
    MUST(troupe_spawn(rt, &sleeper, &(struct sleeper){delay, messages, finish}, &ref));
    for (uint64_t i = 0; i < messages; i++) {
        bench_sleep_until(bench_now() + pause_us * 1000);
        troupe_msg *msg = NULL;
        struct note note = {i, bench_now()};
        MUST(troupe_make(rt, &note_type, &note, &msg));
        MUST(troupe_post(rt, ref, &msg));
    }
    bench_wait(rt, finish);
    bench_percentiles("wakeup", delay, messages, false);
    troupe_close(&rt);
    free(delay);
}
