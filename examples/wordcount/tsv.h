/* All counts as a file of lines "word TAB count", sorted by word in the order of bytes. */
#ifndef WORDCOUNT_TSV_H
#define WORDCOUNT_TSV_H

#include <stdbool.h>

#include "table.h"

/* Whether the file can be written, to know it before the work is done. False: standard error was
 * told why. */
bool tsv_check(const char *name);

/* Writes the file. A regular file is complete or not there at all: it gets its name last. False:
 * standard error was told why. */
bool tsv_write(const char *name, const struct table *table);

#endif
