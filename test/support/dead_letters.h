/* How many dead letters a runtime has counted, for whatever reason. */
#ifndef TROUPE_TEST_DEAD_LETTERS_H
#define TROUPE_TEST_DEAD_LETTERS_H

#include <troupe/observe.h>

static inline uint64_t dead_letters(troupe *rt) {
    troupe_account account;
    troupe_account_all(rt, &account);
    uint64_t sum = 0;
    for (unsigned i = 0; i < TROUPE_DEAD_KINDS; i++) sum += account.dead[i];
    return sum;
}

#endif
