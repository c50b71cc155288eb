#include "test/support/stage.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "actors/runtime.h"
#include "actors/sim.h"
#include "test/support/dead_letters.h"

enum { PATIENCE_S = 20 }; /* only a test that fails anyway waits that long */

static struct {
    troupe *rt;
    counting_heap heap;
    unsigned workers;
    uint64_t now;         /* of a stepped runtime without simulation */
    troupe_sim *sim;      /* NULL: it is in none */
    size_t threads;       /* before the runtime was opened */
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    char diary[128 << 10];
    size_t used, words;
    char log[256 << 10]; /* lines, each with its newline */
    size_t logged;
} stage = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

/* --- The stage -------------------------------------------------------------------------------- */

static void keep_line(void *ctx, troupe_level level, const char *line) {
    (void)ctx;
    pthread_mutex_lock(&stage.lock);
    size_t room = sizeof stage.log - stage.logged;
    int wrote = snprintf(stage.log + stage.logged, room, "%d %s\n", (int)level, line);
    if (wrote > 0 && (size_t)wrote < room) stage.logged += (size_t)wrote;
    stage.log[stage.logged] = '\0';
    pthread_cond_broadcast(&stage.changed);
    pthread_mutex_unlock(&stage.lock);
}

static uint64_t read_clock(void *ctx) {
    (void)ctx;
    return stage.now;
}

troupe_config stage_prepare(unsigned workers) {
    stage.threads = stage_threads();
    stage.workers = workers;
    stage.used = stage.words = stage.logged = 0;
    stage.diary[0] = stage.log[0] = '\0';
    counting_heap_init(&stage.heap);
    return (troupe_config){.workers = workers,
                           .quiet = (troupe_level)(TROUPE_DEBUG + 1),
                           .log = keep_line,
                           .fold_ms = TROUPE_FOLD_NOTHING,
                           .heap = stage.heap.heap,
                           .now = workers == TROUPE_STEPPED ? read_clock : NULL};
}

/* For who counts: which test is played, with which seed. One line a simulation, written at once, as
 * other tests may write theirs. */
static void note_simulation(const char *seed) {
    const char *path = getenv("STAGE_LEDGER");
    char line[200];
    if (!path) return;
    int size = snprintf(line, sizeof line, "%s/%s %s\n", criterion_current_test->category,
                        criterion_current_test->name, seed ? seed : "plain");
    int file = open(path, O_WRONLY | O_APPEND | O_CREAT, 0666);
    cr_assert(file >= 0 && write(file, line, (size_t)size) == size);
    (void)close(file);
}

static void open_simulated(const troupe_config *config) {
    static const uint32_t plain[] = {0}; /* always what has waited longest */
    const char *seed = getenv("STAGE_SEED");
    troupe_sim_config how = {.seed = seed ? strtoull(seed, NULL, 10) : 0};
    if (!seed) how.trace = plain;
    note_simulation(seed);
    cr_assert_eq(troupe_sim_open(&how, &stage.sim), TROUPE_OK);
    stage.sim->event_ns = 0; /* time moves when told to */
    cr_assert_eq(troupe_sim_runtime(stage.sim, config, &stage.rt), TROUPE_OK);
}

troupe *stage_open_as(troupe_config config) {
    troupe_config full = stage_prepare(config.workers);
    full.close_ms = config.close_ms;
    full.spares = config.spares;
    full.blocking_threads = config.blocking_threads;
    full.slow_ms = config.slow_ms;
    full.break_deadlocks = config.break_deadlocks;
    if (config.fold_ms) full.fold_ms = config.fold_ms;
    full.report = config.report;
    full.report_ctx = config.report_ctx;
    if (config.quiet) full.quiet = config.quiet;
    full.dead_letter = config.dead_letter;
    full.dead_letter_ctx = config.dead_letter_ctx;
    if (config.workers == STAGE_SIMULATED)
        open_simulated(&full);
    else
        cr_assert_eq(troupe_open(&full, &stage.rt), TROUPE_OK);
    return stage.rt;
}

troupe *stage_open(unsigned workers) {
    return stage_open_as((troupe_config){.workers = workers});
}

troupe *stage_rt(void) {
    return stage.rt;
}

bool stage_is_stepped(void) {
    return stage.workers >= STAGE_SIMULATED;
}

counting_heap *stage_heap(void) {
    return &stage.heap;
}

size_t stage_run(void) {
    size_t turns = 0;
    if (stage_is_stepped() && stage.rt)
        while (troupe_step(stage.rt, 1)) cr_assert_lt(++turns, 1u << 20, "it never rests");
    return turns;
}

void stage_advance(unsigned ms) {
    cr_assert(stage_is_stepped());
    (void)stage_run();
    while (ms--) {
        *stage_clock() += TR_MS;
        (void)stage_run();
    }
}

uint64_t *stage_clock(void) {
    return stage.sim ? &stage.sim->now : &stage.now;
}

void stage_close(void) {
    troupe_close(&stage.rt);
    cr_assert_null(stage.rt);
    troupe_sim_close(&stage.sim);
    cr_assert(counting_heap_fini(&stage.heap), "the runtime has left memory");
    /* The system lists a thread for a moment after it was joined. */
    uint64_t deadline = tr_after_ms(tr_clock(), PATIENCE_S * 1000);
    while (stage_threads() > stage.threads && tr_clock() < deadline) (void)sched_yield();
    cr_assert_eq(stage_threads(), stage.threads, "the runtime has left a thread");
}

/* --- What was seen ---------------------------------------------------------------------------- */

void stage_say(const char *format, ...) {
    va_list args;
    va_start(args, format);
    pthread_mutex_lock(&stage.lock);
    size_t used = stage.used;
    if (used) stage.diary[used++] = ' ';
    int wrote = vsnprintf(stage.diary + used, sizeof stage.diary - used, format, args);
    cr_assert(wrote > 0 && used + (size_t)wrote < sizeof stage.diary - 1, "it is full");
    stage.used = used + (size_t)wrote;
    stage.words++;
    pthread_cond_broadcast(&stage.changed);
    pthread_mutex_unlock(&stage.lock);
    va_end(args);
}

/* Waits, holding the lock, until something changes. False: for too long. */
static bool wait_for_change(const struct timespec *until) {
    return pthread_cond_timedwait(&stage.changed, &stage.lock, until) == 0;
}

static struct timespec patience(void) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_S;
    return until;
}

void stage_await(size_t words) {
    (void)stage_run();
    struct timespec until = patience();
    pthread_mutex_lock(&stage.lock);
    while (stage.words < words && !stage_is_stepped())
        if (!wait_for_change(&until)) break;
    pthread_mutex_unlock(&stage.lock);
}

static size_t count_words(const char *words) {
    size_t n = *words != '\0';
    for (; *words; words++) n += *words == ' ';
    return n;
}

/* Empties the diary into memory of the caller's. */
static void take_diary(char *into, size_t words) {
    stage_await(words);
    pthread_mutex_lock(&stage.lock);
    memcpy(into, stage.diary, stage.used + 1);
    stage.used = stage.words = 0;
    stage.diary[0] = '\0';
    pthread_mutex_unlock(&stage.lock);
}

void stage_forget(void) {
    pthread_mutex_lock(&stage.lock);
    stage.used = stage.words = 0;
    stage.diary[0] = '\0';
    pthread_mutex_unlock(&stage.lock);
}

void stage_expect(const char *words) {
    static char diary[sizeof stage.diary];
    take_diary(diary, count_words(words));
    cr_assert_str_eq(diary, words, "\n  seen:     %s\n  expected: %s", diary, words);
}

static int compare(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Brings the words of a text into order. */
static void sort(char *text, char *sorted) {
    char *word[1024];
    size_t n = 0;
    for (char *at = strtok(text, " "); at; at = strtok(NULL, " ")) word[n++] = at;
    qsort(word, n, sizeof *word, compare);
    *sorted = '\0';
    for (size_t i = 0; i < n; i++) sorted += sprintf(sorted, i ? " %s" : "%s", word[i]);
}

void stage_expect_all(const char *words) {
    static char seen[sizeof stage.diary], wanted[sizeof stage.diary];
    static char seen_sorted[sizeof stage.diary], wanted_sorted[sizeof stage.diary];
    take_diary(seen, count_words(words));
    snprintf(wanted, sizeof wanted, "%s", words);
    sort(seen, seen_sorted);
    sort(wanted, wanted_sorted);
    cr_assert_str_eq(seen_sorted, wanted_sorted, "\n  seen:     %s\n  expected: %s", seen_sorted,
                     wanted_sorted);
}

/* Under the lock. */
static size_t count_lines(const char *text) {
    size_t n = 0;
    char *end;
    for (char *line = stage.log; (end = strchr(line, '\n')); *end = '\n', line = end + 1) {
        *end = '\0';
        n += strstr(line, text) != NULL;
    }
    return n;
}

size_t stage_logged(const char *text) {
    pthread_mutex_lock(&stage.lock);
    size_t n = count_lines(text);
    pthread_mutex_unlock(&stage.lock);
    return n;
}

void stage_await_log(const char *text) {
    (void)stage_run();
    struct timespec until = patience();
    pthread_mutex_lock(&stage.lock);
    while (!count_lines(text)) cr_assert(wait_for_change(&until), "never logged: %s", text);
    pthread_mutex_unlock(&stage.lock);
}

uint64_t stage_dead_letters(void) {
    return dead_letters(stage.rt);
}

static size_t entries(const char *path) {
    DIR *dir = opendir(path);
    cr_assert_not_null(dir);
    size_t n = 0;
    for (struct dirent *entry; (entry = readdir(dir));) n += entry->d_name[0] != '.';
    closedir(dir);
    return n;
}

size_t stage_threads(void) {
    return entries("/proc/self/task");
}

size_t stage_descriptors(void) {
    return entries("/proc/self/fd");
}

/* Whether no worker is in a turn. */
static bool at_rest(void) {
    tr_sched *sched = &stage.rt->sched;
    for (unsigned i = 0; i < sched->room; i++)
        if (tr_worker_started(&sched->worker[i]) && !tr_worker_asleep(&sched->worker[i]))
            return false;
    return true;
}

void stage_await_gone(troupe_ref who) {
    (void)stage_run();
    uint64_t deadline = tr_after_ms(tr_clock(), PATIENCE_S * 1000);
    while (stage_there(who) || !at_rest()) { /* a ref is stale before the burial is over */
        cr_assert(!stage_is_stepped() && tr_clock() < deadline, "it lives on");
        (void)sched_yield();
    }
}

bool stage_there(troupe_ref who) {
    return troupe_mailbox(stage.rt, who, NULL, NULL) == TROUPE_OK;
}

troupe_ref stage_find(const char *name) {
    troupe_ref who;
    return troupe_whereis(stage.rt, name, &who) == TROUPE_OK ? who : TROUPE_NOBODY;
}
