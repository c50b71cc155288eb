/* A message that holds more than numbers: a shop gets an order, with its lines, and answers with a
 * receipt. The types are declared once, and are all that making, printing and sending need. */
#include <stdio.h>
#include <troupe/troupe.h>

enum pay { CASH, CARD };

struct line {
    const char *article;
    uint16_t number;
    double price;
};
struct order {
    troupe_time when;
    enum pay pay;
    TROUPE_MANY(struct line) lines;
    TROUPE_MAYBE(const char *) gift_for;
};
struct receipt {
    double sum;
    uint32_t articles;
};

static const troupe_enum pay_enum = TROUPE_ENUM_TYPE(TROUPE_CHOICE(CASH), TROUPE_CHOICE(CARD));
static const troupe_type line_type = TROUPE_TYPE(
    line, TROUPE_FIELD(line, article), TROUPE_FIELD(line, number), TROUPE_FIELD(line, price));
static const troupe_type order_type =
    TROUPE_TYPE(order, TROUPE_FIELD(order, when), TROUPE_FIELD_OF(order, pay, &pay_enum),
                TROUPE_LIST_OF(order, lines, &line_type), TROUPE_OPTIONAL(order, gift_for));
static const troupe_type receipt_type =
    TROUPE_TYPE(receipt, TROUPE_FIELD(receipt, sum), TROUPE_FIELD(receipt, articles));

static troupe_err sell(troupe_self *self, void *state, troupe_msg **msg) {
    const struct order *order = troupe_as(*msg, &order_type);
    struct receipt receipt = {0};
    (void)state;
    if (!order) return troupe_fail(self, TROUPE_INVALID, "no order");
    for (size_t i = 0; i < order->lines.count; i++) {
        receipt.sum += order->lines.at[i].number * order->lines.at[i].price;
        receipt.articles += order->lines.at[i].number;
    }
    return troupe_answer(self, &receipt_type, &receipt);
}

int main(void) {
    const troupe_behaviour shop = {.name = "shop", .receive = sell};
    const struct line lines[] = {{"cup", 4, 2.5}, {"pot", 1, 12.25}};
    const struct order order = {
        .when = {1700000000, 0}, .pay = CARD, .lines = {lines, 2}, .gift_for = {"Ann", true}};
    troupe *rt = NULL;
    troupe_msg *msg = NULL;
    troupe_ref to;
    char text[256];
    if (troupe_open(NULL, &rt) || troupe_spawn(rt, &shop, NULL, &to)) return 1;
    if (troupe_make(rt, &order_type, &order, &msg)) return 1; /* all of it is copied */
    (void)troupe_print(msg, text, sizeof text);
    puts(text);
    if (troupe_ask(rt, to, &msg, 1000)) return 1;
    (void)troupe_print(msg, text, sizeof text);
    puts(text);
    troupe_drop(&msg);
    troupe_close(&rt);
}
