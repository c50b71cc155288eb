/* The simulated network, under streams of bytes. */
#include "test/transport/raw_peer.h"

TestSuite(sim_streams, .timeout = 60, .fini = scene_say_seed);

enum { CHUNK = 64 << 10, SEEDS = 200 };

/* A stream, from one end to the other. */
typedef struct ends {
    raw_listener l;
    raw_peer *from, *to;
} ends;

static void ends_open(ends *e) {
    *e = (ends){.l = {.fd = -1}};
    raw_listen(&e->l);
    e->from = raw_connect(e->l.url);
    SCENE_AWAIT(e->l.count);
    e->to = e->l.come[0];
}

static void ends_close(ends *e) {
    raw_close(e->from);
    raw_unlisten(&e->l);
    scene_end();
}

/* Says a part of all numbers, without waiting. */
static void say(ends *e, uint32_t *next) {
    uint32_t words[CHUNK / 4];
    for (size_t i = 0; i < CHUNK / 4; i++) words[i] = (*next)++;
    cr_assert(tr_buffer_put(&e->from->out, words, sizeof words));
    raw_flush(e->from);
}

/* Simulated only, as all here: it is about the simulation. */
SIMULATED(sim_streams, what_is_not_read_holds_its_sender_and_comes_in_order, SEEDS) {
    (void)tcp;
    ends e;
    uint32_t next = 0;
    ends_open(&e);
    raw_stop_reading(e.to);
    for (int i = 0; i < 4; i++) {
        say(&e, &next);
        SCENE_AWAIT(!e.from->busy);
    }
    say(&e, &next);
    troupe_sim_run(scene_sim, 10000);
    cr_assert(e.from->busy, "256 KiB are enough");
    cr_assert_eq(e.to->in.size, 0u);
    tr_sim_net.start(e.to->stream, &raw_events, e.to);
    for (uint32_t at = 0, word; at < next; at++) {
        SCENE_AWAIT(e.to->in.size >= 4 * (at % 1024 + 1) || at + e.to->in.size / 4 >= next);
        memcpy(&word, e.to->in.data + 4 * (at % 1024), 4);
        cr_assert_eq(word, at);
        if (at % 1024 < 1023) continue;
        e.to->in.size -= 4096;
        memmove(e.to->in.data, e.to->in.data + 4096, e.to->in.size);
    }
    SCENE_AWAIT(!e.from->busy);
    ends_close(&e);
}

SIMULATED(sim_streams, who_does_not_read_hears_of_the_end, SEEDS) {
    (void)tcp;
    ends e;
    uint32_t next = 0;
    ends_open(&e);
    raw_stop_reading(e.to);
    say(&e, &next);
    tr_sim_net.close(e.from->stream);
    SCENE_AWAIT(e.to->ended);
    ends_close(&e);
}
