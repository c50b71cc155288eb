/* A ticket office, chapter 3: it answers; main asks and waits, a customer asks and goes on. */
#include <stdio.h>
#include <troupe/troupe.h>

enum { SEATS = 5, WAIT_MS = 5000 };

struct hold {
    uint32_t seat;
};
enum news { YOURS, TAKEN, NO_SUCH_SEAT };
struct answer {
    uint32_t seat;
    enum news news;
};
static const troupe_type hold_type = TROUPE_TYPE(hold, TROUPE_FIELD(hold, seat));
static const troupe_enum news_enum =
    TROUPE_ENUM_TYPE(TROUPE_CHOICE(YOURS), TROUPE_CHOICE(TAKEN), TROUPE_CHOICE(NO_SUCH_SEAT));
static const troupe_type answer_type =
    TROUPE_TYPE(answer, TROUPE_FIELD(answer, seat), TROUPE_FIELD_OF(answer, news, &news_enum));

/* --- The office ------------------------------------------------------------------------------- */

struct office {
    bool held[SEATS];
};

static troupe_err office_receive(troupe_self *self, void *state, troupe_msg **msg) {
    struct office *office = state;
    const struct hold *hold = troupe_as(*msg, &hold_type);
    if (!hold) return TROUPE_BADTYPE;
    struct answer answer = {hold->seat, NO_SUCH_SEAT};
    if (hold->seat < SEATS) {
        answer.news = office->held[hold->seat] ? TAKEN : YOURS;
        office->held[hold->seat] = true;
    }
    return troupe_answer(self, &answer_type, &answer);
}

static const troupe_behaviour office = {
    .name = "office", .state_size = sizeof(struct office), .receive = office_receive};

/* --- A customer: takes the first seat that is free -------------------------------------------- */

struct customer {
    troupe_ref office;
    uint32_t seat;
};

static troupe_err customer_ask(troupe_self *self, const struct customer *it) {
    troupe_msg *msg = NULL;
    troupe_err err = troupe_make(troupe_runtime(self), &hold_type, &(struct hold){it->seat}, &msg);
    if (!err) err = troupe_request(self, it->office, &msg, WAIT_MS, it->seat);
    troupe_drop(&msg);
    return err;
}

static troupe_err customer_start(troupe_self *self, void *state, const void *arg) {
    struct customer *it = state;
    it->office = *(const troupe_ref *)arg;
    return customer_ask(self, it);
}

/* The answer is a message like any other; or there comes one that says why there is none. */
static troupe_err customer_receive(troupe_self *self, void *state, troupe_msg **msg) {
    struct customer *it = state;
    const struct answer *answer = troupe_as(*msg, &answer_type);
    const struct troupe_unanswered *none = troupe_as(*msg, &troupe_unanswered_type);
    if (none) return troupe_fail(self, (troupe_err)none->why, "no answer about %u", it->seat);
    if (!answer) return TROUPE_BADTYPE;
    if (answer->news == TAKEN) {
        it->seat++;
        return customer_ask(self, it);
    }
    return troupe_exit_with(self, msg); /* to whoever joins it */
}

static const troupe_behaviour customer = {.name = "customer",
                                          .state_size = sizeof(struct customer),
                                          .start = customer_start,
                                          .receive = customer_receive};

/* --- Both ------------------------------------------------------------------------------------- */

static void show(const char *who, troupe_err err, const troupe_msg *msg) {
    const struct answer *answer = troupe_as(msg, &answer_type);
    if (err || !answer)
        printf("%s: no answer, %s\n", who, troupe_strerror(err));
    else
        printf("%s: seat %u: %s\n", who, (unsigned)answer->seat,
               news_enum.choice[answer->news].name);
}

static void ask(troupe *rt, troupe_ref to, uint32_t seat) {
    troupe_msg *msg = NULL;
    troupe_err err = troupe_make(rt, &hold_type, &(struct hold){seat}, &msg);
    if (!err) err = troupe_ask(rt, to, &msg, WAIT_MS); /* now it is the answer */
    show("main", err, msg);
    troupe_drop(&msg);
}

int main(void) {
    troupe *rt = NULL;
    troupe_ref to;
    troupe_handle handle;
    troupe_msg *left = NULL;
    if (troupe_open(NULL, &rt) || troupe_spawn(rt, &office, NULL, &to)) return 1;
    ask(rt, to, 0);
    ask(rt, to, 0);
    ask(rt, to, 99);
    if (troupe_spawn_handle(rt, &customer, &to, &handle)) return 1;
    troupe_err err = troupe_join_handle(rt, &handle, WAIT_MS, NULL, &left);
    show("customer", err, left);
    troupe_drop(&left);
    if (troupe_stop(rt, to) || troupe_join(rt, to, WAIT_MS, NULL, NULL) == TROUPE_TIMEOUT) return 1;
    ask(rt, to, 1);
    troupe_close(&rt);
    return 0;
}
