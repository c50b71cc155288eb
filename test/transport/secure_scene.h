/* Nodes with certificates, over TLS on real connections and in a simulation. */
#ifndef TROUPE_TEST_SECURE_SCENE_H
#define TROUPE_TEST_SECURE_SCENE_H

#include "test/transport/certificates.h"
#include "test/transport/raw_peer.h"

/* A test over TLS: on TCP, and in a simulation. */
#define SECURE(suite, name, seeds)                                                                 \
    static void name(void);                                                                        \
    static void name##_(bool tcp) {                                                                \
        (void)tcp;                                                                                 \
        name();                                                                                    \
    }                                                                                              \
    Test(suite, name##_over_tls) {                                                                 \
        name();                                                                                    \
    }                                                                                              \
    Test(suite, name##_simulated) {                                                                \
        simulate(name##_, seeds);                                                                  \
    }                                                                                              \
    static void name(void)

static const char tls_any[] = "tls+tcp://127.0.0.1:0";

/* A node with that certificate; without a secret unless asked for. */
static inline void open_with(party *p, const char *name, troupe_tls tls, bool secret) {
    troupe_node_config config = {.name = name, .tls = &tls};
    party_open_runtime(p, name);
    if (secret) config.secret = node_secret, config.secret_size = sizeof node_secret;
    cr_assert_eq(troupe_node_open(p->rt, &config, &p->node), TROUPE_OK, "%s", p->log);
    cr_assert_eq(troupe_register_type(p->rt, &count_type), TROUPE_OK);
    cr_assert_eq(troupe_register_type(p->rt, &order_type), TROUPE_OK);
}

static inline void listen_at(party *p, const char *url) {
    cr_assert_eq(troupe_listen(p->node, url, p->url, sizeof p->url), TROUPE_OK, "%s", p->log);
}

/* The node "right", which listens, trusts the CA, and knows no secret. */
static inline void open_right(party *p, const char *const *allow) {
    troupe_tls tls = tls_of("ca", "right");
    tls.allow = allow;
    open_with(p, "right", tls, false);
    listen_at(p, tls_any);
    cr_assert_eq(strncmp(p->url, "tls+tcp://", 10), 0, "%s", p->url);
}

#endif
