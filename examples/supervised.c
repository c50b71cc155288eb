/* A small tree: a till that fails on a bad coin and is restarted with its mail, a clerk that sends
 * it coins by a timer and watches it, and a supervisor over both that is itself a child. */
#include <stdio.h>
#include <troupe/troupe.h>

struct coin {
    int32_t cents;
};
static const troupe_type coin_type = TROUPE_TYPE(coin, TROUPE_FIELD(coin, cents));
static const troupe_type tick_type = TROUPE_SIGNAL_TYPE("tick");
static const troupe_type finished_type = TROUPE_SIGNAL_TYPE("are you finished?");

/* --- The till: adds coins up, and answers with the sum
 * ----------------------------------------- */

static troupe_err till_receive(troupe_self *self, void *state, troupe_msg **msg) {
    int32_t *sum = state;
    const struct coin *coin = troupe_as(*msg, &coin_type);
    if (!coin) return TROUPE_BADTYPE;
    if (coin->cents <= 0) return troupe_fail(self, TROUPE_INVALID, "a coin of %d", coin->cents);
    *sum += coin->cents;
    printf("till: %d cents\n", *sum);
    return troupe_answer(self, &coin_type, &(struct coin){*sum});
}

static const troupe_behaviour till = {
    .name = "till", .state_size = sizeof(int32_t), .mailbox_limit = 8, .receive = till_receive};

/* --- The clerk: sends coins ------------------------------------------------------------------- */

struct clerk {
    troupe_ref till;
    int sent, added;
    bool told; /* that the till has failed */
    troupe_ref asker;
};

static troupe_err tick(troupe_self *self, unsigned ms) {
    troupe_msg *msg = NULL;
    troupe_err err = troupe_make(troupe_runtime(self), &tick_type, NULL, &msg);
    if (!err) err = troupe_send_after(self, ms, troupe_me(self), &msg, NULL);
    troupe_drop(&msg);
    return err;
}

static troupe_err clerk_start(troupe_self *self, void *state, const void *arg) {
    struct clerk *clerk = state;
    uint64_t monitor;
    (void)arg;
    troupe_err err = troupe_whereis(troupe_runtime(self), "till", &clerk->till);
    if (!err) err = troupe_monitor(self, clerk->till, &monitor);
    return err ? err : tick(self, 1);
}

/* Answers whoever asked, once, when all is done. */
static troupe_err answer_if_finished(troupe_self *self, struct clerk *clerk) {
    troupe_ref asker = clerk->asker;
    if (clerk->added < 4 || !clerk->told || troupe_same(asker, TROUPE_NOBODY)) return TROUPE_OK;
    clerk->asker = TROUPE_NOBODY;
    return troupe_tell(self, asker, &finished_type, NULL);
}

static troupe_err clerk_receive(troupe_self *self, void *state, troupe_msg **msg) {
    static const int32_t coins[] = {50, 20, 0, 10, 5}; /* the third is no coin */
    struct clerk *clerk = state;
    const struct troupe_down *down = troupe_as(*msg, &troupe_down_type);
    if (down) {
        printf("clerk: the till has failed: %s\n", troupe_strerror((troupe_err)down->why));
        clerk->told = true;
    } else if (troupe_as(*msg, &coin_type)) {
        clerk->added++;
    } else if (troupe_as(*msg, &finished_type)) {
        clerk->asker = troupe_sender(self);
    } else if (clerk->sent < 5) { /* a tick; the bad coin's successors wait until it was noticed */
        if (clerk->sent == 3 && !clerk->told) return tick(self, 1);
        troupe_err err =
            troupe_tell(self, clerk->till, &coin_type, &(struct coin){coins[clerk->sent]});
        if (err && err != TROUPE_FULL) return err; /* full: the same coin again, a little later */
        if (!err) clerk->sent++;
        return tick(self, 1);
    }
    return answer_if_finished(self, clerk);
}

static const troupe_behaviour clerk = {.name = "clerk",
                                       .state_size = sizeof(struct clerk),
                                       .start = clerk_start,
                                       .receive = clerk_receive};

/* --- The tree --------------------------------------------------------------------------------- */

static const troupe_child shop_children[] = {
    {.id = "till", .what = &till, .name = "till"},
    {.id = "clerk", .what = &clerk, .name = "clerk", .restart = TROUPE_TRANSIENT},
};
static const troupe_supervision shop = {
    .child = shop_children, .children = 2, .max_restarts = 3, .within_ms = 10000};

static const troupe_child top_children[] = {
    {.id = "shop", .what = &troupe_supervisor, .arg = &shop}};
static const troupe_supervision top = {.child = top_children, .children = 1};

static void show(troupe *rt, troupe_ref supervisor) {
    troupe_child_info info[2];
    size_t count;
    if (troupe_children(rt, supervisor, 1000, info, 2, &count)) return;
    for (size_t i = 0; i < count; i++) {
        printf("%s: %u restarts\n", info[i].id, info[i].restarts);
        if (info[i].supervisor) show(rt, info[i].ref);
    }
}

int main(void) {
    troupe *rt = NULL;
    troupe_msg *msg = NULL;
    troupe_ref root, ref;
    troupe_err err = troupe_open(NULL, &rt);
    if (!err) err = troupe_supervise(rt, &top, 1000, &root);
    if (!err) err = troupe_whereis(rt, "clerk", &ref);
    if (!err) err = troupe_make(rt, &finished_type, NULL, &msg);
    if (!err) err = troupe_ask(rt, ref, &msg, 10000); /* waits until all coins were sent */
    if (!err) show(rt, root);
    if (err) fprintf(stderr, "supervised: %s\n", troupe_strerror(err));
    troupe_drop(&msg);
    troupe_close(&rt);
    return err != TROUPE_OK;
}
