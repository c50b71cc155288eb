/* Certificates for tests, made once by each test's process with openssl. */
#ifndef TROUPE_TEST_CERTIFICATES_H
#define TROUPE_TEST_CERTIFICATES_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <troupe/remote.h>
#include <unistd.h>

static char certificates_dir[64];

/* The folder; removed when the process ends. */
static inline void certificates_remove(void) {
    char command[128];
    (void)snprintf(command, sizeof command, "rm -r %s", certificates_dir);
    if (system(command)) perror(command);
}

static inline const char *certificates(void) {
    char command[400];
    if (*certificates_dir) return certificates_dir;
    (void)strcpy(certificates_dir, "/tmp/troupe-tls-XXXXXX");
    cr_assert_not_null(mkdtemp(certificates_dir));
    cr_assert_eq(atexit(certificates_remove), 0);
    (void)snprintf(command, sizeof command, "%s/test/support/certificates.sh %s", TEST_SOURCE_DIR,
                   certificates_dir);
    cr_assert_eq(system(command), 0, "openssl is needed for this test");
    return certificates_dir;
}

/* The path of a file in it; good for a few calls. */
static inline const char *certificate(const char *file) {
    static char paths[16][128];
    static unsigned next;
    char *path = paths[next++ % 16];
    (void)snprintf(path, sizeof paths[0], "%s/%s", certificates(), file);
    return path;
}

/* What a node is given: who it trusts, and whose certificate it shows. */
static inline troupe_tls tls_of(const char *ca, const char *own) {
    char pem[64], key[64], trusts[64];
    (void)snprintf(trusts, sizeof trusts, "%s.pem", ca);
    (void)snprintf(pem, sizeof pem, "%s.pem", own);
    (void)snprintf(key, sizeof key, "%s.key", own);
    return (troupe_tls){.ca_file = certificate(trusts),
                        .cert_file = certificate(pem),
                        .key_file = certificate(key)};
}

#endif
