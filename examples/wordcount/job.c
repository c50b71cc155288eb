#include "job.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crew.h"
#include "messages.h"
#include "pack.h"
#include "pieces.h"
#include "table.h"

/* Without any worker for so long, the job gives up. */
#define ALONE_NS (UINT64_C(30) * 1000 * 1000 * 1000)

struct job {
    const struct plan *plan;
    uint64_t chunks; /* of all rounds */
    uint64_t given;  /* chunks below this number were given out at least once */
    uint64_t *again; /* chunks to be given out again, before all others */
    size_t agains;
    struct crew crew;
    struct table words;
    struct pack pack; /* for the message that is being made */
    uint64_t finished;
    uint64_t bytes;
    uint64_t redone;
    uint64_t *kill_at; /* a worker is killed once so many chunks are finished; ascending */
    uint64_t kills;
    uint64_t killed;
    uint64_t random;
    uint64_t watch;       /* the monitor of the supervisor */
    uint64_t alone_since; /* 0: somebody is there */
    uint64_t ended;       /* 0: not done */
    char error[512];      /* not empty: the job can't be done */
};

static uint64_t draw(struct job *job) { /* splitmix64 */
    uint64_t z = (job->random += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static int ascending(const void *a, const void *b) {
    uint64_t one = *(const uint64_t *)a, two = *(const uint64_t *)b;
    return (one > two) - (one < two);
}

static void give_up(struct job *job, const char *format, ...) TROUPE_PRINTF(2, 3);

/* The first error counts. */
static void give_up(struct job *job, const char *format, ...) {
    if (job->error[0] == '\0') {
        va_list args;
        va_start(args, format);
        vsnprintf(job->error, sizeof(job->error), format, args);
        va_end(args);
    }
}

static troupe_err start(troupe_self *self, void *state, const void *arg) {
    struct job *job = state;
    const struct job_order *order = arg;
    job->plan = order->plan;
    job->chunks = plan_chunks(order->plan);
    job->random = order->seed;
    job->kills = job->chunks > 0 ? order->kills : 0;
    job->kill_at = calloc(job->kills + 1, sizeof(uint64_t));
    if (job->kill_at == NULL) {
        return TROUPE_NOMEM;
    }
    for (uint64_t i = 0; i < job->kills; i++) {
        job->kill_at[i] = draw(job) % job->chunks;
    }
    qsort(job->kill_at, job->kills, sizeof(uint64_t), ascending);
    uint64_t now = troupe_now(troupe_runtime(self));
    job->alone_since = now;
    job->ended = job->chunks == 0 ? now : 0;
    return TROUPE_OK;
}

static void stop(troupe_self *self, void *state, troupe_err why) {
    struct job *job = state;
    (void)self;
    (void)why;
    crew_free(&job->crew);
    table_free(&job->words);
    pack_free(&job->pack);
    free(job->kill_at);
    free(job->again);
}

/* Gives one chunk to a worker that has a place free. False: there is none, or no more chunks. */
static bool give(troupe_self *self, struct job *job, struct hand *hand) {
    struct flight *flight = crew_idle(hand);
    if (flight == NULL || (job->agains == 0 && job->given == job->chunks)) {
        return false;
    }
    uint64_t number = job->agains > 0 ? job->again[job->agains - 1] : job->given;
    if (!pieces_pack(job->plan, plan_range(job->plan, number), &job->pack)) {
        give_up(job, "no memory to give out a chunk");
        return false;
    }
    struct chunk chunk = {number, {job->pack.data, job->pack.size}};
    troupe_err err = troupe_tell(self, hand->ref, &chunk_type, &chunk);
    switch (err) {
    case TROUPE_OK:
        break;
    case TROUPE_FULL:
        return false; /* its box has room for more than we give; if not, later */
    case TROUPE_GONE:
    case TROUPE_NOCONNECTION:
        hand->lost = true;
        return false;
    default:
        give_up(job, "can't give out a chunk: %s", troupe_strerror(err));
        return false;
    }
    flight->busy = true;
    flight->chunk = number;
    if (job->agains > 0) {
        job->agains--;
    } else {
        job->given++;
    }
    return true;
}

/* One chunk to everybody, then the second: nobody hoards while others wait. */
static void give_out(troupe_self *self, struct job *job) {
    for (size_t round = 0; job->error[0] == '\0' && round < CREW_IN_FLIGHT; round++) {
        for (size_t i = 0; i < job->crew.room; i++) {
            if (job->crew.hand[i].used) {
                give(self, job, &job->crew.hand[i]);
            }
        }
    }
}

/* Plays fate: kills whom the seed chooses of those that have work in flight. */
static void kill_some(struct job *job) {
    while (job->error[0] == '\0' && job->killed < job->kills &&
           job->finished >= job->kill_at[job->killed]) {
        struct hand *victim = crew_busy(&job->crew, draw(job));
        if (victim == NULL) {
            return;
        }
        victim->lost = true;
        job->killed += kill(victim->pid, SIGKILL) == 0;
    }
}

static void on_ready(troupe_self *self, struct job *job, const struct ready *ready) {
    troupe_ref who = troupe_sender(self);
    if (crew_find(&job->crew, who) != NULL || ready->pid <= 1) { /* kill takes 0, -1, 1 for more */
        return;
    }
    struct hand *hand = crew_join(&job->crew);
    if (hand == NULL) {
        give_up(job, "no memory for one more worker");
        return;
    }
    /* All that can be in flight finds room to come back to, so a `down` needs no memory. */
    uint64_t *again = realloc(job->again, job->crew.room * CREW_IN_FLIGHT * sizeof(uint64_t));
    if (again != NULL) {
        job->again = again;
    }
    hand->ref = who;
    hand->pid = ready->pid;
    if (again == NULL || troupe_monitor(self, who, &hand->monitor) != TROUPE_OK) {
        crew_leave(&job->crew, hand);
        give_up(job, "no memory for one more worker");
    }
    job->alone_since = 0;
}

static void on_down(troupe_self *self, struct job *job, const struct troupe_down *down) {
    if (down->monitor == job->watch && job->ended == 0) {
        give_up(job, "no worker could be kept alive: their supervisor has given up");
    }
    struct hand *hand = crew_watched(&job->crew, down->monitor);
    if (hand == NULL) {
        return;
    }
    for (size_t i = 0; i < CREW_IN_FLIGHT; i++) {
        if (hand->flight[i].busy) {
            job->again[job->agains++] = hand->flight[i].chunk;
            job->redone++;
        }
    }
    crew_leave(&job->crew, hand);
    if (job->crew.size == 0) {
        job->alone_since = troupe_now(troupe_runtime(self));
    }
}

/* All parts of a chunk are there: now it counts. */
static void merge(troupe_self *self, struct job *job, struct flight *flight) {
    for (size_t i = 0; i < flight->parts; i++) {
        const struct counts *counts = troupe_as(flight->part[i], &counts_type);
        pack_result result = pack_merge(counts->words.data, counts->words.size, &job->words);
        if (result != PACK_OK) {
            give_up(job, result == PACK_NO_MEMORY ? "no memory for the words"
                                                  : "a worker sent a result that is no result");
            return;
        }
    }
    job->bytes += plan_range(job->plan, flight->chunk)->bytes;
    job->finished++;
    flight_end(flight);
    if (job->finished == job->chunks) {
        job->ended = troupe_now(troupe_runtime(self));
    }
}

/* What comes from a worker that is not in the crew (any more), or for a chunk that is not in flight
 * there, is of the past: the chunk is another's by now. */
static void on_counts(troupe_self *self, struct job *job, troupe_msg **msg) {
    const struct counts *counts = troupe_as(*msg, &counts_type);
    struct hand *hand = crew_find(&job->crew, troupe_sender(self));
    struct flight *flight = hand != NULL ? crew_flight(hand, counts->chunk) : NULL;
    if (flight == NULL) {
        return;
    }
    bool last = counts->last;
    if (!flight_keep(flight, msg)) {
        give_up(job, "no memory for a result");
    } else if (last) {
        merge(self, job, flight);
    }
}

static void on_trouble(struct job *job, const struct trouble *trouble) {
    const struct range *range =
        trouble->chunk < job->chunks ? plan_range(job->plan, trouble->chunk) : NULL;
    if (range == NULL || trouble->piece >= range->pieces) {
        give_up(job, "a worker sent a result that is no result");
        return;
    }
    const struct piece *piece = &job->plan->piece[range->first + trouble->piece];
    const char *why = trouble->error == TROUBLE_SHRUNK    ? "it is shorter than it was"
                      : trouble->error == TROUBLE_SPECIAL ? "it is no regular file any more"
                      : trouble->error == TROUBLE_WORD    ? "a word of more than 8 MiB"
                                                          : strerror(trouble->error);
    give_up(job, "can't count %s (bytes %" PRIu64 " to %" PRIu64 "): %s",
            job->plan->path[piece->path], piece->offset, piece->offset + piece->length, why);
}

static troupe_err on_how_far(troupe_self *self, struct job *job) {
    uint64_t now = troupe_now(troupe_runtime(self));
    if (job->ended == 0 && job->alone_since != 0 && now - job->alone_since > ALONE_NS) {
        give_up(job, "no worker has come for 30 s");
    }
    struct progress progress = {.done = job->ended != 0,
                                .bytes = job->bytes,
                                .chunks = job->finished,
                                .redone = job->redone,
                                .workers = job->crew.size,
                                .killed = (uint32_t)job->killed,
                                .time = job->ended != 0 ? job->ended : now,
                                .error = {job->error, strlen(job->error)}};
    return troupe_answer(self, &progress_type, &progress);
}

static troupe_err on_fetch(troupe_self *self, struct job *job, const struct fetch *fetch) {
    size_t at = (size_t)fetch->at;
    if (!pack_next(&job->words, &at, &job->pack)) {
        return troupe_fail(self, TROUPE_NOMEM, "no memory to pack the result");
    }
    struct fetched fetched = {at, at >= job->words.slots, {job->pack.data, job->pack.size}};
    return troupe_answer(self, &fetched_type, &fetched);
}

static troupe_err receive(troupe_self *self, void *state, troupe_msg **msg) {
    struct job *job = state;
    const void *body;
    troupe_err err = TROUPE_OK;
    if (troupe_as(*msg, &counts_type) != NULL) {
        on_counts(self, job, msg);
    } else if ((body = troupe_as(*msg, &ready_type)) != NULL) {
        on_ready(self, job, body);
    } else if ((body = troupe_as(*msg, &troupe_down_type)) != NULL) {
        on_down(self, job, body);
    } else if ((body = troupe_as(*msg, &trouble_type)) != NULL) {
        on_trouble(job, body);
    } else if (troupe_as(*msg, &how_far_type) != NULL) {
        err = on_how_far(self, job);
    } else if ((body = troupe_as(*msg, &fetch_type)) != NULL) {
        err = on_fetch(self, job, body);
    } else if ((body = troupe_as(*msg, &watch_type)) != NULL) {
        err = troupe_monitor(self, ((const struct watch *)body)->supervisor, &job->watch);
    }
    give_out(self, job);
    kill_some(job);
    return err == TROUPE_GONE ? TROUPE_OK : err; /* who asked does not wait any more */
}

/* With two chunks in flight a worker, a small box would do; a result may have many parts. */
const troupe_behaviour job_behaviour = {
    .name = "job",
    .state_size = sizeof(struct job),
    .mailbox_limit = 1024,
    .start = start,
    .receive = receive,
    .stop = stop,
};
