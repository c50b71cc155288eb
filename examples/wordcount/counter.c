#include "counter.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "messages.h"
#include "pack.h"
#include "pieces.h"
#include "scan.h"
#include "table.h"

enum { BLOCK = 256 * 1024, AGAIN_MS = 10 };

struct counter {
    troupe_ref job;
    uint64_t monitor;
    struct table table; /* the words of one chunk */
    struct scan scan;
    struct pack pack;
    unsigned char *block;
    troupe_msg **box; /* what is to be sent to the job, in order, from `sent` to `boxed` */
    size_t sent;
    size_t boxed;
    size_t room;
    bool waiting; /* for the timer */
};

/* Sends what can be sent. A message that finds the job's mailbox full stays here and goes first
 * after a short time; the job has counted on no more than two chunks of it, so few wait. */
static troupe_err send_box(troupe_self *self, struct counter *counter) {
    while (counter->sent < counter->boxed && !counter->waiting) {
        troupe_msg **first = &counter->box[counter->sent];
        troupe_err err = troupe_send(self, counter->job, first);
        if (err == TROUPE_FULL) {
            troupe_msg *again = NULL;
            err = troupe_make(troupe_runtime(self), &again_type, NULL, &again);
            if (err == TROUPE_OK) {
                err = troupe_send_after(self, AGAIN_MS, troupe_me(self), &again, NULL);
            }
            troupe_drop(&again);
            counter->waiting = err == TROUPE_OK;
        } else if (err == TROUPE_GONE || err == TROUPE_NOCONNECTION) {
            troupe_drop(first); /* nobody needs it; `down` will tell */
            err = TROUPE_OK;
            counter->sent++;
        } else if (err == TROUPE_OK) {
            counter->sent++;
        }
        if (err != TROUPE_OK) {
            return err;
        }
    }
    if (counter->sent == counter->boxed) {
        counter->sent = counter->boxed = 0;
    }
    return TROUPE_OK;
}

static troupe_err box(troupe_self *self, struct counter *counter, const troupe_type *type,
                      const void *body) {
    if (counter->boxed == counter->room && counter->sent > 0) {
        counter->boxed -= counter->sent;
        memmove(counter->box, counter->box + counter->sent, counter->boxed * sizeof(troupe_msg *));
        counter->sent = 0;
    }
    if (counter->boxed == counter->room) {
        size_t room = counter->room == 0 ? 8 : counter->room * 2;
        troupe_msg **more = realloc(counter->box, room * sizeof(troupe_msg *));
        if (more == NULL) {
            return TROUPE_NOMEM;
        }
        counter->box = more;
        counter->room = room;
    }
    counter->box[counter->boxed] = NULL;
    troupe_err err = troupe_make(troupe_runtime(self), type, body, &counter->box[counter->boxed]);
    counter->boxed += err == TROUPE_OK;
    return err;
}

/* Counts `length` bytes of a file into the table. 0, an errno, or a TROUBLE_. */
static int count(struct counter *counter, int file, uint64_t offset, uint64_t length) {
    scan_result result = SCAN_OK;
    for (uint64_t done = 0; result == SCAN_OK && done < length;) {
        size_t size = length - done < BLOCK ? (size_t)(length - done) : BLOCK;
        ssize_t got = pread(file, counter->block, size, (off_t)(offset + done));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return got == 0 ? TROUBLE_SHRUNK : errno;
        }
        result = scan_feed(&counter->scan, counter->block, (size_t)got);
        done += (uint64_t)got;
    }
    if (result == SCAN_OK) {
        result = scan_end(&counter->scan);
    }
    return result == SCAN_TOO_LONG ? TROUBLE_WORD : result == SCAN_NO_MEMORY ? ENOMEM : 0;
}

static int count_piece(struct counter *counter, const struct piece_view *piece) {
    char *path = malloc(piece->path_size + 1);
    if (path == NULL) {
        return ENOMEM;
    }
    memcpy(path, piece->path, piece->path_size);
    path[piece->path_size] = '\0';
    struct stat status;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    int error = file < 0 || fstat(file, &status) != 0 ? errno : 0;
    free(path);
    if (error == 0) {
        error = S_ISREG(status.st_mode) ? count(counter, file, piece->offset, piece->length)
                                        : TROUBLE_SPECIAL;
    }
    if (file >= 0) {
        close(file);
    }
    return error;
}

/* The words of the chunk are in the table: sends them in as many parts as it takes. */
static troupe_err box_table(troupe_self *self, struct counter *counter, uint64_t chunk) {
    troupe_err err = TROUPE_OK;
    size_t at = 0;
    do {
        if (!pack_next(&counter->table, &at, &counter->pack)) {
            return troupe_fail(self, TROUPE_NOMEM, "no memory to pack a result");
        }
        struct counts counts = {
            chunk, at >= counter->table.slots, {counter->pack.data, counter->pack.size}};
        err = box(self, counter, &counts_type, &counts);
    } while (err == TROUPE_OK && at < counter->table.slots);
    return err;
}

static troupe_err on_chunk(troupe_self *self, struct counter *counter, const struct chunk *chunk) {
    const unsigned char *at = chunk->pieces.data;
    const unsigned char *end = at + chunk->pieces.size;
    table_clear(&counter->table);
    counter->scan.size = 0; /* what a chunk that failed may have left */
    for (uint64_t i = 0; at < end; i++) {
        struct piece_view piece;
        if (!pieces_next(&at, end, &piece)) {
            return troupe_fail(self, TROUPE_MALFORMED, "a chunk that is no chunk");
        }
        int error = count_piece(counter, &piece);
        if (error == ENOMEM) {
            return troupe_fail(self, TROUPE_NOMEM, "no memory to count a chunk");
        }
        if (error != 0) {
            struct trouble trouble = {chunk->number, i, error};
            return box(self, counter, &trouble_type, &trouble);
        }
    }
    return box_table(self, counter, chunk->number);
}

static troupe_err receive(troupe_self *self, void *state, troupe_msg **msg) {
    struct counter *counter = state;
    const void *body;
    troupe_err err = TROUPE_OK;
    if ((body = troupe_as(*msg, &chunk_type)) != NULL) {
        err = on_chunk(self, counter, body);
    } else if (troupe_as(*msg, &again_type) != NULL) {
        counter->waiting = false;
    } else if (troupe_as(*msg, &troupe_down_type) != NULL) {
        troupe_exit(self, TROUPE_OK); /* the job is the only one that we watch */
    }
    return err != TROUPE_OK ? err : send_box(self, counter);
}

static void stop(troupe_self *self, void *state, troupe_err why) {
    struct counter *counter = state;
    (void)self;
    (void)why;
    for (size_t i = counter->sent; i < counter->boxed; i++) {
        troupe_drop(&counter->box[i]);
    }
    free(counter->box);
    free(counter->block);
    pack_free(&counter->pack);
    scan_free(&counter->scan);
    table_free(&counter->table);
    kill(getpid(), COUNTER_ENDED);
}

static troupe_err start(troupe_self *self, void *state, const void *arg) {
    struct counter *counter = state;
    const troupe_ref *job = arg;
    counter->job = *job;
    counter->scan.table = &counter->table;
    counter->block = malloc(BLOCK);
    if (counter->block == NULL) {
        return TROUPE_NOMEM;
    }
    struct ready ready = {(int32_t)getpid()};
    troupe_err err = troupe_monitor(self, *job, &counter->monitor);
    if (err == TROUPE_OK) {
        err = box(self, counter, &ready_type, &ready);
    }
    if (err == TROUPE_OK) {
        err = send_box(self, counter);
    }
    if (err != TROUPE_OK) {
        stop(self, state, err); /* who did not start is not stopped */
    }
    return err;
}

const troupe_behaviour counter_behaviour = {
    .name = "counter",
    .state_size = sizeof(struct counter),
    .start = start,
    .receive = receive,
    .stop = stop,
};
