#include "transport/tls.h"

#include <mbedtls/error.h>
#include <mbedtls/ssl.h>
#include <stdio.h>
#include <string.h>

#include "base/heap.h"
#include "transport/tls_files.h"

/* A record of TLS 1.2: an alert, that is fatal, handshake_failure. */
const unsigned char tr_tls_alert[TR_TLS_ALERT_SIZE] = {21, 3, 3, 0, 2, 2, 40};

struct tr_tls {
    const troupe_heap *heap;
    tr_tls_files files;
    mbedtls_ssl_config dials, listens;
    char *allow; /* names, one behind the other, as of a certificate; NULL: any */
    size_t allow_size;
};

struct tr_tls_session {
    const troupe_heap *heap;
    mbedtls_ssl_context ssl;
    const unsigned char *in; /* what the peer has said, and was not looked at */
    size_t left;
    tr_buffer out;
    bool began;   /* something has come */
    bool alerted; /* what went out last tells the peer that it is over */
    uint32_t flaws; /* of the peer's certificate */
    char names[TR_TLS_NAMES]; /* that it has */
};

/* --- What a node has loaded ------------------------------------------------------------------- */

/* Copies the names that may connect. */
static bool copy_allowed(tr_tls *tls, const char *const *allow) {
    if (!allow) return true;
    size_t size = 1;
    for (size_t i = 0; allow[i]; i++) size += strlen(allow[i]) + 1;
    tls->allow = tr_take_zero(tls->heap, size);
    if (!tls->allow) return false;
    tls->allow_size = size;
    char *at = tls->allow;
    for (size_t i = 0; allow[i]; at += strlen(at) + 1, i++)
        memcpy(at, allow[i], strlen(allow[i]) + 1);
    return true;
}

/* An empty name would hide those behind it; one that is too long is a slip of the pen. */
static const char *not_a_name(const char *const *allow) {
    for (size_t i = 0; allow && allow[i]; i++)
        if (!*allow[i] || strlen(allow[i]) > TROUPE_NAME_MAX) return allow[i];
    return NULL;
}

static bool configure(mbedtls_ssl_config *config, tr_tls *tls, int endpoint) {
    if (mbedtls_ssl_config_defaults(config, endpoint, MBEDTLS_SSL_TRANSPORT_STREAM,
                                    MBEDTLS_SSL_PRESET_DEFAULT))
        return false;
    mbedtls_ssl_conf_min_version(config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
    mbedtls_ssl_conf_authmode(config, MBEDTLS_SSL_VERIFY_REQUIRED);
    mbedtls_ssl_conf_ca_chain(config, &tls->files.ca, NULL);
    mbedtls_ssl_conf_rng(config, tr_tls_random, NULL);
    return mbedtls_ssl_conf_own_cert(config, &tls->files.own, &tls->files.key) == 0;
}

troupe_err tr_tls_open(const troupe_heap *heap, const troupe_tls *files, const char *name,
                       tr_tls **out, char *why, size_t room) {
    const char *odd = not_a_name(files->allow);
    if (odd) {
        (void)snprintf(why, room, "\"%.80s\" on the list of who is let in is no name", odd);
        return TROUPE_INVALID;
    }
    tr_tls *tls = tr_take_zero(heap, sizeof *tls);
    if (!tls) return TROUPE_NOMEM;
    tls->heap = heap;
    mbedtls_ssl_config_init(&tls->dials);
    mbedtls_ssl_config_init(&tls->listens);
    troupe_err err = tr_tls_files_read(&tls->files, files, name, why, room);
    if (!err && !(copy_allowed(tls, files->allow) &&
                  configure(&tls->dials, tls, MBEDTLS_SSL_IS_CLIENT) &&
                  configure(&tls->listens, tls, MBEDTLS_SSL_IS_SERVER)))
        err = TROUPE_NOMEM;
    if (err) {
        tr_tls_close(tls);
        return err;
    }
    *out = tls;
    return TROUPE_OK;
}

void tr_tls_close(tr_tls *tls) {
    mbedtls_ssl_config_free(&tls->dials);
    mbedtls_ssl_config_free(&tls->listens);
    tr_tls_files_end(&tls->files);
    if (tls->allow) tr_give(tls->heap, tls->allow, tls->allow_size);
    tr_give(tls->heap, tls, sizeof *tls);
}

bool tr_tls_allows(const tr_tls *tls, const char *name) {
    return !tls->allow || tr_tls_names_have(tls->allow, name);
}

/* --- A session's two ends --------------------------------------------------------------------- */

static int take_in(void *ctx, unsigned char *out, size_t size) {
    tr_tls_session *session = ctx;
    if (!session->left) return MBEDTLS_ERR_SSL_WANT_READ;
    if (size > session->left) size = session->left;
    memcpy(out, session->in, size);
    session->in += size;
    session->left -= size;
    return (int)size;
}

static int put_out(void *ctx, const unsigned char *bytes, size_t size) {
    tr_tls_session *session = ctx;
    session->alerted = *bytes == MBEDTLS_SSL_MSG_ALERT;
    return tr_buffer_put(&session->out, bytes, size) ? (int)size : MBEDTLS_ERR_SSL_ALLOC_FAILED;
}

/* Notes whose the peer's certificate is, and what is wrong with it, or with one behind it. */
static int on_certificate(void *ctx, mbedtls_x509_crt *crt, int depth, uint32_t *flags) {
    tr_tls_session *session = ctx;
    session->flaws |= *flags;
    if (depth == 0) tr_tls_names(crt, session->names);
    return 0;
}

tr_tls_session *tr_tls_begin(tr_tls *tls, bool dialer) {
    tr_tls_session *session = tr_take_zero(tls->heap, sizeof *session);
    if (!session) return NULL;
    session->heap = session->out.heap = tls->heap;
    mbedtls_ssl_init(&session->ssl);
    mbedtls_ssl_set_bio(&session->ssl, session, put_out, take_in, NULL);
    mbedtls_ssl_set_verify(&session->ssl, on_certificate, session);
    if (mbedtls_ssl_setup(&session->ssl, dialer ? &tls->dials : &tls->listens) == 0) return session;
    tr_tls_end(session);
    return NULL;
}

void tr_tls_end(tr_tls_session *session) {
    mbedtls_ssl_free(&session->ssl);
    tr_buffer_fini(&session->out);
    tr_give(session->heap, session, sizeof *session);
}

tr_buffer *tr_tls_out(tr_tls_session *session) {
    return &session->out;
}

void tr_tls_feed(tr_tls_session *session, const void *bytes, size_t size) {
    TR_CHECK(!session->left);
    session->in = bytes;
    session->left = size;
}

/* --- The handshake ---------------------------------------------------------------------------- */

bool tr_tls_spoken(const unsigned char *bytes, size_t size) {
    return size >= 2 && bytes[0] == MBEDTLS_SSL_MSG_HANDSHAKE && bytes[1] == 3;
}

/* What the peer has told us as its reason. */
static const char *alert_text(unsigned char alert) {
    switch (alert) {
    case MBEDTLS_SSL_ALERT_MSG_NO_CERT: return "it wants a certificate";
    case MBEDTLS_SSL_ALERT_MSG_CERT_EXPIRED: return "our certificate has expired";
    case MBEDTLS_SSL_ALERT_MSG_UNKNOWN_CA: return "it trusts another CA than ours";
    case MBEDTLS_SSL_ALERT_MSG_CERT_UNKNOWN:
    case MBEDTLS_SSL_ALERT_MSG_UNSUPPORTED_CERT:
    case MBEDTLS_SSL_ALERT_MSG_BAD_CERT: return "our certificate is no good to it";
    case MBEDTLS_SSL_ALERT_MSG_PROTOCOL_VERSION: return "it speaks another version of TLS";
    default: return "it does not speak TLS, or wants a certificate, or nothing of what we can";
    }
}

/* Says why, and lets the peer know that, unless it has said so first: mbedTLS does not always. */
static troupe_err refuse(tr_tls_session *session, int rv, char *why, size_t room) {
    char text[200];
    switch (rv) {
    case MBEDTLS_ERR_SSL_ALLOC_FAILED:
    case MBEDTLS_ERR_X509_ALLOC_FAILED:
        return TROUPE_NOMEM;
    case MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE: /* its second byte is what for */
        (void)snprintf(why, room, "TLS: the peer refused: %s",
                       alert_text(session->ssl.in_msg ? session->ssl.in_msg[1] : 0));
        break;
    case MBEDTLS_ERR_SSL_NO_CLIENT_CERTIFICATE:
        (void)snprintf(why, room, "TLS: the peer has no certificate");
        break;
    case MBEDTLS_ERR_X509_CERT_VERIFY_FAILED:
        tr_tls_flaws(session->flaws, text, sizeof text);
        (void)snprintf(why, room, "TLS: the certificate of a peer%s%s is refused: %s",
                       *session->names ? " called " : "", session->names, text);
        break;
    case MBEDTLS_ERR_SSL_BAD_HS_CERTIFICATE:
        (void)snprintf(why, room, "TLS: the certificate of a peer%s%s is refused: %s",
                       *session->names ? " called " : "", session->names,
                       "it is for another use, or can't be understood");
        break;
    default:
        mbedtls_strerror(rv, text, sizeof text);
        (void)snprintf(why, room, "TLS: %s", text);
    }
    if (rv != MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE && !session->alerted)
        (void)mbedtls_ssl_send_alert_message(&session->ssl, MBEDTLS_SSL_ALERT_LEVEL_FATAL,
                                             MBEDTLS_SSL_ALERT_MSG_HANDSHAKE_FAILURE);
    return TROUPE_REFUSED;
}

/* A node that connects without TLS says HELLO: it is told in its own words that it is refused. */
static troupe_err refuse_plain(tr_tls_session *session, char *why, size_t room) {
    static const unsigned char refused[] = {0, 0, 0, 1, 5};
    (void)snprintf(why, room, "the peer does not speak TLS");
    session->left = 0;
    return tr_buffer_put(&session->out, refused, sizeof refused) ? TROUPE_REFUSED : TROUPE_NOMEM;
}

troupe_err tr_tls_shake(tr_tls_session *session, char *why, size_t room) {
    if (!session->began && session->left) {
        session->began = true;
        bool alert = *session->in == MBEDTLS_SSL_MSG_ALERT;
        if (*session->in != MBEDTLS_SSL_MSG_HANDSHAKE && !alert)
            return refuse_plain(session, why, room);
    }
    int rv = mbedtls_ssl_handshake(&session->ssl);
    if (rv == MBEDTLS_ERR_SSL_WANT_READ) return TROUPE_LATER;
    return rv ? refuse(session, rv, why, room) : TROUPE_OK;
}

bool tr_tls_is(const tr_tls_session *session, const char *name) {
    return tr_tls_names_have(session->names, name);
}

/* --- Plain text ------------------------------------------------------------------------------- */

troupe_err tr_tls_read(tr_tls_session *session, void *out, size_t room, size_t *got) {
    int rv = mbedtls_ssl_read(&session->ssl, out, room);
    *got = rv > 0 ? (size_t)rv : 0;
    if (rv > 0) return TROUPE_OK;
    return rv == MBEDTLS_ERR_SSL_WANT_READ ? TROUPE_LATER : TROUPE_MALFORMED;
}

troupe_err tr_tls_write(tr_tls_session *session, const void *bytes, size_t size) {
    TR_CHECK(size <= TR_TLS_PIECE);
    for (const unsigned char *at = bytes; size;) {
        int rv = mbedtls_ssl_write(&session->ssl, at, size);
        if (rv <= 0) return TROUPE_NOMEM; /* it has nothing else to fail by */
        at += rv;
        size -= (size_t)rv;
    }
    return TROUPE_OK;
}
