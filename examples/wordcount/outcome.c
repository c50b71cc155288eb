#include "outcome.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "progress.h"

enum { TOP = 20 };

static const char *plural(uint64_t count) {
    return count == 1 ? "" : "s";
}

static void print_tree(const struct outcome *outcome) {
    static const char *const states[] = {
        [TROUPE_CHILD_WAITING] = "waiting", [TROUPE_CHILD_STARTING] = "starting",
        [TROUPE_CHILD_RUNNING] = "running", [TROUPE_CHILD_STOPPING] = "stopping",
        [TROUPE_CHILD_ENDED] = "ended",
    };
    printf("supervision tree\n  %-18s one_for_one, %u restart%s\n", "workers", outcome->restarts,
           plural(outcome->restarts));
    for (size_t i = 0; i < outcome->children; i++) {
        const troupe_child_info *child = &outcome->child[i];
        printf("    %-16s %s, %u restart%s", child->id, states[child->state], child->restarts,
               plural(child->restarts));
        if (child->restarts > 0) {
            printf(" (%s)", troupe_strerror(child->why));
        }
        printf("\n");
    }
}

static void print_throughput(const struct outcome *outcome, const struct plan *plan) {
    char bytes[16], rate[16];
    double seconds = outcome->seconds > 0 ? outcome->seconds : 1e-9;
    printf("\n%s in %.1f s, %s/s, %zu worker%s, %u killed, %u restarted, %" PRIu64
           " chunk%s redone\n",
           human_bytes((double)outcome->bytes, bytes), outcome->seconds,
           human_bytes((double)outcome->bytes / seconds, rate), outcome->children,
           plural(outcome->children), outcome->killed, outcome->restarts, outcome->redone,
           plural(outcome->redone));
    printf("%" PRIu64 " word%s, %zu different, in %zu file%s read %" PRIu64 " time%s\n",
           outcome->words.total, plural(outcome->words.total), outcome->words.words, plan->paths,
           plural(plan->paths), plan->repeat, plural(plan->repeat));
    if (plan->links + plan->specials + plan->unreadable > 0) {
        printf("left out: %" PRIu64 " symbolic link%s, %" PRIu64 " special file%s, %" PRIu64
               " unreadable\n",
               plan->links, plural(plan->links), plan->specials, plural(plan->specials),
               plan->unreadable);
    }
}

static bool print_top(const struct table *words) {
    const struct entry **sorted = table_sorted(words, entry_by_count);
    if (sorted == NULL && words->words > 0) {
        fprintf(stderr, "wordcount: no memory to sort the words\n");
        return false;
    }
    if (words->words > 0) {
        printf("\ntop %d\n", TOP);
    }
    for (size_t i = 0; i < words->words && i < TOP; i++) {
        int shown = sorted[i]->size < 60 ? (int)sorted[i]->size : 60;
        printf("%12" PRIu64 "  %.*s%s\n", sorted[i]->count, shown, sorted[i]->word,
               sorted[i]->size > 60 ? "..." : "");
    }
    free(sorted);
    return true;
}

bool outcome_print(const struct outcome *outcome, const struct plan *plan) {
    if (outcome->children > 0) {
        print_tree(outcome);
    }
    print_throughput(outcome, plan);
    if (!print_top(&outcome->words)) {
        return false;
    }
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "wordcount: can't write to standard output: %s\n", strerror(errno));
        return false;
    }
    return true;
}
