/* Supervised players. */
#ifndef TROUPE_TEST_FAMILY_H
#define TROUPE_TEST_FAMILY_H

#include <troupe/supervisor.h>

#include "test/support/player.h"

/* A child that is that player, which must live as long, called and named by its id. */
troupe_child kid(const player *as, troupe_restart restart);

/* Starts a supervisor over children, which must work. */
troupe_ref family(const troupe_child *child, size_t children, unsigned max_restarts,
                  unsigned within_ms);

/* Fails the test unless the supervisor lists exactly these children: "a:RUNNING:0 b:ENDED:2", with
 * their states and restarts. */
void family_expect(troupe_ref supervisor, const char *words);

/* Posts a cue to the actor of that name. */
void cue_named(const char *name, uint32_t act, uint32_t n);

/* Stops a supervisor and waits until it is gone. */
void family_stop(troupe_ref supervisor);

#endif
