#include "transport/secure.h"

#include <stdio.h>
#include <string.h>

#include "transport/node.h"
#include "transport/tls_stream.h"

static const char tls_mark[] = "tls+"; /* in front of an address that the net knows */
enum { MARK_SIZE = sizeof tls_mark - 1 };

troupe_err troupe_node_open(troupe *rt, const troupe_node_config *config, troupe_node **out) {
    unsigned char key[TR_KEY_SIZE];
    const bool secret = config->secret != NULL;
    if (!secret && (config->secret_size || !config->tls)) return TROUPE_INVALID;
    if (secret && config->secret_size < TROUPE_SECRET_MIN) return TROUPE_INVALID;
    if (secret) tr_handshake_key(config->secret, config->secret_size, key);
    troupe_err err = tr_node_open(rt, config, secret ? key : NULL, out);
    explicit_bzero(key, sizeof key);
    return err;
}

troupe_err tr_secure_open(struct troupe_node *node, const troupe_node_config *config,
                          const unsigned char *key) {
    char why[600] = "";
    node->has_secret = key != NULL;
    if (key)
        memcpy(node->key, key, TR_KEY_SIZE);
    else
        tr_handshake_key(NULL, 0, node->key);
    if (!config->tls) return TROUPE_OK;
    troupe_err err =
        tr_tls_open(node->heap, config->tls, config->name, &node->tls, why, sizeof why);
    if (err == TROUPE_INVALID)
        tr_port_log(node->rt, TROUPE_ERROR, "node %s can't be opened: %s", config->name, why);
    return err;
}

void tr_secure_close(struct troupe_node *node) {
    if (node->tls) tr_tls_close(node->tls);
    node->tls = NULL;
}

const char *tr_secure_url(const struct troupe_node *node, const char *url, bool *tls) {
    *tls = strncmp(url, tls_mark, MARK_SIZE) == 0;
    if (!*tls) return node->has_secret ? url : NULL; /* anybody could come that way */
    bool tcp = strncmp(url + MARK_SIZE, "tcp://", 6) == 0;
    return node->tls && tcp ? url + MARK_SIZE : NULL;
}

bool tr_secure_dials(const struct troupe_node *node, const char *url) {
    bool tls;
    const char *under = tr_secure_url(node, url, &tls);
    return under && node->net->dials(under);
}

const tr_net *tr_secure_stream(struct troupe_node *node, bool tls, bool dialer,
                               tr_stream **stream) {
    if (!tls) return node->net;
    *stream = tr_tls_wrap(node->net, *stream, node->tls, dialer, node->heap);
    return &tr_tls_net;
}

troupe_err tr_secure_meet(struct tr_peer_link *link, char *why, size_t room) {
    const char *name = link->shake.peer.name;
    if (!link->net->vouches) return TROUPE_OK; /* the secret will tell */
    if (!link->net->vouches(link->stream, name)) {
        (void)snprintf(why, room, "the peer's certificate is not for node %s", name);
        return TROUPE_REFUSED;
    }
    if (tr_tls_allows(link->node->tls, name)) return TROUPE_OK;
    (void)snprintf(why, room, "node %s is not on the list of who is let in", name);
    return TROUPE_REFUSED;
}
