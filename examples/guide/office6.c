/* A ticket office, chapter 6: its sales are written down, and the program that reads them is older
 * or newer than the one that wrote. Three versions of one type are here side by side, which
 * otherwise are in three releases. */
#include <stdio.h>
#include <troupe/troupe.h>

/* --- The first release ------------------------------------------------------------------------ */

struct sale {
    uint64_t number;
    const char *seat;
    uint32_t cents;
};
static const troupe_type sale_type =
    TROUPE_TYPE(sale, TROUPE_FIELD(sale, number), TROUPE_FIELD(sale, seat),
                TROUPE_FIELD(sale, cents));

/* --- The second ------------------------------------------------------------------------------- */

enum how { CASH, CARD };
struct payment {
    enum how how;
    union {
        const char *card; /* its last digits */
    };
};
struct sale_2 {
    uint64_t number;
    const char *seat;
    uint64_t cents;       /* wider */
    const char *currency; /* this and the next are new */
    struct payment payment;
    troupe_map extra;
};

static const troupe_one_of payment_one_of =
    TROUPE_ONE_OF_TYPE(payment, how, TROUPE_NO_CASE(CASH),
                       TROUPE_CASE(CARD, TROUPE_FIELD(payment, card)));
static const troupe_type sale_2_type = TROUPE_NAMED_TYPE(
    "sale", sale_2, TROUPE_FIELD(sale_2, number), TROUPE_FIELD(sale_2, seat),
    TROUPE_FIELD(sale_2, cents), TROUPE_FIELD_OR(sale_2, currency, "EUR"),
    TROUPE_FIELD_OF(sale_2, payment, &payment_one_of), TROUPE_FIELD(sale_2, extra));

/* --- The third: one more way to pay ----------------------------------------------------------- */

enum how_3 { IN_CASH, BY_CARD, BY_VOUCHER };
struct payment_3 {
    enum how_3 how;
    union {
        const char *card;
        uint64_t voucher;
    };
};
struct sale_3 {
    uint64_t number;
    const char *seat;
    uint64_t cents;
    const char *currency;
    struct payment_3 payment;
    troupe_map extra;
};

/* Constants have other names only because the older ones are in this file, too. */
static const troupe_one_of payment_3_one_of =
    TROUPE_ONE_OF_TYPE(payment_3, how, TROUPE_NO_CASE(IN_CASH),
                       TROUPE_CASE(BY_CARD, TROUPE_FIELD(payment_3, card)),
                       TROUPE_CASE(BY_VOUCHER, TROUPE_FIELD(payment_3, voucher)));
static const troupe_type sale_3_type = TROUPE_NAMED_TYPE(
    "sale", sale_3, TROUPE_FIELD(sale_3, number), TROUPE_FIELD(sale_3, seat),
    TROUPE_FIELD(sale_3, cents), TROUPE_FIELD_OR(sale_3, currency, "EUR"),
    TROUPE_FIELD_OF(sale_3, payment, &payment_3_one_of), TROUPE_FIELD(sale_3, extra));

/* --- The book --------------------------------------------------------------------------------- */

struct entry {
    unsigned char bytes[256];
    size_t size;
};

/* Writes a sale down, and drops it. */
static troupe_err note(troupe_msg **sale, struct entry *entry) {
    troupe_err err = troupe_encode(*sale, entry->bytes, sizeof entry->bytes, &entry->size);
    troupe_drop(sale);
    return err;
}

/* Reads it as a version of the type, and shows what it says, or what is wrong with it. */
static void look_up(troupe *rt, const char *reader, const troupe_type *type,
                    const struct entry *entry) {
    troupe_msg *sale = NULL;
    char text[256];
    if (!troupe_decode(rt, type, entry->bytes, entry->size, &sale, text, sizeof text))
        (void)troupe_print(sale, text, sizeof text);
    printf("%s: %s\n", reader, text);
    troupe_drop(&sale);
}

/* --- Sales ------------------------------------------------------------------------------------ */

static troupe_err sell(troupe *rt, struct entry *entry) {
    troupe_msg *sale = NULL;
    troupe_err err = troupe_make(rt, &sale_type, &(struct sale){1, "4C", 1250}, &sale);
    return err ? err : note(&sale, entry);
}

static troupe_err sell_2(troupe *rt, uint64_t cents, struct entry *entry) {
    troupe_msg *sale = NULL;
    troupe_builder *b = troupe_build(rt);
    struct sale_2 body = {.number = 2, .cents = cents, .currency = "CHF"};
    body.seat = troupe_build_text(b, "%d%c", 5, 'D');
    body.payment = (struct payment){CARD, {.card = "0042"}};
    troupe_build_map(b, &body.extra);
    troupe_put_bool(b, "aisle", true);
    troupe_put_text(b, "meal", "none");
    troupe_put_end(b);
    troupe_err err = troupe_build_make(b, &sale_2_type, &body, &sale);
    troupe_build_drop(&b);
    return err ? err : note(&sale, entry);
}

static troupe_err sell_3(troupe *rt, struct entry *entry) {
    troupe_msg *sale = NULL;
    const struct sale_3 body = {.number = 3, .seat = "6A", .cents = 900, .currency = "EUR",
                                .payment = {BY_VOUCHER, {.voucher = 77}}};
    troupe_err err = troupe_make(rt, &sale_3_type, &body, &sale);
    return err ? err : note(&sale, entry);
}

int main(void) {
    troupe *rt = NULL;
    struct entry old, new, dear, newest;
    if (troupe_open(NULL, &rt)) return 1;
    if (sell(rt, &old) || sell_2(rt, 1800, &new) || sell_2(rt, 5000000000, &dear) ||
        sell_3(rt, &newest))
        return 1;
    look_up(rt, "old by new", &sale_2_type, &old);
    look_up(rt, "new by old", &sale_type, &new);
    look_up(rt, "new by new", &sale_2_type, &new);
    look_up(rt, "dear by old", &sale_type, &dear);
    look_up(rt, "newest by old", &sale_type, &newest);
    look_up(rt, "newest by new", &sale_2_type, &newest);
    troupe_close(&rt);
}
