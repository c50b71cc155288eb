/* A process child that is a node: what its keeper tells it over an inherited descriptor, so that it
 * can connect back, and what the two then say to each other. */
#ifndef TR_TRANSPORT_PARENT_H
#define TR_TRANSPORT_PARENT_H

#include <troupe/process.h>
#include <troupe/remote.h>

#include "base/check.h"
#include "transport/handshake.h"

/* What a child is told. Both are of one machine; `size` tells versions apart. */
typedef struct tr_parent_note {
    uint32_t size;                  /* of this */
    uint32_t heartbeat_ms, lost_ms; /* of the parent's node, and so of the child's */
    uint64_t message_limit;
    unsigned char key[TR_KEY_SIZE];
    char node[TROUPE_NAME_MAX + 1]; /* the parent's */
    char program[32];               /* begins the child's name as a node */
    char url[TROUPE_URL_MAX + 1];   /* where the parent listens */
    troupe_ref keeper;
    uint64_t serial; /* of the run */
} tr_parent_note;

/* Fills in all but `serial`. INVALID: no address, or one that is too long, or one
 * that nobody is let in at by the secret alone. */
TR_CHECKED troupe_err tr_parent_note_of(const troupe_program *program, troupe_ref keeper,
                                        tr_parent_note *note);

/* Makes a descriptor that holds it: memory without a name, which can't be changed any more. -1:
 * errno says why. */
int tr_parent_write(const tr_parent_note *note);

/* Reads what TROUPE_PARENT says, once, and closes it. False: there is no such note. */
TR_CHECKED bool tr_parent_read(tr_parent_note *note);

/* The child has connected; from its deputy to its keeper. */
struct tr_parent_hello {
    uint64_t serial;
    troupe_ref deputy;
};
extern const troupe_type tr_parent_hello_type;

/* The child is to stop; from its keeper to its deputy. */
extern const troupe_type tr_parent_stop_type;

#endif
