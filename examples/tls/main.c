/* Nodes that know each other by certificates: a shop lets in only the till. A thief has a
 * certificate that is just as good, but is not on the list.
 *
 *     examples/tls/certificates.sh FOLDER shop till thief
 *     tls FOLDER */
#include <stdio.h>
#include <stdlib.h>
#include <troupe/remote.h>

enum { WAIT_MS = 10000, PATH_MOST = 512 };

struct price {
    uint32_t pence;
};
static const troupe_type price_type = TROUPE_TYPE(price, TROUPE_FIELD(price, pence));

/* Answers with the sum of all that it was told. */
static troupe_err add_up(troupe_self *self, void *state, troupe_msg **msg) {
    uint32_t *sum = state;
    const struct price *price = troupe_as(*msg, &price_type);
    if (price) *sum += price->pence;
    return troupe_answer(self, &price_type, &(struct price){*sum});
}
static const troupe_behaviour book = {
    .name = "book", .state_size = sizeof(uint32_t), .receive = add_up};

static void must(troupe_err err, const char *what) {
    if (!err) return;
    fprintf(stderr, "%s: %s\n", what, troupe_strerror(err));
    exit(1);
}

/* The thief's refusal is no surprise: it is said below. */
static void keep_quiet(void *ctx, troupe_level level, const char *line) {
    (void)ctx;
    if (level >= TROUPE_ERROR) fprintf(stderr, "%s\n", line);
}

/* Opens a runtime as the node of that name, by the files of that name in the folder. */
static troupe_node *open_node(const char *folder, const char *name, const char *const *allow,
                              troupe **rt) {
    char ca[PATH_MOST], cert[PATH_MOST], key[PATH_MOST];
    (void)snprintf(ca, sizeof ca, "%s/ca.pem", folder);
    (void)snprintf(cert, sizeof cert, "%s/%s.pem", folder, name);
    (void)snprintf(key, sizeof key, "%s/%s.key", folder, name);
    const troupe_tls tls = {.ca_file = ca, .cert_file = cert, .key_file = key, .allow = allow};
    const troupe_node_config config = {.name = name, .tls = &tls};
    const troupe_config quiet = {.log = keep_quiet};
    troupe_node *node;
    must(troupe_open(&quiet, rt), "open");
    must(troupe_node_open(*rt, &config, &node), name);
    must(troupe_register_type(*rt, &price_type), "register");
    return node;
}

/* Sells something by the book of the shop, which is on another node. */
static void sell(troupe *rt, troupe_ref at, uint32_t pence) {
    troupe_msg *msg;
    must(troupe_make(rt, &price_type, &(struct price){pence}, &msg), "make");
    must(troupe_ask(rt, at, &msg, WAIT_MS), "ask");
    const struct price *sum = troupe_as(msg, &price_type);
    printf("the till: sold for %u, in all %u\n", (unsigned)pence, sum ? (unsigned)sum->pence : 0);
    troupe_drop(&msg);
}

int main(int argc, char **argv) {
    static const char *const allow[] = {"till", NULL};
    if (argc != 2) {
        fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 2;
    }
    troupe *shop_rt, *till_rt, *thief_rt;
    troupe_node *shop = open_node(argv[1], "shop", allow, &shop_rt);
    troupe_node *till = open_node(argv[1], "till", NULL, &till_rt);
    troupe_node *thief = open_node(argv[1], "thief", NULL, &thief_rt);
    char url[TROUPE_URL_MAX + 1];
    troupe_ref who;
    must(troupe_listen(shop, "tls+tcp://127.0.0.1:0", url, sizeof url), "listen");
    must(troupe_spawn(shop_rt, &book, NULL, &who), "spawn");
    must(troupe_register(shop_rt, who, "book"), "register");

    must(troupe_connect(till, url, WAIT_MS), "connect");
    must(troupe_lookup(till, "shop", "book", WAIT_MS, &who), "look up");
    sell(till_rt, who, 250);
    sell(till_rt, who, 120);
    printf("the thief: %s\n", troupe_strerror(troupe_connect(thief, url, WAIT_MS)));

    troupe_close(&thief_rt);
    troupe_close(&till_rt);
    troupe_close(&shop_rt);
    troupe_transport_fini();
    return 0;
}
