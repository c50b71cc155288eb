/* Asking many: a price is wanted of four shops, of which one never answers and one has closed. In a
 * simulation, so that the deadlines take no time. */
#include <stdio.h>
#include <troupe/simulation.h>
#include <troupe/troupe.h>

enum { SHOPS = 4 };

struct price {
    const char *what;
    uint32_t cents;
};
static const troupe_type price_type =
    TROUPE_TYPE(price, TROUPE_FIELD(price, what), TROUPE_FIELD(price, cents));

struct shop {
    uint32_t cents, ms; /* after which it answers; 0: never */
};

static troupe_err start(troupe_self *self, void *state, const void *arg) {
    (void)self;
    *(struct shop *)state = *(const struct shop *)arg;
    return TROUPE_OK;
}

static troupe_err receive(troupe_self *self, void *state, troupe_msg **msg) {
    const struct shop *shop = state;
    const struct price *asked = troupe_as(*msg, &price_type);
    if (!asked) return TROUPE_BADTYPE;
    if (!shop->ms) { /* it reads the address, and never writes; else that would be told at once */
        (void)troupe_sender(self);
        return TROUPE_OK;
    }
    const struct price price = {asked->what, shop->cents};
    troupe_msg *answer = NULL;
    troupe_err err = troupe_make(troupe_runtime(self), &price_type, &price, &answer);
    if (!err) err = troupe_send_after(self, shop->ms, troupe_sender(self), &answer, NULL);
    troupe_drop(&answer);
    return err;
}

/* Asks all shops, waits for `want` of their answers, and shows what came. */
static bool ask(troupe *rt, const troupe_ref *shop, size_t want) {
    troupe_asked asked[SHOPS];
    troupe_msg *msg = NULL;
    for (int i = 0; i < SHOPS; i++) asked[i].to = shop[i];
    if (troupe_make(rt, &price_type, &(struct price){"a kettle", 0}, &msg)) return false;
    troupe_err err = troupe_ask_many(rt, asked, SHOPS, &msg, want, 100);
    troupe_drop(&msg);
    printf("want %d: %s after %d ms\n", (int)want, troupe_errname(err),
           (int)(troupe_now(rt) / 1000000));
    if (err == TROUPE_INVALID || err == TROUPE_NOMEM) return false;
    for (int i = 0; i < SHOPS; i++) {
        const struct price *price = troupe_as(asked[i].answer, &price_type);
        if (price)
            printf("  shop %d: %s for %d\n", i, price->what, (int)price->cents);
        else
            printf("  shop %d: %s\n", i, troupe_errname(asked[i].err));
        troupe_drop(&asked[i].answer);
    }
    return true;
}

int main(void) {
    static const troupe_behaviour shop = {
        .name = "shop", .state_size = sizeof(struct shop), .start = start, .receive = receive};
    const struct shop how[SHOPS] = {{1999, 40}, {1895, 20}, {0, 0}, {2100, 10}};
    const troupe_sim_config config = {.seed = 1};
    troupe_sim *sim = NULL;
    troupe *rt = NULL;
    troupe_ref who[SHOPS];
    bool ok = !troupe_sim_open(&config, &sim) && !troupe_sim_runtime(sim, NULL, &rt);
    for (int i = 0; i < SHOPS && ok; i++) ok = !troupe_spawn(rt, &shop, &how[i], &who[i]);
    if (ok) ok = ask(rt, who, 2); /* the two fastest */
    if (ok) ok = !troupe_kill(rt, who[3]);
    if (ok) troupe_sim_run(sim, 60);
    if (ok) ok = ask(rt, who, 4) && ask(rt, who, 0); /* four can't; and whoever answers */
    troupe_close(&rt);
    troupe_sim_close(&sim);
    return !ok;
}
