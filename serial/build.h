/* Builders: what the parts of a message are kept in until it is made. See <troupe/build.h>. */
#ifndef TR_SERIAL_BUILD_H
#define TR_SERIAL_BUILD_H

#include <troupe/build.h>

#include "base/pool.h"

/* What `troupe_build` does, on a given pool, which must outlive the builder. */
troupe_builder *tr_build(const tr_pool *pool);

#endif
