#include "actors/teller.h"

#include <string.h>

#include "actors/report.h"
#include "base/heap.h"

/* A copy of a report. */
typedef struct letter {
    tr_link link;
    size_t size; /* of all of it */
    troupe_report report;
    uintptr_t caller[TR_CALLERS_MOST];
    char texts[];
} letter;

static const size_t texts[] = {offsetof(troupe_report, path),  offsetof(troupe_report, behaviour),
                               offsetof(troupe_report, doing), offsetof(troupe_report, message),
                               offsetof(troupe_report, text),  offsetof(troupe_report, file),
                               offsetof(troupe_report, next),  offsetof(troupe_report, supervisor),
                               offsetof(troupe_report, hint)};
enum { TEXTS = sizeof texts / sizeof *texts };

static const char **text_of(troupe_report *report, unsigned i) {
    return (const char **)(void *)((char *)report + texts[i]);
}

static letter *copy(const troupe_heap *heap, troupe_report *report) {
    size_t size = sizeof(letter);
    for (unsigned i = 0; i < TEXTS; i++) size += strlen(*text_of(report, i)) + 1;
    letter *it = tr_take(heap, size);
    if (!it) return NULL;
    it->size = size;
    it->report = *report;
    it->report.caller = it->caller;
    for (unsigned i = 0; i < report->callers; i++) it->caller[i] = report->caller[i];
    char *room = it->texts;
    for (unsigned i = 0; i < TEXTS; i++) {
        size_t length = strlen(*text_of(report, i)) + 1;
        *text_of(&it->report, i) = memcpy(room, *text_of(report, i), length);
        room += length;
    }
    return it;
}

/* Under the lock, which is let go to tell. False: nothing waits. */
static bool tell_next(tr_teller *teller) {
    tr_link *link = tr_fifo_get(&teller->line);
    if (!link) return false;
    letter *it = TR_OWNER(link, letter, link);
    tr_unlock(&teller->lock);
    tr_report_now(teller->rt, &it->report);
    tr_give(teller->rt->heap, it, it->size);
    tr_lock(&teller->lock);
    teller->waiting--;
    return true;
}

static void *tell_all(void *arg) {
    tr_teller *teller = arg;
    tr_lock(&teller->lock);
    while (tell_next(teller) || !teller->over)
        if (!teller->waiting && !teller->over)
            (void)tr_cond_wait(&teller->changed, &teller->lock, TR_NEVER);
    tr_unlock(&teller->lock);
    return NULL;
}

void tr_teller_init(tr_teller *teller, troupe *rt) {
    *teller = (tr_teller){.rt = rt};
    tr_mutex_init(&teller->lock);
    tr_cond_init(&teller->changed);
}

void tr_teller_end(tr_teller *teller) {
    tr_lock(&teller->lock);
    teller->over = true;
    bool started = teller->started;
    tr_cond_wake(&teller->changed);
    tr_unlock(&teller->lock);
    if (started) tr_thread_join(&teller->thread);
}

void tr_teller_fini(tr_teller *teller) {
    tr_cond_fini(&teller->changed);
    tr_mutex_fini(&teller->lock);
}

/* Under the lock. */
static bool put(tr_teller *teller, troupe_report *report) {
    if (!teller->started)
        teller->started = tr_thread_start(&teller->thread, "troupe:teller", tell_all, teller);
    letter *it = teller->started ? copy(teller->rt->heap, report) : NULL;
    if (!it) return false;
    tr_fifo_put(&teller->line, &it->link);
    teller->waiting++;
    tr_cond_wake(&teller->changed);
    return true;
}

bool tr_teller_take(tr_teller *teller, troupe_report *report) {
    if (teller->rt->sched.stepped) return false;
    tr_lock(&teller->lock);
    bool wanted = report->callers || teller->waiting, taken = false;
    if (wanted && !(taken = !teller->over && put(teller, report))) report->callers = 0;
    tr_unlock(&teller->lock);
    return taken;
}
