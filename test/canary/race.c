/* An actor and a plain thread that write the same word without an order. ThreadSanitizer must
 * report it: the runtime's own synchronisation must not hide what its users do wrong. */
#include <stdlib.h>
#include <troupe/actor.h>

#include "base/atomic.h"
#include "base/os.h"

static const troupe_type type = TROUPE_SIGNAL_TYPE("canary");
static uint64_t shared;
static tr_atomic32 written; /* relaxed: says when, and orders nothing */

static troupe_err receive(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    (void)msg;
    shared++;
    tr_store32_relaxed(&written, 1);
    troupe_exit(self, TROUPE_OK);
    return TROUPE_OK;
}

static const troupe_behaviour writer = {.name = "writer", .receive = receive};

int main(void) {
    troupe *rt;
    troupe_ref ref;
    troupe_msg *msg;
    if (troupe_open(NULL, &rt) || troupe_spawn(rt, &writer, NULL, &ref) ||
        troupe_make(rt, &type, NULL, &msg) || troupe_post(rt, ref, &msg))
        return EXIT_FAILURE;
    while (!tr_load32_relaxed(&written)) tr_thread_yield();
    shared++;
    troupe_close(&rt);
    return EXIT_SUCCESS;
}
