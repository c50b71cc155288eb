/* supervisors SCRIPT: plays supervisors.txt on Troupe, and says what was seen, as supervisors.erl
 * does on Erlang. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <troupe/troupe.h>

enum { CAST = 24, BOSSES = 4, KIDS = 12, WORDS = 10, SEEN = 64, TEXT = 128, WAIT = 1000 };
enum { SETTLE_MS = 100, SLOW_MS = 20, STUCK_MS = 30, HOUR_MS = 3600000 };

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                        \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

/* One child, with what the script says of how it behaves. */
typedef struct part {
    char id[16], asked[16];
    unsigned first, last; /* the lives that can't start */
    unsigned lives, told; /* how many there were; how many of those said their last word */
    unsigned together;    /* none of them leaves before so many were asked */
    bool late, slow, stuck, loops, ignore;
    troupe_ref ref;
} part;

typedef struct boss {
    char name[16];
    troupe_supervision plan;
    troupe_child kid[KIDS];
    troupe_ref ref;
    bool watched;
} boss;

struct order {
    const char *what, *about;
    troupe_ref who;
};
static const troupe_type order_type = TROUPE_TYPE(
    order, TROUPE_FIELD(order, what), TROUPE_FIELD(order, about), TROUPE_FIELD(order, who));

/* All of the case, and what was seen of the line: `seen`, and then, to be sorted, `ended`. */
static part cast[CAST];
static boss bosses[BOSSES];
static size_t parts, bossy;
static char seen[SEEN][TEXT], ended[SEEN][TEXT];
static size_t sights, ends;
static troupe_ref together[KIDS], watcher, stranger;
static size_t gathered;
static troupe *rt;
static uint64_t now_ns;

/* --- Words ------------------------------------------------------------------------------------ */

/* GAVE_UP is Troupe's own: it tells a supervisor at its limit from one that was stopped. */
static const struct {
    const char *word;
    troupe_err err;
} words[] = {{"normal", TROUPE_OK},
             {"shutdown", TROUPE_SHUTDOWN},
             {"shutdown", TROUPE_GAVE_UP},
             {"killed", TROUPE_KILLED},
             {"crash", (troupe_err)TROUPE_USER},
             {"not_found", TROUPE_NOTFOUND},
             {"restarting", TROUPE_RESTARTING},
             {"running", TROUPE_RUNNING},
             {"already_present", TROUPE_PRESENT},
             {"failed", TROUPE_START_FAILED},
             {"failed", TROUPE_INVALID},
             {"ignored", TROUPE_IGNORE}};
enum { ALL_WORDS = sizeof words / sizeof *words };

static troupe_err err_of(const char *word) {
    for (size_t i = 0; i < ALL_WORDS; i++)
        if (strcmp(words[i].word, word) == 0) return words[i].err;
    MUST(!"a reason");
    return TROUPE_OK;
}

static const char *word_of(uint32_t err) {
    for (size_t i = 0; i < ALL_WORDS; i++)
        if (words[i].err == err) return words[i].word;
    return troupe_errname((troupe_err)err);
}

static part *part_of(const char *id) {
    for (size_t i = 0; i < parts; i++)
        if (strcmp(cast[i].id, id) == 0) return &cast[i];
    return NULL;
}

static boss *boss_of(const char *name) {
    for (size_t i = 0; i < bossy; i++)
        if (strcmp(bosses[i].name, name) == 0) return &bosses[i];
    return NULL;
}

static troupe_ref who(const char *name) {
    const boss *it = boss_of(name);
    const part *kid = part_of(name);
    MUST(it || kid);
    return it ? it->ref : kid->ref;
}

static void see(const char *id, const char *what, const char *more) {
    MUST(sights < SEEN);
    (void)snprintf(seen[sights++], TEXT, "%s %s%s", id, what, more);
}

/* --- Children --------------------------------------------------------------------------------- */

typedef struct state {
    part *part;
} state;

static troupe_err start(troupe_self *self, void *memory, const void *arg) {
    part *it = ((state *)memory)->part = part_of(((const part *)arg)->id);
    unsigned life = ++it->lives;
    if (it->ignore) return TROUPE_IGNORE;
    if (it->first <= life && life <= it->last) {
        if (!it->loops) see(it->id, "can't start", "");
        return (troupe_err)TROUPE_USER;
    }
    it->ref = troupe_me(self);
    see(it->id, "starts", "");
    MUST(!troupe_tell(self, watcher, &order_type, &(struct order){"watch", "", it->ref}));
    if (!it->late) return TROUPE_OK;
    MUST(!troupe_tell(self, it->ref, &order_type, &(struct order){"ready", "", it->ref}));
    return TROUPE_LATER;
}

static troupe_err receive(troupe_self *self, void *memory, troupe_msg **msg) {
    const struct order *order = troupe_as(*msg, &order_type);
    MUST(order);
    if (strcmp(order->what, "ready") == 0) {
        see(((state *)memory)->part->id, "is ready", "");
        troupe_ready(self);
    } else {
        troupe_exit(self, err_of(order->about));
    }
    return TROUPE_OK;
}

static troupe_err gather(troupe_self *self, const part *it) {
    const struct order go = {"ends", "shutdown", it->ref};
    together[gathered++] = it->ref;
    for (size_t i = 0; gathered == it->together && i < gathered; i++)
        MUST(!troupe_tell(self, together[i], &order_type, &go));
    return TROUPE_LATER;
}

static troupe_err stopping(troupe_self *self, void *memory) {
    const part *it = ((state *)memory)->part;
    const struct order go = {"ends", "shutdown", it->ref};
    troupe_msg *msg = NULL;
    if (it->stuck) return TROUPE_LATER;
    if (it->together) return gather(self, it);
    if (*it->asked) troupe_exit(self, err_of(it->asked));
    if (!it->slow) return *it->asked ? TROUPE_LATER : TROUPE_OK;
    see(it->id, "is asked to stop", "");
    MUST(!troupe_make(rt, &order_type, &go, &msg));
    MUST(!troupe_send_after(self, SLOW_MS, it->ref, &msg, NULL));
    return TROUPE_LATER;
}

static void stop(troupe_self *self, void *memory, troupe_err why) {
    part *it = ((state *)memory)->part;
    (void)self;
    if (*it->asked) return;
    it->told++;
    see(it->id, "stops: ", word_of(why));
}

static const troupe_behaviour player = {.name = "player",
                                        .state_size = sizeof(state),
                                        .start = start,
                                        .receive = receive,
                                        .stopping = stopping,
                                        .stop = stop};

/* --- Who watches them, and strangers ---------------------------------------------------------- */

static void hear(const struct troupe_down *down) {
    const char *name = NULL;
    for (size_t i = 0; i < parts; i++) {
        if (!troupe_same(cast[i].ref, down->who)) continue;
        if (cast[i].told > 0) {
            cast[i].told--;
            return;
        }
        name = cast[i].id;
    }
    for (size_t i = 0; i < bossy; i++) {
        if (!troupe_same(bosses[i].ref, down->who)) continue;
        bosses[i].watched = false;
        name = bosses[i].name;
    }
    MUST(name && ends < SEEN);
    (void)snprintf(ended[ends++], TEXT, "%s has ended: %s", name, word_of(down->why));
}

static troupe_err act(troupe_self *self, void *memory, troupe_msg **msg) {
    const struct order *order = troupe_as(*msg, &order_type);
    uint64_t monitor;
    (void)memory;
    if (!order) {
        hear(troupe_as(*msg, &troupe_down_type));
    } else if (strcmp(order->what, "watch") == 0) {
        return troupe_monitor(self, order->who, &monitor);
    } else if (strcmp(order->what, "signal") == 0) {
        return troupe_exit_signal(self, order->who, err_of(order->about));
    } else {
        MUST(!troupe_link(self, order->who));
        troupe_exit(self, err_of(order->about));
    }
    return TROUPE_OK;
}

static const troupe_behaviour actor = {.name = "actor", .receive = act};

static void post(troupe_ref to, const char *what, const char *about, troupe_ref of) {
    troupe_msg *msg = NULL;
    MUST(!troupe_make(rt, &order_type, &(struct order){what, about, of}, &msg));
    MUST(!troupe_post(rt, to, &msg));
}

/* --- The script's descriptions ---------------------------------------------------------------- */

static void describe_boss(char *word[WORDS]) {
    static const char *const strategy[] = {"one_for_one", "one_for_all", "rest_for_one",
                                           "simple_one_for_one"};
    MUST(bossy < BOSSES);
    boss *it = &bosses[bossy++];
    (void)snprintf(it->name, sizeof it->name, "%s", word[1]);
    it->plan = (troupe_supervision){.child = it->kid, .within_ms = 60000, .name = it->name};
    while (strcmp(strategy[it->plan.strategy], word[2]) != 0)
        MUST(++it->plan.strategy <= TROUPE_SIMPLE_ONE_FOR_ONE);
    it->plan.max_restarts = (unsigned)atoi(word[3]);
    for (char **w = word + 4; *w; w++) {
        if (strncmp(*w, "within=", 7) == 0) it->plan.within_ms = 1000 * (unsigned)atoi(*w + 7);
        if (strcmp(*w, "any") == 0) it->plan.auto_shutdown = TROUPE_AUTO_SHUTDOWN_ANY;
        if (strcmp(*w, "all") == 0) it->plan.auto_shutdown = TROUPE_AUTO_SHUTDOWN_ALL;
    }
}

static void option(part *it, troupe_child *kid, const char *word) {
    if (strcmp(word, "late") == 0) it->late = true;
    if (strcmp(word, "slow") == 0) it->slow = true;
    /* There its supervisor tries on and on and answers in between; here it waits meanwhile. */
    if (strcmp(word, "loops") == 0) {
        it->loops = true;
        kid->backoff_ms = kid->backoff_max_ms = HOUR_MS;
    }
    if (strcmp(word, "stuck") == 0) {
        it->stuck = true;
        kid->shutdown_ms = STUCK_MS;
    }
    if (strcmp(word, "forever") == 0) kid->shutdown_ms = TROUPE_FOREVER;
    if (strcmp(word, "ignore") == 0) it->ignore = true;
    if (strcmp(word, "brutal") == 0) kid->shutdown_ms = TROUPE_BRUTAL;
    if (strcmp(word, "significant") == 0) kid->significant = true;
    (void)sscanf(word, "fails=%u-%u", &it->first, &it->last);
    (void)sscanf(word, "asked=%15s", it->asked);
    (void)sscanf(word, "together=%u", &it->together);
    if (strcmp(word, "supervisor") != 0) return;
    kid->what = &troupe_supervisor;
    kid->arg = &boss_of(it->id)->plan;
}

/* From the words on that are its id, its rule of restart, and more. */
static troupe_child describe_kid(char **word) {
    static const char *const restart[] = {"permanent", "transient", "temporary"};
    MUST(parts < CAST);
    part *known = part_of(word[0]), *it = known ? known : &cast[parts++];
    (void)snprintf(it->id, sizeof it->id, "%s", word[0]);
    troupe_child kid = {.id = it->id, .what = &player, .arg = it};
    while (strcmp(restart[kid.restart], word[1]) != 0) MUST(++kid.restart <= TROUPE_TEMPORARY);
    for (word += 2; *word; word++) option(it, &kid, *word);
    return kid;
}

static void describe(char *word[WORDS]) {
    if (*word[0] == 's') {
        describe_boss(word);
        return;
    }
    boss *it = boss_of(word[1]);
    MUST(it && it->plan.children < KIDS);
    it->kid[it->plan.children++] = describe_kid(word + 2);
}

/* --- The play --------------------------------------------------------------------------------- */

static uint64_t now(void *ctx) {
    (void)ctx;
    return now_ns;
}

static void pass(unsigned ms) {
    for (; ms > 0; ms--, now_ns += 1000000)
        while (troupe_step(rt, 1000) > 0) {
        }
}

static int by_text(const void *a, const void *b) {
    return strcmp(a, b);
}

static void settle(void) {
    pass(SETTLE_MS);
    for (size_t i = 0; i < bossy; i++) {
        boss *it = &bosses[i];
        if (it->watched || troupe_whereis(rt, it->name, &it->ref) != TROUPE_OK) continue;
        post(watcher, "watch", "", it->ref);
        it->watched = true;
    }
    pass(1);
    qsort(ended, ends, sizeof *ended, by_text);
    MUST(sights + ends <= SEEN);
    memcpy(seen[sights], ended, ends * sizeof *ended);
    sights += ends;
    ends = 0;
}

static void show(void) {
    for (size_t i = 0; i < sights; i++) printf("    %s\n", seen[i]);
    sights = 0;
}

/* `text` must have been seen, and is left out. */
static void leave_out(const char *text) {
    for (size_t i = 0; i < sights; i++) {
        if (strcmp(seen[i], text) != 0) continue;
        memmove(seen[i], seen[i + 1], (--sights - i) * sizeof *seen);
        return;
    }
    printf("    missing: %s\n", text);
}

/* To add a child that is there has words of its own, and there one that is being restarted is
 * present; here it is told apart. */
static const char *said(troupe_err err, bool add) {
    if (err == TROUPE_RUNNING && add) return "already_started";
    if (err == TROUPE_RESTARTING && add) return "already_present";
    return err ? word_of(err) : "ok";
}

static const char *list(troupe_ref of, bool count) {
    static char text[TEXT];
    troupe_child_counts n;
    troupe_child_info info[KIDS];
    size_t kids, end = 0;
    if (count) {
        MUST(!troupe_count_children(rt, of, WAIT, &n));
        (void)snprintf(text, TEXT, "%d %d %d %d", (int)n.specs, (int)n.active, (int)n.supervisors,
                       (int)n.workers);
        return text;
    }
    MUST(!troupe_children(rt, of, WAIT, info, KIDS, &kids) && kids <= KIDS);
    for (size_t i = 0; i < kids; i++)
        end += (size_t)snprintf(text + end, TEXT - end, "%s%s %s", i ? " " : "", info[i].id,
                                info[i].state == TROUPE_CHILD_RUNNING ? "runs"
                                : info[i].state == TROUPE_CHILD_ENDED ? "ended"
                                                                      : "restarting");
    return text;
}

static const char *ask(troupe_ref of, char *word[WORDS]) {
    const char *what = word[1], *id = word[2];
    troupe_ref ref;
    if (strcmp(what, "count") == 0 || strcmp(what, "children") == 0)
        return list(of, what[1] == 'o');
    if (strcmp(what, "add") == 0) {
        const troupe_child kid = describe_kid(word + 2);
        return said(troupe_start_child(rt, of, &kid, WAIT, &ref), true);
    }
    if (strcmp(what, "dynamic") == 0) {
        MUST(parts < CAST);
        part *it = &cast[parts++];
        *it = *(const part *)bosses[0].kid[0].arg;
        (void)snprintf(it->id, sizeof it->id, "%s", id);
        return said(troupe_start_dynamic_child(rt, of, it, WAIT, &ref), true);
    }
    if (strcmp(what, "end") == 0)
        return said(troupe_terminate_dynamic_child(rt, of, who(id), WAIT), false);
    if (strcmp(what, "terminate") == 0)
        return said(troupe_terminate_child(rt, of, id, WAIT), false);
    if (strcmp(what, "restart") == 0)
        return said(troupe_restart_child(rt, of, id, WAIT, &ref), false);
    MUST(strcmp(what, "delete") == 0);
    return said(troupe_delete_child(rt, of, id, WAIT), false);
}

/* What the line asks for; an answer, if it has one. */
static const char *do_line(char *word[WORDS]) {
    const char *name = word[0], *what = word[1];
    if (strcmp(name, "start") == 0) {
        boss *it = boss_of(what);
        return said(troupe_supervise(rt, &it->plan, WAIT, &it->ref), false);
    } else if (strcmp(name, "wait") == 0) {
        pass((unsigned)atoi(what));
    } else if (strcmp(what, "ends") == 0) {
        post(who(name), "ends", word[2], who(name));
    } else if (strcmp(what, "kill") == 0) {
        MUST(!troupe_kill(rt, who(name)));
    } else if (strcmp(what, "parent") == 0) {
        MUST(!troupe_stop(rt, who(name)));
    } else if (strcmp(what, "signal") == 0 || strcmp(what, "linked") == 0) {
        MUST(!troupe_spawn(rt, &actor, NULL, &stranger));
        post(stranger, what, word[2], who(name));
    } else if (strcmp(what, "noise") == 0) {
        post(who(name), "noise", "", who(name));
    } else {
        return ask(who(name), word);
    }
    return NULL;
}

static void quiet(void *ctx, troupe_level level, const char *line) {
    (void)ctx;
    (void)level;
    (void)line;
}

static void new_case(const char *line) {
    const troupe_config config = {.workers = TROUPE_STEPPED, .log = quiet, .now = now};
    troupe_close(&rt);
    memset(cast, 0, sizeof cast);
    memset(bosses, 0, sizeof bosses);
    parts = bossy = sights = ends = gathered = 0;
    MUST(!line || (!troupe_open(&config, &rt) && !troupe_spawn(rt, &actor, NULL, &watcher)));
    if (line) printf("%s\n", line);
}

/* One line, which is as it will be said in `line`, and in words. What was seen of the one before is
 * shown once the lines are known that say where the two differ. */
static void play(const char *line, char *word[WORDS]) {
    if (strcmp(word[0], "only") == 0) {
        if (strcmp(word[1], "troupe") == 0) leave_out(line + strlen("only troupe "));
        return;
    }
    if (strcmp(word[0], "unordered") == 0) {
        qsort(seen, sights, sizeof *seen, by_text);
        return;
    }
    show();
    if (strcmp(word[0], "case") == 0) {
        new_case(line);
    } else if (strcmp(word[0], "supervisor") == 0 || strcmp(word[0], "child") == 0) {
        describe(word);
    } else if (*word[0] == '+') {
        word[0]++;
        (void)do_line(word);
    } else {
        const char *answer = do_line(word);
        settle();
        printf("  %s%s%s\n", line, answer ? ": " : "", answer ? answer : "");
    }
}

int main(int argc, char **argv) {
    char line[TEXT];
    FILE *script = argc == 2 ? fopen(argv[1], "r") : NULL;
    MUST(script);
    while (fgets(line, sizeof line, script)) {
        char text[sizeof line], *rest = NULL, *word[WORDS] = {NULL};
        line[strcspn(line, "\n")] = '\0';
        if (!*line || *line == '#') continue;
        memcpy(text, line, sizeof text);
        for (int i = 0; i < WORDS - 1 && (!i || word[i - 1]); i++)
            word[i] = strtok_r(i ? NULL : text, " ", &rest);
        play(line, word);
    }
    show();
    (void)fclose(script);
    new_case(NULL);
    return 0;
}
