/* A service: runs its tree until SIGTERM or Ctrl-C, then stops it in order. Here the till itself
 * closes the shop, after three customers, as `kill` would. */
#include <signal.h>
#include <stdio.h>
#include <troupe/troupe.h>
#include <unistd.h>

static const troupe_type customer_type = TROUPE_SIGNAL_TYPE("customer");

static troupe_err next_customer(troupe_self *self) {
    troupe_msg *msg = NULL;
    troupe_err err = troupe_make(troupe_runtime(self), &customer_type, NULL, &msg);
    if (!err) err = troupe_send_after(self, 1, troupe_me(self), &msg, NULL);
    troupe_drop(&msg);
    return err;
}

static troupe_err start(troupe_self *self, void *state, const void *arg) {
    (void)state;
    (void)arg;
    printf("the till is open\n");
    return next_customer(self);
}

static troupe_err receive(troupe_self *self, void *state, troupe_msg **msg) {
    int *served = state;
    (void)msg;
    printf("customer %d\n", ++*served);
    if (*served < 3) return next_customer(self);
    return kill(getpid(), SIGTERM) ? troupe_fail(self, TROUPE_SYSTEM, "kill") : TROUPE_OK;
}

static void stop(troupe_self *self, void *state, troupe_err why) {
    (void)self;
    printf("the till is closed after %d customers: %s\n", *(int *)state, troupe_strerror(why));
}

int main(void) {
    static const troupe_behaviour till = {.name = "till",
                                          .state_size = sizeof(int),
                                          .start = start,
                                          .receive = receive,
                                          .stop = stop};
    const troupe_child child = {.id = "till", .what = &till};
    const troupe_supervision shop = {.child = &child, .children = 1, .max_restarts = 3};
    troupe *rt = NULL;
    troupe_ref root;
    troupe_hold_signals(); /* first: from here on one that comes waits to be asked for */
    if (troupe_open(NULL, &rt)) return 1;
    troupe_err why = troupe_supervise(rt, &shop, 5000, &root);
    if (!why) why = troupe_await_end(rt, root, TROUPE_FOREVER);
    troupe_close(&rt);
    printf("the end: %s\n", troupe_strerror(why));
    return why == TROUPE_SHUTDOWN ? 0 : 1;
}
