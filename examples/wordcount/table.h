/* How often each word came: a hash table with open addressing, its words in an arena. */
#ifndef WORDCOUNT_TABLE_H
#define WORDCOUNT_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct entry {
    const char *word; /* not terminated; NULL: a free slot */
    uint32_t size;
    uint32_t hash;
    uint64_t count;
};

/* All zero is an empty table. */
struct table {
    struct entry *slot;
    size_t slots; /* a power of two, or 0 */
    size_t words; /* how many different ones */
    uint64_t total;
    struct arena *arena;
};

/* Adds `count` to a word. False: no memory, and nothing has changed. */
bool table_add(struct table *table, const char *word, size_t size, uint64_t count);

/* Forgets all words, but keeps the memory for the next ones. */
void table_clear(struct table *table);

/* Gives all memory back; the table is empty then. */
void table_free(struct table *table);

/* By word, in the order of bytes. */
int entry_by_word(const void *a, const void *b);

/* By count, the highest first, then by word. */
int entry_by_count(const void *a, const void *b);

/* The entries of a table in the order of `compare`, to be freed by the caller; they point into the
 * table. NULL: no memory, or no words. */
const struct entry **table_sorted(const struct table *table,
                                  int (*compare)(const void *, const void *));

#endif
