/* Reports of real failures, word for word: each is compared with a file in test/ROOM/golden. What
 * differs from run to run, or from build to build, is masked. GOLDEN=write writes the files anew,
 * to be looked at. */
#ifndef TROUPE_TEST_GOLDEN_H
#define TROUPE_TEST_GOLDEN_H

#include <stdbool.h>
#include <troupe/report.h>

#include "base/atomic.h"

/* A hook for reports, which keeps them. One thread at a time. */
void golden_see(void *ctx, const troupe_report *report);
/* 1: something was told. */
extern tr_atomic32 golden_told;
/* Forgets what was told so far. */
void golden_forget(void);

/* Fails the test unless what was told is what that file of a room holds. */
void golden_expect(const char *room, const char *name);
/* Also the callers; they are left out else, since a build may not know them. */
extern bool golden_keeps_callers;

#endif
