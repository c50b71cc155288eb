/* Work that goes on through many hands: each hands the baton on to a new one, till none is left. */
#ifndef TEST_SUPPORT_BATON_H
#define TEST_SUPPORT_BATON_H

#include <troupe/actor.h>

struct baton {
    uint32_t left; /* hands */
};
extern const troupe_type baton_type;

/* Says what is left, and hands one less to a new actor of its kind. Its mailbox holds one. */
extern const troupe_behaviour baton_hands;

/* Posts a baton, which gets in. */
void baton_post(troupe *rt, troupe_ref who, uint32_t left);

#endif
