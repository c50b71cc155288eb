/* Statistics that cost next to nothing: actors count words by their length, each in the value of
 * the worker that it happens to run on, without a lock or an atomic read-modify-write; whoever
 * wants to know adds the values up. */
#include <stdio.h>
#include <string.h>
#include <troupe/troupe.h>

enum { LONGEST = 8, WORD_COUNTERS = 4 };

struct line {
    const char *text;
};
static const troupe_type line_type = TROUPE_TYPE(line, TROUPE_FIELD(line, text));

/* The state of a counter is the object that they all share; its start argument too. */
static troupe_err start(troupe_self *self, void *state, const void *lengths) {
    (void)self;
    *(troupe_local **)state = *(troupe_local *const *)lengths;
    return TROUPE_OK;
}

static troupe_err receive(troupe_self *self, void *state, troupe_msg **msg) {
    troupe_local *lengths = *(troupe_local **)state;
    const struct line *line = troupe_as(*msg, &line_type);
    if (!line) return TROUPE_BADTYPE;
    for (const char *at = line->text; *at;) {
        size_t length = strcspn(at, " ");
        troupe_local_add(self, lengths, length < LONGEST ? length : LONGEST, 1);
        at += length;
        at += strspn(at, " ");
    }
    return troupe_reply(self, msg);
}

static const troupe_behaviour counter = {
    .name = "counter", .state_size = sizeof(troupe_local *), .start = start, .receive = receive};

int main(void) {
    static const char *const text[] = {"all the world is a stage", "and all the men and women",
                                       "merely players", "they have their exits"};
    troupe *rt = NULL;
    troupe_local *lengths = NULL;
    if (troupe_open(NULL, &rt) || troupe_local_open(rt, (LONGEST + 1) * sizeof(uint64_t), &lengths))
        return 1;
    for (int i = 0; i < WORD_COUNTERS; i++) {
        troupe_ref who;
        troupe_msg *msg = NULL;
        if (troupe_spawn(rt, &counter, &lengths, &who) ||
            troupe_make(rt, &line_type, &(struct line){text[i]}, &msg) ||
            troupe_ask(rt, who, &msg, 5000))
            return 1;
        troupe_drop(&msg);
    }
    for (size_t length = 1; length <= LONGEST; length++) {
        unsigned words = (unsigned)troupe_local_sum(lengths, length);
        if (words) printf("%zu letters: %u\n", length, words);
    }
    troupe_local_close(&lengths); /* or leave that to the runtime */
    troupe_close(&rt);
    return 0;
}
