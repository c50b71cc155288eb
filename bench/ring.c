/* ring [ACTORS] [HOPS]: one message goes round a ring of actors. With 2 actors it is ping-pong. */
#include "bench.h"

struct token {
    uint64_t hops; /* still to go */
};
static const troupe_type token_type = TROUPE_TYPE(token, TROUPE_FIELD(token, hops));

/* What a member must know, sent to it once all exist. */
struct place {
    troupe_ref next, finish;
};
static const troupe_type place_type =
    TROUPE_TYPE(place, TROUPE_FIELD(place, next), TROUPE_FIELD(place, finish));

static troupe_err receive(troupe_self *self, void *state, troupe_msg **msg) {
    struct place *place = state;
    const struct token *token = troupe_as(*msg, &token_type);
    if (!token) {
        *place = *(const struct place *)troupe_as(*msg, &place_type);
        return TROUPE_OK;
    }
    if (!token->hops) return troupe_tell(self, place->finish, &bench_done_type, NULL);
    return troupe_tell(self, place->next, &token_type, &(struct token){token->hops - 1});
}

static const troupe_behaviour member = {
    .name = "member", .state_size = sizeof(struct place), .receive = receive};

int main(int argc, char **argv) {
    uint64_t actors = bench_arg(argc, argv, 1, 1000), hops = bench_arg(argc, argv, 2, 2000000);
    troupe *rt = bench_open();
    troupe_ref *ref = bench_alloc(actors, sizeof *ref);
    for (uint64_t i = 0; i < actors; i++) MUST(troupe_spawn(rt, &member, NULL, &ref[i]));
    troupe_ref finish = bench_finish_line(rt, 1);
    troupe_msg *msg = NULL;
    for (uint64_t i = 0; i < actors; i++) {
        struct place place = {ref[(i + 1) % actors], finish};
        MUST(troupe_make(rt, &place_type, &place, &msg));
        MUST(troupe_post(rt, ref[i], &msg));
    }
    uint64_t began = troupe_now(rt);
    MUST(troupe_make(rt, &token_type, &(struct token){hops}, &msg));
    MUST(troupe_post(rt, ref[0], &msg));
    bench_wait(rt, finish);
    bench_rate(actors == 2 ? "pingpong" : "ring", hops, troupe_now(rt) - began);
    free(ref);
    troupe_close(&rt);
}
