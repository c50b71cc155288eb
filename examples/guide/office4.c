/* A ticket office, chapter 4: under a supervisor. A printer that jams is started again, and the
 * office does not lose a seat by that. */
#include <stdio.h>
#include <troupe/troupe.h>

enum { SEATS = 5, WAIT_MS = 5000 };

struct hold {
    uint32_t seat;
};
struct answer {
    bool yours;
};
struct print {
    uint32_t seat, number;
};
static const troupe_type hold_type = TROUPE_TYPE(hold, TROUPE_FIELD(hold, seat));
static const troupe_type answer_type = TROUPE_TYPE(answer, TROUPE_FIELD(answer, yours));
static const troupe_type print_type =
    TROUPE_TYPE(print, TROUPE_FIELD(print, seat), TROUPE_FIELD(print, number));

/* --- The office: knows the seats -------------------------------------------------------------- */

struct office {
    bool held[SEATS];
};

static troupe_err office_receive(troupe_self *self, void *state, troupe_msg **msg) {
    struct office *office = state;
    const struct hold *hold = troupe_as(*msg, &hold_type);
    struct answer answer = {false};
    if (!hold) return TROUPE_BADTYPE;
    if (hold->seat < SEATS) {
        answer.yours = !office->held[hold->seat];
        office->held[hold->seat] = true;
    }
    return troupe_answer(self, &answer_type, &answer);
}

static const troupe_behaviour office = {
    .name = "office", .state_size = sizeof(struct office), .receive = office_receive};

/* --- The printer: jams at each third ticket --------------------------------------------------- */

static troupe_err printer_receive(troupe_self *self, void *state, troupe_msg **msg) {
    uint32_t *printed = state;
    const struct print *print = troupe_as(*msg, &print_type);
    if (!print) return TROUPE_BADTYPE;
    if (*printed == 2) return troupe_fail(self, TROUPE_USER, "the paper is jammed");
    return troupe_answer(self, &print_type, &(struct print){print->seat, ++*printed});
}

static const troupe_behaviour printer = {
    .name = "printer", .state_size = sizeof(uint32_t), .receive = printer_receive};

/* --- The tree --------------------------------------------------------------------------------- */

static const troupe_child children[] = {
    {.id = "office", .what = &office, .name = "office"},
    {.id = "printer", .what = &printer, .name = "printer"},
};
static const troupe_supervision shop = {
    .child = children, .children = 2, .max_restarts = 3, .within_ms = 10000};

static void show(troupe *rt, troupe_ref root) {
    troupe_child_info info[2];
    size_t count = 0;
    if (troupe_children(rt, root, WAIT_MS, info, 2, &count)) return;
    for (size_t i = 0; i < count; i++)
        printf("%s: %u restarts\n", info[i].id, (unsigned)info[i].restarts);
}

/* --- A customer: the main thread -------------------------------------------------------------- */

static troupe_err ask(troupe *rt, const char *whom, const troupe_type *type, const void *body,
                      troupe_msg **answer) {
    troupe_ref to;
    troupe_err err = troupe_whereis(rt, whom, &to);
    if (!err) err = troupe_make(rt, type, body, answer);
    if (!err) err = troupe_ask(rt, to, answer, WAIT_MS);
    if (err) troupe_drop(answer);
    return err;
}

static troupe_err print(troupe *rt, uint32_t seat) {
    troupe_msg *msg = NULL;
    troupe_err err = ask(rt, "printer", &print_type, &(struct print){seat, 0}, &msg);
    const struct print *ticket = troupe_as(msg, &print_type);
    if (ticket)
        printf("seat %u: ticket number %u\n", (unsigned)seat, (unsigned)ticket->number);
    else
        printf("seat %u: no ticket, %s\n", (unsigned)seat, troupe_strerror(err));
    troupe_drop(&msg);
    return err;
}

static void buy(troupe *rt, uint32_t seat) {
    troupe_msg *msg = NULL;
    if (ask(rt, "office", &hold_type, &(struct hold){seat}, &msg)) return;
    const struct answer *answer = troupe_as(msg, &answer_type);
    if (!answer || !answer->yours)
        printf("seat %u: taken\n", (unsigned)seat);
    else if (print(rt, seat) == TROUPE_FAILED) /* it is started again meanwhile */
        (void)print(rt, seat);
    troupe_drop(&msg);
}

int main(void) {
    troupe *rt = NULL;
    troupe_ref root;
    if (troupe_open(NULL, &rt) || troupe_supervise(rt, &shop, WAIT_MS, &root)) return 1;
    for (uint32_t seat = 0; seat < 4; seat++) buy(rt, seat);
    buy(rt, 0); /* the office has forgotten nothing */
    show(rt, root);
    troupe_close(&rt);
    return 0;
}
