/* Fork and join: an actor has the squares from 1 to 1000 summed by four others, each a part of
 * them, and goes on with its work until one call brings all four sums. Then it asks for the first
 * answer only. In a simulation, so that the order is always the same. */
#include <stdio.h>
#include <troupe/ask.h>
#include <troupe/simulation.h>
#include <troupe/troupe.h>

enum { PARTS = 4, LAST = 1000 };

struct work {
    int64_t last;
};
static const troupe_type work_type = TROUPE_TYPE(work, TROUPE_FIELD(work, last));
struct sum {
    int64_t part, sum;
};
static const troupe_type sum_type =
    TROUPE_TYPE(sum, TROUPE_FIELD(sum, part), TROUPE_FIELD(sum, sum));
struct chat {
    int64_t n;
};
static const troupe_type chat_type = TROUPE_TYPE(chat, TROUPE_FIELD(chat, n));

/* --- A worker: sums its part ------------------------------------------------------------------ */

static troupe_err start(troupe_self *self, void *state, const void *arg) {
    (void)self;
    *(int64_t *)state = *(const int64_t *)arg;
    return TROUPE_OK;
}

static troupe_err work(troupe_self *self, void *state, troupe_msg **msg) {
    const struct work *it = troupe_as(*msg, &work_type);
    struct sum sum = {*(int64_t *)state, 0};
    if (!it) return TROUPE_BADTYPE;
    for (int64_t i = sum.part + 1; i <= it->last; i += PARTS) sum.sum += i * i;
    return troupe_answer(self, &sum_type, &sum);
}

/* --- Who forks and joins ---------------------------------------------------------------------- */

static troupe_ref worker[PARTS];
static troupe_gathered add_up;

static troupe_err fork(troupe_self *self, size_t want, uint64_t tag) {
    troupe_msg *msg = NULL;
    troupe_err err = troupe_make(troupe_runtime(self), &work_type, &(struct work){LAST}, &msg);
    if (!err) err = troupe_gather(self, worker, PARTS, &msg, want, 1000, tag, add_up);
    troupe_drop(&msg);
    return err;
}

/* Called once for each fork. */
static troupe_err add_up(troupe_self *self, void *state, uint64_t tag, troupe_err err,
                         troupe_asked *asked, size_t count) {
    int64_t sum = 0;
    unsigned parts = 0;
    (void)state;
    for (size_t i = 0; i < count; i++) {
        const struct sum *it = troupe_as(asked[i].answer, &sum_type);
        if (it) sum += it->sum;
        parts += it != NULL;
    }
    printf("fork %u: %s, %u of %zu parts", (unsigned)tag, troupe_errname(err), parts, count);
    if (parts == count) printf(", the sum is %lld", (long long)sum);
    printf("\n");
    return tag == 1 ? fork(self, 1, 2) : TROUPE_OK;
}

static troupe_err receive(troupe_self *self, void *state, troupe_msg **msg) {
    const struct chat *chat = troupe_as(*msg, &chat_type);
    (void)state;
    if (!chat) return TROUPE_BADTYPE;
    if (!chat->n) return fork(self, PARTS, 1);
    printf("meanwhile it does something else\n");
    return TROUPE_OK;
}

static void quiet(void *ctx, troupe_level level, const char *line) {
    (void)ctx;
    (void)level;
    (void)line;
}

int main(void) {
    const troupe_behaviour works = {"worker", sizeof(int64_t), .start = start, .receive = work};
    const troupe_behaviour joins = {.name = "joins", .receive = receive};
    const troupe_config config = {.log = quiet};
    troupe_sim *sim = NULL;
    troupe *rt = NULL;
    troupe_ref who;
    bool ok = !troupe_sim_open(&(troupe_sim_config){.seed = 1}, &sim) &&
              !troupe_sim_runtime(sim, &config, &rt) && !troupe_spawn(rt, &joins, NULL, &who);
    for (int64_t i = 0; i < PARTS && ok; i++) ok = !troupe_spawn(rt, &works, &i, &worker[i]);
    for (int64_t i = 0; i < 2 && ok; i++) {
        troupe_msg *msg = NULL;
        ok = !troupe_make(rt, &chat_type, &(struct chat){i}, &msg) && !troupe_post(rt, who, &msg);
        troupe_drop(&msg);
    }
    if (ok) troupe_sim_run(sim, 1000);
    troupe_close(&rt);
    troupe_sim_close(&sim);
    return !ok;
}
