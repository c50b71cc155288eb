/* What is wrong with a node's files is said so that a person can mend it. */
#include "transport/tls_files.h"

#include "test/transport/certificates.h"

TestSuite(tls_files, .timeout = 30);

static troupe_err look(const troupe_tls *from, const char *name, char why[400]) {
    tr_tls_files files;
    why[0] = '\0';
    troupe_err err = tr_tls_files_read(&files, from, name, why, 400);
    tr_tls_files_end(&files);
    return err;
}

/* Files that are refused, with a reason in which these texts are. */
static void refused(troupe_tls from, const char *name, const char *text, const char *file) {
    char why[400];
    cr_expect_eq(look(&from, name, why), TROUPE_INVALID, "%s", text);
    cr_expect(strstr(why, text), "\"%s\" is not in: %s", text, why);
    cr_expect(strstr(why, file), "\"%s\" is not in: %s", file, why);
}

Test(tls_files, good_ones_are_taken) {
    char why[400];
    troupe_tls left = tls_of("ca", "left"), two = tls_of("ca", "two");
    troupe_tls common = tls_of("ca", "common");
    cr_expect_eq(look(&left, "left", why), TROUPE_OK, "%s", why);
    cr_expect_eq(look(&two, "left", why), TROUPE_OK, "%s", why);
    cr_expect_eq(look(&two, "right", why), TROUPE_OK, "%s", why);
    cr_expect_eq(look(&common, "common", why), TROUPE_OK, "%s", why);
}

Test(tls_files, what_is_wrong_is_told_with_the_file) {
    troupe_tls left = tls_of("ca", "left"), bad = left;
    bad.ca_file = NULL;
    refused(bad, "left", "no the CA's certificate is given", "given");
    bad = left, bad.cert_file = certificate("none.pem");
    refused(bad, "left", "can't be read: No such file", "none.pem");
    bad = left, bad.cert_file = left.key_file;
    refused(bad, "left", "is none that is understood", "left.key");
    bad = left, bad.key_file = NULL;
    refused(bad, "left", "no private key is given", "key");
    bad = left, bad.key_file = certificate("nothing.key");
    refused(bad, "left", "can't be read: No such file", "nothing.key");
    bad = left, bad.key_file = left.cert_file;
    refused(bad, "left", "is none that is understood", "left.pem");
    bad = left, bad.key_file = certificate("locked.key");
    refused(bad, "left", "is locked by a password", "locked.key");
    bad = left, bad.key_file = certificate("right.key");
    refused(bad, "left", "is not that of the certificate", "right.key");
}

Test(tls_files, case_26_own_certificates_that_no_peer_would_take_are_refused_at_once) {
    refused(tls_of("ca", "expired"), "left", "has expired on 2020-02-01", "expired.pem");
    refused(tls_of("ca", "early"), "left", "it is not valid yet", "early.pem");
    refused(tls_of("ca", "foreign"), "left", "has not signed it", "foreign.pem");
    refused(tls_of("ca", "alone"), "left", "has not signed it", "ca.pem");
    refused(tls_of("ca", "other_name"), "left", "is not for node left, but for elsewhere", "other");
    refused(tls_of("ca", "left"), "left.", "is not for node left.", "left.pem");
    refused(tls_of("ca", "left"), "LEFT", "is not for node LEFT", "left.pem");
}

/* The names of a certificate's file. */
static void names_of(const char *file, char names[TR_TLS_NAMES]) {
    mbedtls_x509_crt crt;
    mbedtls_x509_crt_init(&crt);
    cr_assert_eq(mbedtls_x509_crt_parse_file(&crt, certificate(file)), 0);
    tr_tls_names(&crt, names);
    mbedtls_x509_crt_free(&crt);
}

Test(tls_files, a_common_name_counts_if_there_is_no_other) {
    char names[TR_TLS_NAMES];
    names_of("two.pem", names);
    cr_expect(tr_tls_names_have(names, "left") && tr_tls_names_have(names, "right"));
    cr_expect_not(tr_tls_names_have(names, "two"), "it has DNS names");
    cr_expect_not(tr_tls_names_have(names, "lef"));
    cr_expect_not(tr_tls_names_have(names, "leftright"));
    cr_expect_not(tr_tls_names_have(names, ""));
    names_of("common.pem", names);
    cr_expect(tr_tls_names_have(names, "common"));
    names_of("other_name.pem", names);
    cr_expect(tr_tls_names_have(names, "elsewhere"));
    cr_expect_not(tr_tls_names_have(names, "other_name"));
}

Test(tls_files, flaws_are_said_in_words) {
    char why[200];
    tr_tls_flaws(MBEDTLS_X509_BADCERT_EXPIRED | MBEDTLS_X509_BADCERT_NOT_TRUSTED, why, sizeof why);
    cr_expect_str_eq(why, "it has expired, the CA that is trusted here has not signed it");
    tr_tls_flaws(MBEDTLS_X509_BADCERT_REVOKED, why, sizeof why);
    cr_expect(strstr(why, "flags"), "%s", why);
    tr_tls_flaws(UINT32_MAX, why, 20);
    cr_expect_lt(strlen(why), 20u);
}

Test(tls_files, random_bytes_differ) {
    unsigned char a[32] = {0}, b[32] = {0};
    cr_assert_eq(tr_tls_random(NULL, a, sizeof a), 0);
    cr_assert_eq(tr_tls_random(NULL, b, sizeof b), 0);
    cr_expect(memcmp(a, b, sizeof a) != 0);
}
