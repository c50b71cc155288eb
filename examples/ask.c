/* A shop that asks others, and goes on meanwhile: it gets answers as messages, and as calls.
 * The porter passes questions on; and there is one that the stock forgets to answer. */
#include <stdio.h>
#include <string.h>
#include <troupe/troupe.h>

struct item {
    const char *name;
    int64_t pence; /* in an answer; below 0: sold out */
};
static const troupe_type item_type =
    TROUPE_TYPE(item, TROUPE_FIELD(item, name), TROUPE_FIELD(item, pence));

/* --- Those who are asked ---------------------------------------------------------------------- */

/* Knows prices, and of "hats" it says nothing at all. */
static troupe_err know_prices(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    const struct item *item = troupe_as(*msg, &item_type);
    struct item answer = {item->name, strcmp(item->name, "tea") == 0 ? 250 : -1};
    if (strcmp(item->name, "hats") == 0) return TROUPE_OK; /* a promise that is broken */
    return troupe_answer(self, &item_type, &answer);
}

/* Answers nothing itself: who it passes the question on to answers straight to who has asked. */
static troupe_err pass_on(troupe_self *self, void *state, troupe_msg **msg) {
    return troupe_forward(self, *(troupe_ref *)state, msg);
}

static troupe_err start_porter(troupe_self *self, void *state, const void *arg) {
    (void)self;
    *(troupe_ref *)state = *(const troupe_ref *)arg;
    return TROUPE_OK;
}

static const troupe_behaviour stock = {.name = "stock", .receive = know_prices},
                              porter = {.name = "porter",
                                        .state_size = sizeof(troupe_ref),
                                        .start = start_porter,
                                        .receive = pass_on};

/* --- The one who asks ------------------------------------------------------------------------- */

struct shop {
    troupe_ref stock, porter, customer;
    unsigned open; /* questions */
};

enum { BY_MESSAGE = 1, BY_CALL = 2 };

static troupe_err done(troupe_self *self, struct shop *shop, const char *how, uint64_t tag,
                       troupe_err err, const troupe_msg *answer) {
    const struct item *item = troupe_as(answer, &item_type);
    if (item && item->pence >= 0)
        printf("%s, question %u: %s costs %d\n", how, (unsigned)tag, item->name, (int)item->pence);
    else if (item)
        printf("%s, question %u: %s is sold out\n", how, (unsigned)tag, item->name);
    else
        printf("%s, question %u: %s\n", how, (unsigned)tag, troupe_strerror(err));
    if (--shop->open) return TROUPE_OK;
    return troupe_tell(self, shop->customer, &item_type, &(struct item){"all", 0});
}

/* What comes of a question that was asked by a call. */
static troupe_err called(troupe_self *self, void *state, uint64_t tag, troupe_err err,
                         troupe_msg **answer) {
    return done(self, state, "by call", tag, err, *answer);
}

static troupe_err ask(troupe_self *self, struct shop *shop, troupe_ref who, uint64_t tag,
                      const char *name) {
    troupe_msg *msg = NULL;
    troupe_err err = troupe_make(troupe_runtime(self), &item_type, &(struct item){name, 0}, &msg);
    if (!err && tag % 2)
        err = troupe_request(self, who, &msg, 1000, tag);
    else if (!err)
        err = troupe_request_then(self, who, &msg, 1000, tag, called);
    shop->open += !err;
    troupe_drop(&msg);
    return err;
}

static troupe_err receive(troupe_self *self, void *state, troupe_msg **msg) {
    struct shop *shop = state;
    const struct troupe_unanswered *none = troupe_as(*msg, &troupe_unanswered_type);
    uint64_t tag;
    if (troupe_answered(self, &tag))
        return done(self, shop, "by message", tag, none ? (troupe_err)none->why : TROUPE_OK, *msg);
    shop->customer = troupe_sender(self);
    troupe_err err = ask(self, shop, shop->stock, 1, "tea");
    if (!err) err = ask(self, shop, shop->stock, 2, "milk");
    if (!err) err = ask(self, shop, shop->porter, 3, "tea");
    if (!err) err = ask(self, shop, shop->porter, 4, "hats");
    if (!err) printf("the shop has asked, and is open\n");
    return err;
}

static troupe_err start(troupe_self *self, void *state, const void *arg) {
    (void)self;
    *(struct shop *)state = *(const struct shop *)arg;
    return TROUPE_OK;
}

static const troupe_behaviour shop = {
    .name = "shop", .state_size = sizeof(struct shop), .start = start, .receive = receive};

int main(void) {
    const troupe_config config = {.workers = 1};
    struct shop arg = {.open = 0};
    troupe *rt = NULL;
    troupe_msg *msg = NULL;
    troupe_ref who;
    if (troupe_open(&config, &rt)) return 1;
    if (troupe_spawn(rt, &stock, NULL, &arg.stock)) return 1;
    if (troupe_spawn(rt, &porter, &arg.stock, &arg.porter)) return 1;
    if (troupe_spawn(rt, &shop, &arg, &who)) return 1;
    if (troupe_make(rt, &item_type, &(struct item){"all", 0}, &msg)) return 1;
    troupe_err err = troupe_ask(rt, who, &msg, 5000); /* a thread asks, and waits */
    printf("the customer: %s\n", troupe_strerror(err));
    troupe_drop(&msg);
    troupe_close(&rt);
    return 0;
}
