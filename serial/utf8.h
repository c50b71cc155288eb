/* Texts of messages: UTF-8 as Unicode defines it, and no NUL, since in C that ends the text. */
#ifndef TR_SERIAL_UTF8_H
#define TR_SERIAL_UTF8_H

#include <stddef.h>

/* What is wrong with a text: "is not UTF-8" (also overlong forms, surrogates, beyond U+10FFFF) or
 * "holds a NUL". NULL: nothing is wrong. */
const char *tr_utf8_flaw(const void *text, size_t size);

#endif
