/* Worker-local values. */
#ifndef TR_ACTORS_LOCAL_H
#define TR_ACTORS_LOCAL_H

#include <troupe/local.h>

#include "base/list.h"
#include "base/os.h"

typedef struct tr_locals {
    tr_mutex lock; /* guards the list */
    tr_list all;   /* objects that are open */
} tr_locals;

/* Makes an empty list. */
void tr_locals_init(tr_locals *locals);
/* Closes what is open still; no actor may be alive. */
void tr_locals_fini(tr_locals *locals);

#endif
