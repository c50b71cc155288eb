#include "transport/tls_files.h"

#include <errno.h>
#include <mbedtls/error.h>
#include <mbedtls/oid.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* libsodium's source can be used by any threads, and needs no seed of ours. */
int tr_tls_random(void *ctx, unsigned char *out, size_t size) {
    (void)ctx;
    randombytes_buf(out, size);
    return 0;
}

/* Says what is wrong. */
TROUPE_PRINTF(3, 4)
static troupe_err wrong(char *why, size_t room, const char *format, ...) {
    va_list list;
    va_start(list, format);
    (void)vsnprintf(why, room, format, list);
    va_end(list);
    return TROUPE_INVALID;
}

/* The same of a file, for an error of mbedTLS's. */
static troupe_err unread(char *why, size_t room, const char *what, const char *path, int rv) {
    if (rv == MBEDTLS_ERR_X509_ALLOC_FAILED || rv == MBEDTLS_ERR_PK_ALLOC_FAILED)
        return TROUPE_NOMEM;
    if (rv == MBEDTLS_ERR_X509_FILE_IO_ERROR || rv == MBEDTLS_ERR_PK_FILE_IO_ERROR)
        return wrong(why, room, "%s %s can't be read: %s", what, path, strerror(errno));
    if (rv == MBEDTLS_ERR_PK_PASSWORD_REQUIRED || rv == MBEDTLS_ERR_PK_PASSWORD_MISMATCH)
        return wrong(why, room, "%s %s is locked by a password", what, path);
    char text[100];
    mbedtls_strerror(rv, text, sizeof text);
    return wrong(why, room, "%s %s is none that is understood: %s", what, path, text);
}

/* --- Names ------------------------------------------------------------------------------------ */

/* Appends a name, if it could be a node's and there is room. */
static size_t add_name(char *names, size_t used, const mbedtls_x509_buf *name) {
    bool fits = name->len && name->len <= TROUPE_NAME_MAX && used + name->len + 2 <= TR_TLS_NAMES;
    if (!fits || memchr(name->p, 0, name->len)) return used;
    memcpy(names + used, name->p, name->len);
    return used + name->len + 1;
}

void tr_tls_names(const mbedtls_x509_crt *crt, char names[TR_TLS_NAMES]) {
    size_t used = 0;
    bool dns = false;
    memset(names, 0, TR_TLS_NAMES);
    const bool has = crt->ext_types & MBEDTLS_X509_EXT_SUBJECT_ALT_NAME;
    for (const mbedtls_x509_sequence *at = &crt->subject_alt_names; has && at; at = at->next) {
        if ((at->buf.tag & MBEDTLS_ASN1_TAG_VALUE_MASK) != MBEDTLS_X509_SAN_DNS_NAME) continue;
        dns = true;
        used = add_name(names, used, &at->buf);
    }
    for (const mbedtls_x509_name *at = &crt->subject; !dns && at; at = at->next)
        if (MBEDTLS_OID_CMP(MBEDTLS_OID_AT_CN, &at->oid) == 0)
            used = add_name(names, used, &at->val);
}

bool tr_tls_names_have(const char *names, const char *name) {
    for (; *names; names += strlen(names) + 1)
        if (strcmp(names, name) == 0) return true;
    return false;
}

void tr_tls_flaws(uint32_t flags, char *why, size_t room) {
    static const struct {
        uint32_t flag;
        const char *text;
    } flaws[] = {
        {MBEDTLS_X509_BADCERT_EXPIRED, "it has expired"},
        {MBEDTLS_X509_BADCERT_FUTURE, "it is not valid yet"},
        {MBEDTLS_X509_BADCERT_NOT_TRUSTED, "the CA that is trusted here has not signed it"},
        {MBEDTLS_X509_BADCERT_MISSING, "there is none"},
        {MBEDTLS_X509_BADCERT_KEY_USAGE | MBEDTLS_X509_BADCERT_EXT_KEY_USAGE |
             MBEDTLS_X509_BADCERT_NS_CERT_TYPE,
         "it is for another use"},
        {MBEDTLS_X509_BADCERT_BAD_MD | MBEDTLS_X509_BADCERT_BAD_PK | MBEDTLS_X509_BADCERT_BAD_KEY,
         "it is too weak"},
    };
    size_t used = 0;
    why[0] = '\0';
    for (size_t i = 0; i < sizeof flaws / sizeof *flaws && used < room; i++) {
        if (!(flags & flaws[i].flag)) continue;
        used += (size_t)snprintf(why + used, room - used, "%s%s", used ? ", " : "", flaws[i].text);
    }
    if (!used) (void)snprintf(why, room, "it is not good (flags %x)", (unsigned)flags);
}

/* --- Reading ---------------------------------------------------------------------------------- */

static troupe_err read_certificates(mbedtls_x509_crt *crt, const char *what, const char *path,
                                    char *why, size_t room) {
    if (!path) return wrong(why, room, "no %s is given", what);
    errno = 0;
    int rv = mbedtls_x509_crt_parse_file(crt, path);
    if (rv > 0) return wrong(why, room, "%s %s: %d in it can't be understood", what, path, rv);
    return rv < 0 ? unread(why, room, what, path, rv) : TROUPE_OK;
}

static troupe_err read_key(mbedtls_pk_context *key, const char *path, char *why, size_t room) {
    if (!path) return wrong(why, room, "no private key is given");
    errno = 0;
    int rv = mbedtls_pk_parse_keyfile(key, path, NULL);
    return rv ? unread(why, room, "the private key", path, rv) : TROUPE_OK;
}

/* Whether they fit each other, and are good today. */
static troupe_err look(tr_tls_files *files, const troupe_tls *from, const char *name, char *why,
                       size_t room) {
    const mbedtls_x509_time *end = &files->own.valid_to;
    char names[TR_TLS_NAMES], flaws[200];
    uint32_t flags = 0;
    if (mbedtls_pk_check_pair(&files->own.pk, &files->key))
        return wrong(why, room, "the private key %s is not that of the certificate %s",
                     from->key_file, from->cert_file);
    if (mbedtls_x509_time_is_past(end))
        return wrong(why, room, "the certificate %s has expired on %04d-%02d-%02d",
                     from->cert_file, end->year, end->mon, end->day);
    if (mbedtls_x509_crt_verify(&files->own, &files->ca, NULL, NULL, &flags, NULL, NULL)) {
        tr_tls_flaws(flags, flaws, sizeof flaws);
        return wrong(why, room, "the certificate %s is no good to those who trust %s: %s",
                     from->cert_file, from->ca_file, flaws);
    }
    tr_tls_names(&files->own, names);
    if (!tr_tls_names_have(names, name))
        return wrong(why, room, "the certificate %s is not for node %s, but for %s",
                     from->cert_file, name, *names ? names : "no node");
    return TROUPE_OK;
}

troupe_err tr_tls_files_read(tr_tls_files *files, const troupe_tls *from, const char *name,
                             char *why, size_t room) {
    TR_CHECK(sodium_init() >= 0);
    mbedtls_x509_crt_init(&files->ca);
    mbedtls_x509_crt_init(&files->own);
    mbedtls_pk_init(&files->key);
    troupe_err err =
        read_certificates(&files->ca, "the CA's certificate", from->ca_file, why, room);
    if (!err) err = read_certificates(&files->own, "the certificate", from->cert_file, why, room);
    if (!err) err = read_key(&files->key, from->key_file, why, room);
    return err ? err : look(files, from, name, why, room);
}

void tr_tls_files_end(tr_tls_files *files) {
    mbedtls_x509_crt_free(&files->ca);
    mbedtls_x509_crt_free(&files->own);
    mbedtls_pk_free(&files->key);
}
