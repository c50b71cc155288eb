#include "crew.h"

#include <stdlib.h>

struct hand *crew_join(struct crew *crew) {
    size_t at = 0;
    while (at < crew->room && crew->hand[at].used) {
        at++;
    }
    if (at == crew->room) {
        size_t room = crew->room == 0 ? 8 : crew->room * 2;
        struct hand *hand = realloc(crew->hand, room * sizeof(*hand));
        if (hand == NULL) {
            return NULL;
        }
        for (size_t i = at; i < room; i++) {
            hand[i] = (struct hand){0};
        }
        crew->hand = hand;
        crew->room = room;
    }
    crew->hand[at] = (struct hand){.used = true};
    crew->size++;
    return &crew->hand[at];
}

void flight_end(struct flight *flight) {
    for (size_t i = 0; i < flight->parts; i++) {
        troupe_drop(&flight->part[i]);
    }
    free(flight->part);
    *flight = (struct flight){0};
}

void crew_leave(struct crew *crew, struct hand *hand) {
    for (size_t i = 0; i < CREW_IN_FLIGHT; i++) {
        flight_end(&hand->flight[i]);
    }
    *hand = (struct hand){0};
    crew->size--;
}

struct hand *crew_find(struct crew *crew, troupe_ref ref) {
    for (size_t i = 0; i < crew->room; i++) {
        if (crew->hand[i].used && troupe_same(crew->hand[i].ref, ref)) {
            return &crew->hand[i];
        }
    }
    return NULL;
}

struct hand *crew_watched(struct crew *crew, uint64_t monitor) {
    for (size_t i = 0; i < crew->room; i++) {
        if (crew->hand[i].used && crew->hand[i].monitor == monitor) {
            return &crew->hand[i];
        }
    }
    return NULL;
}

struct flight *crew_idle(struct hand *hand) {
    for (size_t i = 0; !hand->lost && i < CREW_IN_FLIGHT; i++) {
        if (!hand->flight[i].busy) {
            return &hand->flight[i];
        }
    }
    return NULL;
}

struct flight *crew_flight(struct hand *hand, uint64_t chunk) {
    for (size_t i = 0; i < CREW_IN_FLIGHT; i++) {
        if (hand->flight[i].busy && hand->flight[i].chunk == chunk) {
            return &hand->flight[i];
        }
    }
    return NULL;
}

static bool busy(const struct hand *hand) {
    bool has_work = false;
    for (size_t i = 0; i < CREW_IN_FLIGHT; i++) {
        has_work = has_work || hand->flight[i].busy;
    }
    return hand->used && !hand->lost && has_work;
}

struct hand *crew_busy(struct crew *crew, uint64_t n) {
    uint64_t count = 0;
    for (size_t i = 0; i < crew->room; i++) {
        count += busy(&crew->hand[i]);
    }
    for (size_t i = 0; count > 0 && i < crew->room; i++) {
        if (busy(&crew->hand[i]) && n-- % count == 0) {
            return &crew->hand[i];
        }
    }
    return NULL;
}

bool flight_keep(struct flight *flight, troupe_msg **part) {
    troupe_msg **more = realloc(flight->part, (flight->parts + 1) * sizeof(troupe_msg *));
    if (more == NULL) {
        return false;
    }
    flight->part = more;
    flight->part[flight->parts++] = *part;
    *part = NULL;
    return true;
}

void crew_free(struct crew *crew) {
    for (size_t i = 0; i < crew->room; i++) {
        if (crew->hand[i].used) {
            crew_leave(crew, &crew->hand[i]);
        }
    }
    free(crew->hand);
    *crew = (struct crew){0};
}
