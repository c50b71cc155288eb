/* An actor and a plain thread that write the same word without an order. ThreadSanitizer must
 * report it: the runtime's own synchronisation must not hide what its users do wrong. */
#include <stdlib.h>
#include <troupe/actor.h>

static const troupe_type type = TROUPE_SIGNAL_TYPE("canary");
static uint64_t shared;

static troupe_err receive(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    (void)msg;
    shared++;
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
    shared++; /* after the post: nothing orders it and the handler */
    troupe_close(&rt);
    return EXIT_SUCCESS;
}
