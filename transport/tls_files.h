/* The files of a node's TLS: read, and looked at before anybody relies on them. Only for tls.c. */
#ifndef TR_TRANSPORT_TLS_FILES_H
#define TR_TRANSPORT_TLS_FILES_H

#include <mbedtls/pk.h>
#include <mbedtls/x509_crt.h>
#include <troupe/remote.h>

#include "base/check.h"

enum { TR_TLS_NAMES = 1024 }; /* bytes of the names of a certificate, at most */

typedef struct tr_tls_files {
    mbedtls_x509_crt ca, own;
    mbedtls_pk_context key;
} tr_tls_files;

/* Reads them. INVALID, and `why` says what is wrong, and in which file. NOMEM. To be ended whatever
 * came of it. */
TR_CHECKED troupe_err tr_tls_files_read(tr_tls_files *files, const troupe_tls *from,
                                        const char *name, char *why, size_t room);
/* Gives the memory back; the key is wiped. */
void tr_tls_files_end(tr_tls_files *files);

/* The names of a certificate, one behind the other, each with a NUL, and an empty one at the end:
 * its DNS names; if it has none, its common name. What is no name of a node is left out. */
void tr_tls_names(const mbedtls_x509_crt *crt, char names[TR_TLS_NAMES]);
/* Whether a name is among them. */
bool tr_tls_names_have(const char *names, const char *name);
/* What a verification has found, in words. */
void tr_tls_flaws(uint32_t flags, char *why, size_t room);
/* Random bytes, as mbedTLS wants them. */
int tr_tls_random(void *ctx, unsigned char *out, size_t size);

#endif
