/* The search: an execution is run from its start for each plan, which says how its first choices
 * are made; the next plan differs in the last choice that has something else to offer. Or each plan
 * is drawn from a seed. */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "engine.h"

enum { NAMES = 64, ARENA = 1 << 16 };

engine ex;

static struct name {
    uintptr_t at;
    size_t size;
    const char *text;
} names[NAMES];
static unsigned named;

static _Alignas(64) char arena[ARENA];
static size_t arena_used;

/* --- Plans ----------------------------------------------------------------------------------- */

/* One of 0..n-1, when all others are left out (splitmix64). */
static unsigned draw(unsigned n) {
    uint64_t z = (ex.random += 0x9E3779B97F4A7C15u);
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return (unsigned)((z ^ z >> 31) % n);
}

unsigned choose(unsigned n) {
    if (n < 2) return 0;
    if (ex.depth == CHOICES) ex_fail(EX_LIVELOCK, "has too many choices", EX_HERE);
    choice *c = &ex.choice[ex.depth++];
    if (ex.depth > ex.choices) {
        *c = (choice){(uint16_t)(ex.random ? draw(n) : 0), (uint16_t)n};
        ex.choices = ex.depth;
    }
    if (c->of == 0) c->of = (uint16_t)n; /* a replay, which knows only what was taken */
    if (c->of != n || c->taken >= n) {
        fprintf(stderr, "model %s: does not run the same way twice\n", ex.model->name);
        exit(2);
    }
    return c->taken;
}

unsigned ex_choose(unsigned n) {
    unsigned k = choose(n);
    if (ex.tracing) trace(0, (ex_place){NULL, 0}, "chooses %u of %u", k, n);
    return k;
}

/* The next plan; false: there is none. */
static bool next_plan(void) {
    while (ex.choices && ex.choice[ex.choices - 1].taken + 1 == ex.choice[ex.choices - 1].of)
        ex.choices--;
    if (!ex.choices) return false;
    ex.choice[ex.choices - 1].taken++;
    return true;
}

/* --- One execution --------------------------------------------------------------------------- */

static void reset(void) {
    ex.execution++;
    ex.threads = 1;
    ex.current = 0;
    ex.depth = ex.preemptions = ex.timeouts = ex.spurious = ex.steps = ex.accesses = ex.idle = 0;
    ex.changes = 1;
    ex.stores = 0;
    ex.clock = 0;
    ex.wakes = 0;
    ex.end = EX_HOLDS;
    ex.thread[0].name = "main";
    ex.thread[0].stores = 0;
    ex.thread[0].now = (clocks){{1}};
    memset(arena, 0, arena_used);
    arena_used = 0;
    named = 0;
}

static void execute(void) {
    reset();
    if (setjmp(ex.main_failed)) return;
    ex.model->setup();
    static const char *const ordinals[] = {"first", "second", "third", "fourth"};
    for (int i = 0; i < 4 && ex.model->thread[i]; i++)
        ex_thread(ordinals[i], ex.model->thread[i], NULL);
    run_threads();
    if (ex.end == EX_HOLDS && ex.model->finish) ex.model->finish();
}

_Noreturn void ex_fail(ex_end end, const char *text, ex_place place) {
    if (place.file)
        snprintf(ex.text, sizeof ex.text, "%s (%s:%d, %s)", text, place.file, place.line,
                 me()->name);
    else
        snprintf(ex.text, sizeof ex.text, "%s (%s)", text, me()->name);
    ex.end = end;
    if (ex.current) {
        int self = ex.current;
        ex.current = 0;
        switch_stack(&ex.thread[self].stack, ex.main_stack);
    }
    longjmp(ex.main_failed, 1);
}

_Noreturn void tr_check_failed(const char *what, const char *file, int line) {
    char text[160];
    snprintf(text, sizeof text, "%s does not hold", what);
    ex_fail(EX_CHECK, text, (ex_place){file, line});
}

/* What the C library's assert calls. */
_Noreturn void __assert_fail(const char *what, const char *file, unsigned line, const char *where);
_Noreturn void __assert_fail(const char *what, const char *file, unsigned line, const char *where) {
    (void)where;
    tr_check_failed(what, file, (int)line);
}

static void crashed(int signal_) {
    (void)signal_;
    if (!ex.model) abort();
    ex_fail(EX_CRASH, "used a bad address", (ex_place){NULL, 0});
}

/* --- Memory and names ------------------------------------------------------------------------ */

void *ex_alloc(size_t size) {
    void *memory = arena + arena_used;
    size = (size + 63) / 64 * 64;
    if (size > ARENA - arena_used) ex_fail(EX_CRASH, "out of memory", EX_HERE);
    arena_used += size;
    return memory;
}

void ex_name(const void *at, size_t size, const char *name) {
    if (named < NAMES) names[named++] = (struct name){(uintptr_t)at, size, name};
}

const char *name_of(uintptr_t at) {
    static char text[2][64];
    static unsigned turn;
    for (unsigned i = named; i-- > 0;) { /* what was named last is what is named closest */
        const struct name *n = &names[i];
        if (at < n->at || at - n->at >= n->size) continue;
        if (at == n->at) return n->text;
        char *to = text[turn++ % 2];
        snprintf(to, sizeof text[0], "%s+%zu", n->text, (size_t)(at - n->at));
        return to;
    }
    return "";
}

void trace(uintptr_t at, ex_place place, const char *format, ...) {
    if (!ex.tracing) return;
    char text[128];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    printf("  %4u  %-10s %-14s %s", ex.steps, me()->name, at ? name_of(at) : "", text);
    if (place.file) printf("  [%s:%d]", place.file, place.line);
    printf("\n");
}

void ex_note(const char *text) {
    trace(0, (ex_place){NULL, 0}, "-- %s", text);
}

/* --- Reports --------------------------------------------------------------------------------- */

static const char *const ends[] = {"holds", "check", "race", "deadlock", "livelock", "crash"};

static void show(void) {
    ex.tracing = true;
    execute();
    ex.tracing = false;
    printf("  %s: %s\n", ends[ex.end], ex.text);
}

static void report_failure(const char *program) {
    printf("model %s: FAILED, %s: %s\n", ex.model->name, ends[ex.end], ex.text);
    unsigned length = ex.depth;
    show();
    printf("  again: %s --replay %s ", program, ex.model->name);
    for (unsigned i = 0; i < length; i++) printf("%s%u", i ? "." : "", ex.choice[i].taken);
    printf("%s\n", length ? "" : "-");
}

static int replay(const char *plan) {
    ex.bound = THREADS * STEPS;
    ex.choices = 0;
    memset(ex.choice, 0, sizeof ex.choice);
    for (char *end; *plan >= '0' && *plan <= '9'; plan = *end ? end + 1 : end)
        ex.choice[ex.choices++].taken = (uint16_t)strtoul(plan, &end, 10);
    show();
    return ex.end == EX_HOLDS ? 0 : 1;
}

static uint64_t total;

/* All executions with so many preemptions at most. False: one failed, or there are too many. */
static bool explore(unsigned bound, uint64_t cap, uint64_t *executions) {
    ex.bound = bound;
    ex.choices = 0;
    *executions = 0;
    do {
        if (*executions == cap) return false;
        execute();
        ++*executions;
        total++;
        if (ex.end != EX_HOLDS) return false;
    } while (next_plan());
    return true;
}

/* One execution a seed, with any number of preemptions, until one fails. */
static bool run_seeds(const char *program, const ex_model *model, unsigned seeds) {
    ex.model = model;
    ex.bound = THREADS * STEPS;
    ex.end = EX_HOLDS;
    unsigned done = 0;
    while (ex.end == EX_HOLDS && done < seeds) {
        ex.choices = 0;
        ex.random = (uint64_t)++done << 32;
        execute();
        total++;
    }
    ex.random = 0;
    bool good = ex.end == model->expect;
    if (!good && ex.end == EX_HOLDS)
        printf("model %s: FAILED, %s expected, but it holds for %u seeds\n", model->name,
               ends[model->expect], done);
    else if (!good)
        report_failure(program);
    else
        printf("model %s: %u seeds, %s\n", model->name, done, ends[ex.end]);
    fflush(stdout);
    return good;
}

/* With few preemptions first: what fails with few is easier to read. */
static bool run_model(const char *program, const ex_model *model, unsigned bound) {
    if (model->seeds) return run_seeds(program, model, model->seeds);
    uint64_t cap = model->cap ? model->cap : 3000000, executions = 0;
    ex.model = model;
    if (!bound) bound = model->preemptions ? model->preemptions : 2;
    bool exhausted = true;
    for (unsigned p = 0; exhausted && p <= bound; p++) exhausted = explore(p, cap, &executions);
    bool good = ex.end == model->expect;
    if (!exhausted && ex.end == EX_HOLDS) {
        printf("model %s: FAILED, is not exhausted after %llu executions at %u preemptions\n",
               model->name, (unsigned long long)executions, ex.bound);
        good = false;
    } else if (!good && ex.end == EX_HOLDS) {
        printf("model %s: FAILED, %s expected, but it holds in %llu executions\n", model->name,
               ends[model->expect], (unsigned long long)executions);
    } else if (!good) {
        report_failure(program);
    } else if (ex.end != EX_HOLDS) {
        printf("model %s: caught at %u preemptions, %s: %s\n", model->name, ex.bound, ends[ex.end],
               ex.text);
    } else {
        printf("model %s: %llu executions, exhausted at %u preemptions\n", model->name,
               (unsigned long long)executions, bound);
    }
    fflush(stdout);
    return good;
}

/* Whether a model is asked for: by its name, or the beginning of it. */
static bool asked(const char *name, int argc, char **argv) {
    for (int i = 0; i < argc; i++)
        if (strncmp(name, argv[i], strlen(argv[i])) == 0) return true;
    return argc == 0;
}

int ex_main(int argc, char **argv, const ex_model *models, size_t count) {
    static char signal_stack[1 << 16];
    sigaltstack(&(stack_t){.ss_sp = signal_stack, .ss_size = sizeof signal_stack}, NULL);
    struct sigaction action = {.sa_handler = crashed, .sa_flags = SA_ONSTACK | SA_NODEFER};
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGBUS, &action, NULL);

    const char *program = argv[0];
    unsigned bound = 0, passed = 0, failed = 0;
    argc--, argv++;
    if (argc == 3 && strcmp(argv[0], "--replay") == 0) {
        for (size_t i = 0; i < count; i++)
            if (strcmp(models[i].name, argv[1]) == 0) return ex.model = &models[i], replay(argv[2]);
        fprintf(stderr, "no model %s\n", argv[1]);
        return 2;
    }
    /* For mutations: until the first failure, and only what ought to hold. */
    bool stop = argc && strcmp(argv[0], "--stop") == 0;
    if (stop) argc--, argv++;
    unsigned seeds = 0;
    if (argc >= 2 && strcmp(argv[0], "--seeds") == 0) {
        seeds = (unsigned)strtoul(argv[1], NULL, 10);
        argc -= 2, argv += 2;
    }
    if (argc >= 2 && strcmp(argv[0], "--preemptions") == 0) {
        bound = (unsigned)strtoul(argv[1], NULL, 10);
        argc -= 2, argv += 2;
    }
    for (size_t i = 0; i < count && !(stop && failed); i++) {
        if (!asked(models[i].name, argc, argv)) continue;
        if ((stop || seeds) && models[i].expect) continue;
        bool good =
            seeds ? run_seeds(program, &models[i], seeds) : run_model(program, &models[i], bound);
        good ? passed++ : failed++;
    }
    printf("%llu executions\n%u passed, %u failed\n", (unsigned long long)total, passed, failed);
    return failed || !passed;
}
