/* How a runtime ends: it takes no new work, works off what it has, stops its actors, and gives
 * everything back. README.md, "The end of a runtime". */
#ifndef TR_ACTORS_SHUTDOWN_H
#define TR_ACTORS_SHUTDOWN_H

#include <troupe/shutdown.h>

#include "actors/runtime.h"
#include "base/check.h"

/* Whether the runtime takes no new work, and the calling thread is outside: then its call is
 * counted as refused. One load as long as nobody has quiesced. */
bool tr_shutdown_refuses(troupe *rt);

#endif
