/* Asks of actors that are waited for together: requests (request.h) with one end. */
#ifndef TR_ACTORS_GATHER_H
#define TR_ACTORS_GATHER_H

#include <troupe/gather.h>

/* One of those who are asked. */
typedef struct tr_part {
    struct tr_gather *of;
    size_t nth; /* of its `asked` */
} tr_part;

/* The request of a part has ended; with the last of them the gather is gone. Any thread. */
void tr_gather_leave(troupe *rt, tr_part *part);

#endif
