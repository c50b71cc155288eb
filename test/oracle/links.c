/* links SCRIPT: plays links.txt on Troupe, and says what was seen, as links.erl does on Erlang. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <troupe/troupe.h>

enum { CAST = 64, WORDS = 4, TAGS = 16, SEEN = 32 };

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                        \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

struct order {
    const char *what, *about, *tag;
};
static const troupe_type order_type = TROUPE_TYPE(
    order, TROUPE_FIELD(order, what), TROUPE_FIELD(order, about), TROUPE_FIELD(order, tag));

/* Everybody who ever was in the cast; the last of a name is who it means. */
static struct {
    char name[16];
    troupe_ref ref;
} cast[CAST];
static size_t players;

static char seen[SEEN][96];
static size_t sights;
static troupe *rt;

/* --- Words ------------------------------------------------------------------------------------ */

static const struct {
    const char *word;
    troupe_err why;
} reasons[] = {{"normal", TROUPE_OK},   {"shutdown", TROUPE_SHUTDOWN},
               {"kill", TROUPE_KILL},   {"killed", TROUPE_KILLED},
               {"noproc", TROUPE_GONE}, {"crash", (troupe_err)TROUPE_USER}};
enum { REASONS = sizeof reasons / sizeof *reasons };

static troupe_err reason(const char *word) {
    for (size_t i = 0; i < REASONS; i++)
        if (strcmp(reasons[i].word, word) == 0) return reasons[i].why;
    MUST(!"a reason");
    return TROUPE_OK;
}

static const char *word_of(uint32_t why) {
    for (size_t i = 0; i < REASONS; i++)
        if (reasons[i].why == why) return reasons[i].word;
    return "?";
}

static troupe_ref who(const char *name) {
    for (size_t i = players; i-- > 0;)
        if (strcmp(cast[i].name, name) == 0) return cast[i].ref;
    MUST(!"one of the cast");
    return TROUPE_NOBODY;
}

static const char *name_of(troupe_ref ref) {
    for (size_t i = 0; i < players; i++)
        if (troupe_same(cast[i].ref, ref)) return cast[i].name;
    return "?";
}

static void see(const char *me, const char *what, const char *of, const char *more) {
    MUST(sights < SEEN);
    (void)snprintf(seen[sights++], sizeof *seen, "%s %s%s%s", me, what, of, more);
}

/* --- Players ---------------------------------------------------------------------------------- */

struct tag {
    char name[8];
    uint64_t monitor;
};

typedef struct state {
    char looks[16];
    struct tag tag[TAGS];
    size_t tags;
} state;

static struct tag *tag_of(state *it, const char *name) {
    for (size_t i = 0; i < it->tags; i++)
        if (strcmp(it->tag[i].name, name) == 0) return &it->tag[i];
    MUST(it->tags < TAGS);
    struct tag *tag = &it->tag[it->tags++];
    (void)snprintf(tag->name, sizeof tag->name, "%s", name);
    return tag;
}

static troupe_err obey(troupe_self *self, state *it, const struct order *order) {
    const char *what = order->what, *about = order->about;
    if (strcmp(what, "trap") == 0) {
        troupe_trap_exits(self, true);
        return TROUPE_OK;
    }
    if (strcmp(what, "exit") == 0) {
        troupe_exit(self, reason(about));
        return TROUPE_OK;
    }
    if (strcmp(what, "unlink") == 0) {
        (void)troupe_unlink(self, who(about));
        return TROUPE_OK;
    }
    if (strcmp(what, "looks") == 0) {
        (void)snprintf(it->looks, sizeof it->looks, "%s", about);
        return TROUPE_OK;
    }
    if (strcmp(what, "demonitor") == 0 || strcmp(what, "flush") == 0) {
        uint64_t monitor = tag_of(it, about)->monitor;
        (void)(*what == 'f' ? troupe_demonitor_flush : troupe_demonitor)(self, monitor);
        return TROUPE_OK;
    }
    if (strcmp(what, "link") == 0) return troupe_link(self, who(about));
    if (strcmp(what, "signal") == 0)
        return troupe_exit_signal(self, who(about), reason(order->tag));
    if (strcmp(what, "name") == 0) return troupe_register(rt, troupe_me(self), about);
    uint64_t *monitor = &tag_of(it, order->tag)->monitor;
    return *what == 'm' ? troupe_monitor(self, who(about), monitor)
                        : troupe_monitor_name(self, about, monitor);
}

static void hear(troupe_self *self, state *it, const troupe_msg *msg) {
    const struct troupe_exit *ended = troupe_as(msg, &troupe_exit_type);
    const struct troupe_down *down = troupe_as(msg, &troupe_down_type);
    const char *me = name_of(troupe_me(self));
    char text[64];
    troupe_ref found;
    if (ended) {
        (void)snprintf(text, sizeof text, "%s: %s", name_of(ended->who), word_of(ended->why));
        see(me, "hears the exit of ", text, "");
    } else {
        size_t i = 0;
        while (it->tag[i].monitor != down->monitor) MUST(++i < it->tags);
        (void)snprintf(text, sizeof text, "%s: %s of %s", it->tag[i].name, word_of(down->why),
                       down->name ? down->name : name_of(down->who));
        see(me, "hears ", text, "");
    }
    if (!*it->looks) return;
    bool there = troupe_whereis(rt, it->looks, &found) == TROUPE_OK;
    see(me, "finds ", it->looks, there ? ": true" : ": false");
}

static troupe_err receive(troupe_self *self, void *memory, troupe_msg **msg) {
    const struct order *order = troupe_as(*msg, &order_type);
    if (order) return obey(self, memory, order);
    hear(self, memory, *msg);
    return TROUPE_OK;
}

static const troupe_behaviour player = {
    .name = "player", .state_size = sizeof(state), .receive = receive};

/* --- The play --------------------------------------------------------------------------------- */

static int by_text(const void *a, const void *b) {
    return strcmp(a, b);
}

static void enter(const char *name) {
    MUST(players < CAST);
    (void)snprintf(cast[players].name, sizeof cast[players].name, "%s", name);
    MUST(troupe_spawn(rt, &player, NULL, &cast[players].ref) == TROUPE_OK);
    players++;
}

static void give(char *word[WORDS]) {
    troupe_msg *msg = NULL;
    const struct order order = {word[1], word[2], word[3]};
    MUST(troupe_make(rt, &order_type, &order, &msg) == TROUPE_OK);
    MUST(troupe_post(rt, who(word[0]), &msg) == TROUPE_OK);
}

static void settle(void) {
    while (troupe_step(rt, 1000) > 0) {
    }
    qsort(seen, sights, sizeof *seen, by_text);
    for (size_t i = 0; i < sights; i++) printf("    %s\n", seen[i]);
    sights = 0;
}

/* One line, which is as it will be said in `line`, and in words. */
static void play(const char *line, char *word[WORDS]) {
    uint32_t waiting;
    if (strcmp(word[0], "spawn") == 0) {
        enter(word[1]);
    } else if (strcmp(word[0], "alive") == 0) {
        bool alive = troupe_mailbox(rt, who(word[1]), &waiting, NULL) == TROUPE_OK;
        printf("  alive %s %s\n", word[1], alive ? "true" : "false");
    } else if (word[0][0] == '+') {
        word[0]++;
        give(word);
    } else {
        printf("  %s\n", line);
        give(word);
        settle();
    }
}

static void quiet(void *ctx, troupe_level level, const char *line) {
    (void)ctx;
    (void)level;
    (void)line;
}

int main(int argc, char **argv) {
    char line[128];
    FILE *script = argc == 2 ? fopen(argv[1], "r") : NULL;
    const troupe_config config = {.workers = TROUPE_STEPPED, .log = quiet};
    MUST(script && troupe_open(&config, &rt) == TROUPE_OK);
    while (fgets(line, sizeof line, script)) {
        char text[sizeof line], *rest = NULL, *word[WORDS] = {NULL};
        line[strcspn(line, "\n")] = '\0';
        if (!*line || *line == '#') continue;
        memcpy(text, line, sizeof text);
        for (int i = 0; i < WORDS; i++) word[i] = strtok_r(i ? NULL : text, " ", &rest);
        if (strcmp(word[0], "case") == 0)
            printf("%s\n", line);
        else
            play(line, word);
    }
    (void)fclose(script);
    troupe_close(&rt);
    return 0;
}
