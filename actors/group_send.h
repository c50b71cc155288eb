/* What is sent to groups of actors. */
#ifndef TR_ACTORS_GROUP_SEND_H
#define TR_ACTORS_GROUP_SEND_H

#include "actors/group.h"

/* How one member is chosen. */
typedef enum tr_pick_how { TR_PICK_NEXT, TR_PICK_LEAST, TR_PICK_KEY } tr_pick_how;
typedef struct tr_group_pick {
    tr_pick_how how;
    uint64_t key; /* for TR_PICK_KEY */
} tr_group_pick;

/* A key's weight for a member: the one with the most has it. So when one comes or goes only those
 * keys move that are its own (rendezvous hashing: Thaler and Ravishankar, 1998). */
uint64_t tr_group_weight(uint64_t key, uint64_t id);

/* Sends to one, which is `*to` then; `how` is TR_SEND_*. The errors of troupe_send_any. */
TR_CHECKED troupe_err tr_groups_send(troupe *rt, troupe_ref from, unsigned how, const char *name,
                                     tr_group_pick pick, troupe_msg **msg, troupe_ref *to);

/* Sends to all: troupe_send_group. */
TR_CHECKED troupe_err tr_groups_send_all(troupe *rt, troupe_ref from, const char *name,
                                         troupe_msg **msg, troupe_reach *out);

#endif
