/* One actor, one typed message, one answer. */
#include <stdio.h>
#include <troupe/troupe.h>

struct greet {
    const char *who;
    uint32_t times;
};
static const troupe_type greet_type =
    TROUPE_TYPE(greet, TROUPE_FIELD(greet, who), TROUPE_FIELD(greet, times));

/* The state is a count of all greetings so far. */
static troupe_err receive(troupe_self *self, void *state, troupe_msg **msg) {
    uint32_t *greeted = state;
    const struct greet *greet = troupe_as(*msg, &greet_type);
    if (!greet) return TROUPE_BADTYPE; /* fails this actor, nobody else */
    for (uint32_t i = 0; i < greet->times; i++)
        printf("Hello, %s! (greeting %u)\n", greet->who, ++*greeted);
    return troupe_reply(self, msg); /* the same message goes back: it moves, nothing is copied */
}

static const troupe_behaviour greeter = {
    .name = "greeter", .state_size = sizeof(uint32_t), .receive = receive};

int main(void) {
    troupe *rt = NULL;
    troupe_msg *msg = NULL;
    troupe_ref ref;
    troupe_err err = troupe_open(NULL, &rt);
    if (!err) err = troupe_spawn(rt, &greeter, NULL, &ref);
    if (!err) err = troupe_make(rt, &greet_type, &(struct greet){"world", 2}, &msg);
    if (!err) err = troupe_ask(rt, ref, &msg, 1000);
    if (err) fprintf(stderr, "hello: %s\n", troupe_strerror(err));
    troupe_drop(&msg);
    troupe_close(&rt);
    return err != TROUPE_OK;
}
