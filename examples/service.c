/* A service: runs its tree until SIGTERM or Ctrl-C, then serves who is in the shop, and stops in
 * order. Here the till itself closes the shop, after three customers, as `kill` would. */
#include <signal.h>
#include <stdio.h>
#include <troupe/troupe.h>
#include <unistd.h>

static const troupe_type customer_type = TROUPE_SIGNAL_TYPE("customer");

static troupe_err start(troupe_self *self, void *state, const void *arg) {
    (void)self;
    (void)state;
    (void)arg;
    printf("the till is open\n");
    return TROUPE_OK;
}

static troupe_err receive(troupe_self *self, void *state, troupe_msg **msg) {
    int *served = state;
    (void)msg;
    printf("customer %d\n", ++*served);
    if (*served != 3 || !kill(getpid(), SIGTERM)) return TROUPE_OK;
    return troupe_fail(self, TROUPE_SYSTEM, "kill");
}

static void stop(troupe_self *self, void *state, troupe_err why) {
    (void)self;
    printf("the till is closed after %d customers: %s\n", *(int *)state, troupe_strerror(why));
}

/* Somebody comes in; or the shop is closing, and takes nobody in any more. */
static troupe_err come(troupe *rt, const char *till) {
    troupe_msg *msg = NULL;
    troupe_ref to;
    troupe_err err = troupe_whereis(rt, till, &to);
    if (!err) err = troupe_make(rt, &customer_type, NULL, &msg);
    if (!err) err = troupe_post(rt, to, &msg);
    troupe_drop(&msg);
    return err;
}

int main(void) {
    static const troupe_behaviour till = {.name = "till",
                                          .state_size = sizeof(int),
                                          .start = start,
                                          .receive = receive,
                                          .stop = stop};
    const troupe_child child = {.id = "till", .what = &till, .name = "till"};
    const troupe_supervision shop = {.child = &child, .children = 1, .max_restarts = 3};
    troupe *rt = NULL;
    troupe_ref root;
    troupe_farewell how = {.busy = 0};
    troupe_hold_signals(); /* first: from here on one that comes waits to be asked for */
    if (troupe_open(NULL, &rt)) return 1;
    troupe_err why = troupe_supervise(rt, &shop, 5000, &root);
    for (int i = 0; !why && i < 5; i++) why = come(rt, "till");
    if (!why) why = troupe_await_end(rt, root, TROUPE_FOREVER);
    troupe_quiesce(rt);
    troupe_err too_late = come(rt, "till");
    troupe_err end = troupe_shutdown(&rt, 10000, 0, &how);
    printf("one who came too late: %s\n", troupe_strerror(too_late));
    printf("the end: %s, %s, %d left unserved\n", troupe_strerror(why),
           end ? "not in order" : "in order", (int)how.dead[TROUPE_DEAD_STOPPED]);
    return why == TROUPE_SHUTDOWN ? 0 : 1;
}
