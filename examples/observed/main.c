/* A shop that can be looked at while it is open: it has a console, and the tool `troupe` shows it.
 *
 *     observed /tmp/shop.sock secret-file          until its standard input ends
 *     troupe -n /tmp/shop.sock -s secret-file node tree
 *
 * See docs/tools.md. */
#include <stdio.h>
#include <string.h>
#include <troupe/console.h>
#include <troupe/troupe.h>

/* --- A till: it counts what is sold ----------------------------------------------------------- */

enum coin { EURO, DOLLAR };
static const troupe_enum coin_enum = TROUPE_ENUM_TYPE(TROUPE_CHOICE(EURO), TROUPE_CHOICE(DOLLAR));

struct sale {
    const char *article;
    uint32_t number;
    double price;
    enum coin coin;
};
static const troupe_type sale_type =
    TROUPE_TYPE(sale, TROUPE_REQUIRED_FIELD(sale, article), TROUPE_FIELD_OR(sale, number, 1),
                TROUPE_FIELD(sale, price), TROUPE_FIELD_OF(sale, coin, &coin_enum));

struct sold {
    uint32_t number;
    double sum;
};
static const troupe_type sold_type =
    TROUPE_TYPE(sold, TROUPE_FIELD(sold, number), TROUPE_FIELD(sold, sum));

static troupe_err till_receive(troupe_self *self, void *state, troupe_msg **msg) {
    struct sold *sold = state;
    const struct sale *sale = troupe_as(*msg, &sale_type);
    if (!sale) return TROUPE_OK;
    if (sale->price < 0) return troupe_fail(self, TROUPE_INVALID, "a price of %g", sale->price);
    sold->number += sale->number;
    sold->sum += sale->number * sale->price;
    if (troupe_same(troupe_sender(self), TROUPE_NOBODY)) return TROUPE_OK;
    return troupe_answer(self, &sold_type, sold);
}

static const troupe_behaviour till = {.name = "till",
                                      .state_size = sizeof(struct sold),
                                      .mailbox_limit = 16,
                                      .receive = till_receive};

/* --- A clock: it is busy ---------------------------------------------------------------------- */

static const troupe_type tick_type = TROUPE_SIGNAL_TYPE("tick");

static troupe_err clock_start(troupe_self *self, void *state, const void *arg) {
    (void)state, (void)arg;
    troupe_msg *msg;
    troupe_err err = troupe_make(troupe_runtime(self), &tick_type, NULL, &msg);
    return err ? err : troupe_send_every(self, 10, troupe_me(self), &msg, NULL);
}

static troupe_err clock_receive(troupe_self *self, void *state, troupe_msg **msg) {
    (void)self, (void)state, (void)msg;
    return TROUPE_OK;
}

static const troupe_behaviour shop_clock = {
    .name = "clock", .start = clock_start, .receive = clock_receive};

/* --- The shop --------------------------------------------------------------------------------- */

static const troupe_child desk[] = {
    {.id = "till", .what = &till, .name = "till"},
    {.id = "night", .what = &till, .restart = TROUPE_TRANSIENT},
};
static const troupe_supervision sales = {
    .child = desk, .children = 2, .max_restarts = 10, .within_ms = 60000};
static const troupe_child wing[] = {
    {.id = "sales", .what = &troupe_supervisor, .arg = &sales},
    {.id = "clock", .what = &shop_clock},
};
static const troupe_supervision shop = {
    .child = wing, .children = 2, .name = "shop", .max_restarts = 10, .within_ms = 60000};

/* Reads a file as its secret, without a newline at its end; its size, 0: it can't be read. */
static size_t read_secret(const char *name, char *secret, size_t room) {
    FILE *file = fopen(name, "rb");
    size_t size = file ? fread(secret, 1, room, file) : 0;
    if (file) (void)fclose(file);
    return size && secret[size - 1] == '\n' ? size - 1 : size;
}

static troupe_err open_shop(troupe *rt, const char *path, const char *secret, size_t size) {
    char url[TROUPE_URL_MAX + 1];
    const troupe_node_config config = {.name = "shop", .secret = secret, .secret_size = size};
    troupe_node *node;
    troupe_ref top;
    (void)snprintf(url, sizeof url, "ipc://%s", path);
    troupe_err err = troupe_register_type(rt, &sale_type);
    if (!err) err = troupe_supervise(rt, &shop, 5000, &top);
    if (!err) err = troupe_node_open(rt, &config, &node);
    if (!err) err = troupe_console_open(node, TROUPE_CONSOLE_ACT);
    return err ? err : troupe_listen(node, url, NULL, 0);
}

int main(int argc, char **argv) {
    char secret[256];
    size_t size = argc == 3 ? read_secret(argv[2], secret, sizeof secret) : 0;
    troupe *rt = NULL;
    if (!size) {
        (void)fprintf(stderr, "usage: observed SOCKET SECRET-FILE\n");
        return 2;
    }
    troupe_err err = troupe_open(&(troupe_config){.workers = 2}, &rt);
    if (!err) err = open_shop(rt, argv[1], secret, size);
    if (err) (void)fprintf(stderr, "observed: %s\n", troupe_strerror(err));
    if (!err) (void)puts("open");
    (void)fflush(stdout);
    while (!err && getchar() != EOF) continue;
    troupe_close(&rt);
    troupe_transport_fini();
    return err ? 1 : 0;
}
