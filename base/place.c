#include "base/place.h"

#include "base/check.h"

static TR_THREAD_LOCAL tr_place here;

tr_place tr_place_now(void) {
    return here;
}

tr_place tr_place_enter(tr_place place) {
    tr_place before = here;
    here = place;
    return before;
}

bool tr_place_may_wait(void) {
    return !here.runtime || here.blocking;
}
