/* A source that is quicker than its press: when its letters do not fit, it waits to be told of
 * room, and neither asks again and again nor loses one. A thread posts there, and waits, too. */
#include <stdio.h>
#include <troupe/troupe.h>

enum { LETTERS = 12 };

struct letter {
    uint32_t number;
};
static const troupe_type letter_type = TROUPE_TYPE(letter, TROUPE_FIELD(letter, number));
static const troupe_type done_type = TROUPE_SIGNAL_TYPE("done");

/* Prints what it gets; its mailbox holds four letters. */
static troupe_err print(troupe_self *self, void *state, troupe_msg **msg) {
    (void)self, (void)state;
    printf("printed %u\n",
           (unsigned)((const struct letter *)troupe_as(*msg, &letter_type))->number);
    return TROUPE_OK;
}

static const troupe_behaviour press = {.name = "press", .mailbox_limit = 4, .receive = print};

struct source {
    troupe_ref press, customer;
    uint32_t next, waits;
};

/* Sends what fits. */
static troupe_err go_on(troupe_self *self, struct source *source) {
    while (source->next <= LETTERS) {
        const struct letter letter = {source->next};
        troupe_err err = troupe_tell(self, source->press, &letter_type, &letter);
        if (err == TROUPE_FULL) {
            source->waits++;
            return troupe_notify_room(self, source->press);
        }
        if (err) return err;
        source->next++;
    }
    return troupe_tell(self, source->customer, &done_type, NULL);
}

static troupe_err receive(troupe_self *self, void *state, troupe_msg **msg) {
    struct source *source = state;
    const struct troupe_room *room = troupe_as(*msg, &troupe_room_type);
    if (room && room->why) return troupe_fail(self, (troupe_err)room->why, "the press is no more");
    if (!room) source->customer = troupe_sender(self);
    return go_on(self, source);
}

static troupe_err start(troupe_self *self, void *state, const void *arg) {
    (void)self;
    *(struct source *)state = (struct source){.press = *(const troupe_ref *)arg, .next = 1};
    return TROUPE_OK;
}

static void stop(troupe_self *self, void *state, troupe_err why) {
    (void)self, (void)why;
    const struct source *source = state;
    printf("the source has waited: %s\n", source->waits ? "yes" : "no");
}

static const troupe_behaviour source = {.name = "source",
                                        .state_size = sizeof(struct source),
                                        .start = start,
                                        .receive = receive,
                                        .stop = stop};

int main(void) {
    const troupe_config config = {.workers = 1};
    troupe *rt = NULL;
    troupe_msg *msg = NULL;
    troupe_ref to, from;
    if (troupe_open(&config, &rt)) return 1;
    if (troupe_spawn(rt, &press, NULL, &to) || troupe_spawn(rt, &source, &to, &from)) return 1;
    if (troupe_make(rt, &done_type, NULL, &msg) || troupe_ask(rt, from, &msg, 5000)) return 1;
    troupe_drop(&msg);
    for (uint32_t i = 1; i <= 2; i++) {
        const struct letter letter = {LETTERS + i};
        if (troupe_make(rt, &letter_type, &letter, &msg)) return 1;
        if (troupe_post_wait(rt, to, &msg, 5000)) return 1;
    }
    troupe_err err = troupe_shutdown(&rt, 5000, 0, NULL); /* once all is printed */
    printf("closed: %s\n", troupe_strerror(err));
    return err;
}
