/* Guests: which are lives of the same child, and what is known of those who ended. */
#include "transport/far_guest.h"

#include "test/transport/far_scene.h"

TestSuite(far_guest, .timeout = 60, .fini = scene_say_seed);

/* No peer takes part. */
SIMULATED(far_guest, lives_of_one_child_of_one_home_are_alike, 4) {
    (void)tcp;
    party p;
    party_open(&p, "p");
    tr_guest *guest[4];
    static const char *const names[4][2] = {
        {"left", "a"}, {"left", "a"}, {"right", "a"}, {"left", "b"}};
    for (int i = 0; i < 4; i++) {
        cr_assert_eq(tr_guest_make(p.node, &guest[i]), TROUPE_OK);
        (void)snprintf(guest[i]->home, sizeof guest[i]->home, "%s", names[i][0]);
        (void)snprintf(guest[i]->id, sizeof guest[i]->id, "%s", names[i][1]);
    }
    cr_assert(tr_guest_alike(guest[0], guest[1]));
    cr_assert(!tr_guest_alike(guest[0], guest[0]));
    cr_assert(!tr_guest_alike(guest[0], guest[2]));
    cr_assert(!tr_guest_alike(guest[0], guest[3]));
    cr_assert_eq(tr_guest_first(p.node), guest[0]);
    cr_assert_eq(tr_guest_next(guest[2]), guest[3]);
    cr_assert_null(tr_guest_next(guest[3]));
    cr_assert(!tr_guest_lives(guest[0]));
    guest[0]->state = TR_GUEST_STARTING;
    cr_assert(tr_guest_lives(guest[0]));
    tr_guest_not_begun(guest[0], TROUPE_USER);
    cr_assert(!tr_guest_lives(guest[0]));
    cr_assert_eq(guest[0]->begun, TROUPE_USER);
    party_close(&p);
}

SIMULATED(far_guest, there_are_only_so_many, 1) {
    (void)tcp;
    party p;
    party_open(&p, "p");
    tr_guest *guest;
    for (int i = 0; i < TR_FAR_GUESTS_MOST; i++)
        cr_assert_eq(tr_guest_make(p.node, &guest), TROUPE_OK);
    tr_guest *none = NULL;
    cr_assert_eq(tr_guest_make(p.node, &none), TROUPE_FULL);
    tr_guest_end(guest);
    cr_assert_eq(tr_guest_make(p.node, &guest), TROUPE_OK);
    party_close(&p);
}

static void ask_for_token(troupe_self *self, void *ctx) {
    *(troupe_err *)ctx = troupe_far_token(self, &(uint64_t){0});
}

SIMULATED(far_guest, who_is_no_guest_has_no_token, 4) {
    (void)tcp;
    party p;
    party_open(&p, "p");
    notes *all = notes_open();
    troupe_err err = TROUPE_OK;
    act_as(&p, hand_of(&p, 4, all), ask_for_token, &err);
    cr_assert_eq(err, TROUPE_NOTFOUND);
    party_close(&p);
    notes_close(all);
}
