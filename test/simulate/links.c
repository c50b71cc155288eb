#include "test/simulate/links.h"

#include <string.h>

/* What one life of one actor may hear of one other. A link that is made while the other is between
 * two lives is one of its own, which nobody but the runtime can know: so exits are at most as many
 * as calls, and one at least. Over nodes a link is on its way for a while, and meets whatever
 * happens meanwhile: then only who made it knows something, and that at the very end. */
typedef struct half {
    troupe_ref me, peer;
    uint32_t life, peer_life; /* when it was made last */
    unsigned calls, exits;
    bool sure;    /* nobody has taken it back */
    bool crossed; /* the peer, on another node, has: what is made until that arrives is that link */
} half;
static half halves[SLOTS][SLOTS];

static uint32_t strays[SLOTS]; /* links with peers that are no longer known */

void links_begin(void) {
    memset(halves, 0, sizeof halves);
    memset(strays, 0, sizeof strays);
}

/* Whether `it` may be in that life, as it was counted when a link was made. One with somebody who
 * waits between two lives is of the next, which was not counted yet. */
static bool may_be_in(const slot *it, uint32_t life) {
    return it->lives == life || (it->waits && it->lives == life + 1);
}

/* What the present life of `it` knows of `peer`; nothing yet if it was another life, or peer. */
static half *half_of(const slot *it, const slot *peer) {
    half *at = &halves[ledger_index(it)][ledger_index(peer)];
    bool same =
        troupe_same(at->me, it->ref) && troupe_same(at->peer, peer->ref) && may_be_in(it, at->life);
    /* Its slot is another's; but its exit may be in the mail. */
    if (!same && troupe_same(at->me, it->ref) && at->calls > at->exits) strays[ledger_index(it)]++;
    if (!same) *at = (half){.me = it->ref, .peer = peer->ref, .life = it->lives};
    return at;
}

static void made(const slot *it, const slot *peer) {
    half *at = half_of(it, peer);
    at->calls++;
    at->peer_life = peer->lives;
    at->sure = !at->crossed;
}

void links_made(slot *it, slot *who) {
    if (it == who) return;
    made(it, who);
    if (it->node == who->node) made(who, it);
}

void links_taken_back(slot *it, slot *who) {
    half *mine = half_of(it, who), *other = half_of(who, it);
    other->sure = false; /* but what was sent before may be in its mail */
    other->crossed = it->node != who->node;
    mine->sure = false;
    if (it->node != who->node) return;
    mine->calls = mine->exits = 0;
}

void links_exit(slot *it, const struct troupe_exit *ended) {
    const uint32_t me = ledger_index(it);
    uint32_t i = 0;
    while (i < SLOTS && !(troupe_same(halves[me][i].peer, ended->who) &&
                          troupe_same(halves[me][i].me, it->ref) &&
                          may_be_in(it, halves[me][i].life) && halves[me][i].calls))
        i++;
    const bool far = ended->who.node != it->ref.node;
    if (i == SLOTS && far) return;
    /* Who waits between two lives keeps mail for long, from peers whose slots are others' now. */
    if (i == SLOTS && it->waits) return;
    if (i == SLOTS && strays[me]) {
        strays[me]--;
        return;
    }
    if (i == SLOTS) WRONG("slot %u got an exit of one that it is not linked to", me);
    half *at = &halves[me][i];
    if (++at->exits > at->calls && !far) WRONG("slot %u got %u exits of one link", me, at->exits);
}

static void check(const slot *it, const half *at) {
    uint32_t i = ledger_index(it);
    bool mine = it->alive && troupe_same(at->me, it->ref) && at->life == it->lives;
    if (!mine || !at->sure || !at->calls) return;
    const slot *peer = &book.slot[(uint32_t)(at - halves[i])];
    bool ended = !peer->alive || !troupe_same(peer->ref, at->peer);
    if (at->peer.node == at->me.node) ended |= !may_be_in(peer, at->peer_life);
    if (i % 2 && ended && !at->exits)
        WRONG("slot %u got no exit of slot %u, which has ended", i, ledger_index(peer));
}

void links_check(void) {
    for (uint32_t i = 0; i < SLOTS; i++)
        for (uint32_t j = 0; j < SLOTS; j++) check(&book.slot[i], &halves[i][j]);
}
