/* Builders belong to a runtime by its pool. */
#include "actors/runtime.h"
#include "serial/build.h"

troupe_builder *troupe_build(troupe *rt) {
    return tr_build(&rt->pool);
}
