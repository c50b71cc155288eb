/* A pointer goes from actor to actor, with what it points at: a writer hands its open file over to
 * a reader. Whoever ends the message closes the file, and nobody does it twice. A search for
 * `make_owned` finds each place where something passes the compiler by. */
#include <stdio.h>
#include <troupe/owned.h>
#include <troupe/troupe.h>

static const troupe_type file_type = TROUPE_OWNED_TYPE("file");

/* What every such message does in the end, on whatever thread. */
static void close_file(void *file) {
    printf("  the file is closed\n");
    fclose(file);
}

/* A message with a file of that many lines in it. */
static troupe_msg *write_file(troupe *rt, int lines) {
    troupe_msg *msg = NULL;
    FILE *file = tmpfile();
    if (!file) return NULL;
    for (int i = 1; i <= lines; i++) fprintf(file, "line %d\n", i);
    rewind(file);
    if (troupe_make_owned(rt, &file_type, file, close_file, &msg)) fclose(file); /* still ours */
    return msg;
}

/* Reads a line of each file that it gets, and sends it back: the file goes along. */
static troupe_err read_line(troupe_self *self, void *state, troupe_msg **msg) {
    FILE *file = troupe_object(*msg, &file_type);
    char line[16];
    (void)state;
    if (!file) return TROUPE_BADTYPE;
    if (!fgets(line, sizeof line, file)) return troupe_fail(self, TROUPE_USER, "nothing to read");
    printf("  %s", line);
    return troupe_reply(self, msg);
}

static void quiet(void *ctx, troupe_level level, const char *line) {
    (void)ctx, (void)level, (void)line;
}

int main(void) {
    static const troupe_behaviour reader = {.name = "reader", .receive = read_line};
    const troupe_config config = {.log = quiet};
    troupe *rt = NULL;
    troupe_ref to;
    if (troupe_open(&config, &rt) || troupe_spawn(rt, &reader, NULL, &to)) return 1;

    puts("there and back, twice");
    troupe_msg *msg = write_file(rt, 3);
    if (!msg || troupe_ask(rt, to, &msg, 5000) || troupe_ask(rt, to, &msg, 5000)) return 1;

    puts("taken out, it is an ordinary file again");
    char line[16];
    FILE *file = troupe_take_object(&msg, &file_type);
    if (!file || msg || !fgets(line, sizeof line, file)) return 1;
    printf("  %s", line);
    fclose(file);

    puts("two messages share one");
    troupe_msg *other = NULL;
    if (!(msg = write_file(rt, 0)) || troupe_share(rt, &msg, &other)) return 1;
    troupe_drop(&msg);
    puts("  one of them is there");
    troupe_drop(&other);

    puts("the reader fails on an empty one");
    if (!(msg = write_file(rt, 0))) return 1;
    troupe_err err = troupe_ask(rt, to, &msg, 5000);
    troupe_close(&rt);
    printf("  who asked hears: %s\n", troupe_strerror(err));
    return 0;
}
