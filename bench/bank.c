/* bank [ACCOUNTS] [TRANSFERS]: a teller asks the account that pays, which asks the account that
 * earns; the answers come back the same way (Savina's `banking`). Four messages a transfer. The
 * teller keeps 250 transfers under way; each is in one mailbox at a time, so none can be full. */
#include "bench.h"

enum { UNDER_WAY = 250 };

struct transfer {
    troupe_ref to;
    uint64_t amount;
};
static const troupe_type transfer_type =
    TROUPE_TYPE(transfer, TROUPE_FIELD(transfer, to), TROUPE_FIELD(transfer, amount));

struct credit {
    uint64_t amount;
};
static const troupe_type credit_type = TROUPE_TYPE(credit, TROUPE_FIELD(credit, amount));
static const troupe_type credited_type = TROUPE_SIGNAL_TYPE("credited");
static const troupe_type go_type = TROUPE_SIGNAL_TYPE("go");

/* --- An account ------------------------------------------------------------------------------- */

struct account {
    const troupe_ref *teller;
    uint64_t balance;
};

BENCH_START(account_start, struct account)

static troupe_err account_receive(troupe_self *self, void *state, troupe_msg **msg) {
    struct account *account = state;
    const struct transfer *transfer = troupe_as(*msg, &transfer_type);
    if (transfer) {
        account->balance -= transfer->amount;
        return troupe_tell(self, transfer->to, &credit_type, &(struct credit){transfer->amount});
    }
    const struct credit *credit = troupe_as(*msg, &credit_type);
    if (credit) {
        account->balance += credit->amount;
        return troupe_answer(self, &credited_type, NULL);
    }
    return troupe_send(self, *account->teller, msg); /* "credited": the transfer is done */
}

static const troupe_behaviour account = {.name = "account",
                                         .state_size = sizeof(struct account),
                                         .start = account_start,
                                         .receive = account_receive};

/* --- The teller ------------------------------------------------------------------------------- */

struct teller {
    const troupe_ref *account;
    uint64_t accounts, to_start, to_end, random;
    troupe_ref finish;
};

BENCH_START(teller_start, struct teller)

static troupe_err one_more(troupe_self *self, struct teller *teller) {
    if (!teller->to_start) return TROUPE_OK;
    teller->to_start--;
    uint64_t from = bench_random(&teller->random) % teller->accounts;
    uint64_t to = (from + 1 + bench_random(&teller->random) % (teller->accounts - 1));
    struct transfer transfer = {teller->account[to % teller->accounts], to % 100};
    return troupe_tell(self, teller->account[from], &transfer_type, &transfer);
}

static troupe_err teller_receive(troupe_self *self, void *state, troupe_msg **msg) {
    struct teller *teller = state;
    if (troupe_as(*msg, &go_type)) {
        for (int i = 0; i < UNDER_WAY; i++) MUST(one_more(self, teller));
        return TROUPE_OK;
    }
    if (!--teller->to_end) return troupe_tell(self, teller->finish, &bench_done_type, NULL);
    return one_more(self, teller);
}

static const troupe_behaviour teller = {.name = "teller",
                                        .state_size = sizeof(struct teller),
                                        .start = teller_start,
                                        .receive = teller_receive};

int main(int argc, char **argv) {
    uint64_t accounts = bench_arg(argc, argv, 1, 1000), count = bench_arg(argc, argv, 2, 500000);
    troupe *rt = bench_open();
    troupe_ref *all = bench_alloc(accounts, sizeof *all), finish = bench_finish_line(rt, 1), ref;
    for (uint64_t i = 0; i < accounts; i++)
        MUST(troupe_spawn(rt, &account, &(struct account){&ref, 1000000}, &all[i]));
    struct teller head = {all, accounts, count, count, 1, finish};
    MUST(troupe_spawn(rt, &teller, &head, &ref));
    uint64_t began = troupe_now(rt);
    bench_post(rt, ref, &go_type);
    bench_wait(rt, finish);
    bench_rate("bank", 4 * count, troupe_now(rt) - began);
    troupe_close(&rt);
    free(all);
}
