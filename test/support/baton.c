#include "test/support/baton.h"

#include <criterion/criterion.h>

#include "test/support/stage.h"

const troupe_type baton_type = TROUPE_TYPE(baton, TROUPE_FIELD(baton, left));

void baton_post(troupe *rt, troupe_ref who, uint32_t left) {
    troupe_msg *msg = NULL;
    cr_assert_eq(troupe_make(rt, &baton_type, &(struct baton){left}, &msg), TROUPE_OK);
    cr_assert_eq(troupe_post(rt, who, &msg), TROUPE_OK);
}

static troupe_err hand_on(troupe_self *self, void *state, troupe_msg **msg) {
    const uint32_t left = ((const struct baton *)troupe_as(*msg, &baton_type))->left;
    troupe_ref next;
    (void)state;
    stage_say("%u", (unsigned)left);
    if (!left) return TROUPE_OK;
    troupe_err err = troupe_spawn(troupe_runtime(self), &baton_hands, NULL, &next);
    return err ? err : troupe_tell(self, next, &baton_type, &(struct baton){left - 1});
}

const troupe_behaviour baton_hands = {.name = "hands", .mailbox_limit = 1, .receive = hand_on};
