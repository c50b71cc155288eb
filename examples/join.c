/* A program that has work done by actors and waits for it: each actor ends with a result, or with a
 * reason, and its handle keeps both until somebody asks. */
#include <stdio.h>
#include <string.h>
#include <troupe/troupe.h>

struct count {
    uint64_t words;
};
static const troupe_type count_type = TROUPE_TYPE(count, TROUPE_FIELD(count, words));

/* Counts the words of a text, its start argument, which must last as long as it. */
static troupe_err start(troupe_self *self, void *state, const void *text) {
    *(const char **)state = text;
    static const troupe_type go_type = TROUPE_SIGNAL_TYPE("go");
    return troupe_tell(self, troupe_me(self), &go_type, NULL);
}

static troupe_err receive(troupe_self *self, void *state, troupe_msg **msg) {
    struct count count = {0};
    (void)msg;
    for (const char *at = *(const char **)state; *at; count.words++) {
        if (*at == '?') return troupe_fail(self, TROUPE_USER, "what is that?");
        at += strcspn(at, " ");
        at += strspn(at, " ");
    }
    troupe_msg *result = NULL;
    troupe_err err = troupe_make(troupe_runtime(self), &count_type, &count, &result);
    return err ? err : troupe_exit_with(self, &result);
}

static const troupe_behaviour counter = {
    .name = "counter", .state_size = sizeof(char *), .start = start, .receive = receive};

static void quiet(void *ctx, troupe_level level, const char *line) {
    (void)ctx;
    (void)level;
    (void)line;
}

int main(void) {
    static const char *const text[] = {"all the world is a stage", "and all the men and women",
                                       "?"};
    enum { TEXTS = sizeof text / sizeof *text };
    const troupe_config config = {.log = quiet};
    troupe_handle handle[TEXTS];
    troupe *rt = NULL;
    if (troupe_open(&config, &rt)) return 1;
    for (int i = 0; i < TEXTS; i++) /* all at the same time */
        if (troupe_spawn_handle(rt, &counter, text[i], &handle[i])) return 1;
    for (int i = 0; i < TEXTS; i++) {
        troupe_err why = TROUPE_OK;
        troupe_msg *result = NULL;
        if (troupe_join_handle(rt, &handle[i], 5000, &why, &result)) return 1;
        const struct count *count = troupe_as(result, &count_type);
        printf("\"%s\": ", text[i]);
        if (count)
            printf("%u words\n", (unsigned)count->words);
        else
            printf("%s\n", troupe_strerror(why));
        troupe_drop(&result);
    }
    troupe_close(&rt);
    return 0;
}
