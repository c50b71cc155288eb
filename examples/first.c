#include <stdio.h>
#include <troupe/troupe.h>

struct add { int64_t n; };
static const troupe_type add_type = TROUPE_TYPE(add, TROUPE_FIELD(add, n));

static troupe_err receive(troupe_self *self, void *state, troupe_msg **msg) {
    int64_t *sum = state; /* private to this actor, zero at every start */
    const struct add *add = troupe_as(*msg, &add_type);
    if (!add || add->n < 0) return troupe_fail(self, TROUPE_INVALID, "negative");
    return troupe_answer(self, &add_type, &(struct add){*sum += add->n});
}

int main(void) {
    const troupe_behaviour adder = {"adder", sizeof(int64_t), .receive = receive};
    const troupe_child child = {.id = "adder", .what = &adder, .name = "adder"};
    const troupe_supervision tree = {.child = &child, .children = 1, .max_restarts = 3};
    const int64_t numbers[] = {20, 22, -1, 7}; /* the third makes the adder fail */
    troupe *rt = NULL;
    troupe_msg *msg = NULL;
    troupe_ref root, to;
    if (troupe_open(NULL, &rt) || troupe_supervise(rt, &tree, 1000, &root)) return 1;
    for (int i = 0; i < 4 && !troupe_whereis(rt, "adder", &to); troupe_drop(&msg), i++) {
        if (troupe_make(rt, &add_type, &(struct add){numbers[i]}, &msg)) return 1;
        troupe_err err = troupe_ask(rt, to, &msg, 1000);
        const struct add *sum = troupe_as(msg, &add_type);
        printf("%d: %s, sum %d\n", (int)numbers[i], troupe_strerror(err), sum ? (int)sum->n : 0);
    }
    troupe_close(&rt);
}
