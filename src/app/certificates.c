// SPDX-License-Identifier: ISC
#include "app/certificates.h"

#include "base/check.h"
#include "base/cleanup.h"

#include "app/settings.h"
#include "app/site.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

enum { DAYS_VALID = 3650, SERIAL_BYTES = 16, NAME_MAX_BYTES = 253 };

static const char *path_of(const struct app_config *config, struct str path, struct arena *arena)
{
    CLEANUP(buf_drop) struct buf full = {0};

    buf_init(&full, OS_PATH_MAX);
    if (site_path(config, path, &full) < 0)
        return arena_str(arena, path).ptr;
    return arena_str(arena, buf_str(&full)).ptr;
}

int certificates_of(const struct app_config *config, struct arena *arena, struct rt_tls_config *out,
                    struct buf *why)
{
    const struct server_config *settings = APP_CONFIG(config, server_config, server_settings);
    struct rt_tls_certificate *all;

    *out = (struct rt_tls_config){.tls13_only = settings->tls13_only};
    if (settings->certificate.count != settings->key.count) {
        buf_putf(why, "%s: certificate names %zu files and key %zu; each certificate needs its key",
                 app_config_path(config), settings->certificate.count, settings->key.count);
        return -EINVAL;
    }
    all = ARENA_ARRAY(arena, struct rt_tls_certificate, settings->certificate.count + 1);
    for (size_t i = 0; i < settings->certificate.count; i++) {
        all[i].chain_path = path_of(config, settings->certificate.items[i], arena);
        all[i].key_path = path_of(config, settings->key.items[i], arena);
    }
    out->certificates = all;
    out->count = settings->certificate.count;
    return 0;
}

// ---- making one

static void pkey_drop(EVP_PKEY **key)
{
    EVP_PKEY_free(*key);
}

static void x509_drop(X509 **certificate)
{
    X509_free(*certificate);
}

static void bio_drop(BIO **bio)
{
    BIO_free(*bio);
}

static bool add_extension(X509 *certificate, int nid, const char *value)
{
    X509V3_CTX context;
    X509_EXTENSION *extension;
    bool ok;

    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    ok = extension && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return ok;
}

static bool add_serial(X509 *certificate)
{
    unsigned char bytes[SERIAL_BYTES];
    BIGNUM *number;
    bool ok;

    if (RAND_bytes(bytes, sizeof bytes) != 1)
        return false;
    bytes[0] = (bytes[0] & 0x7f) | 0x40; // positive, never short
    number = BN_bin2bn(bytes, sizeof bytes, NULL);
    ok = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate));
    BN_free(number);
    return ok;
}

/// The host, its domain, and this machine by its usual names, so that a first try on loopback
/// works.
static void put_names(struct buf *out, struct str hostname, struct str domain)
{
    buf_putf(out, "DNS:%.*s", STR_ARG(hostname));
    if (domain.len && !str_case_eq(domain, hostname))
        buf_putf(out, ",DNS:%.*s", STR_ARG(domain));
    if (!str_case_eq(hostname, STR("localhost")))
        buf_put(out, STR(",DNS:localhost"));
    buf_put(out, STR(",IP:127.0.0.1,IP:::1"));
}

static bool fill(X509 *certificate, EVP_PKEY *key, struct str hostname, struct str domain)
{
    CLEANUP(buf_drop) struct buf names = {0};
    X509_NAME *name = X509_get_subject_name(certificate);
    // X.520: a common name has at most 64 characters; the names that count stand in the extension.
    struct str common = str_head(hostname, 64);

    buf_init(&names, 2048);
    put_names(&names, hostname, domain);
    return add_serial(certificate) && X509_set_version(certificate, 2) == 1 &&
           X509_gmtime_adj(X509_getm_notBefore(certificate), -3600) &&
           X509_gmtime_adj(X509_getm_notAfter(certificate), (long)DAYS_VALID * 86400) &&
           X509_set_pubkey(certificate, key) == 1 &&
           X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)common.ptr,
                                      (int)common.len, -1, 0) == 1 &&
           X509_set_issuer_name(certificate, name) == 1 &&
           add_extension(certificate, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
           add_extension(certificate, NID_key_usage, "critical,digitalSignature,keyCertSign") &&
           add_extension(certificate, NID_ext_key_usage, "serverAuth") &&
           add_extension(certificate, NID_subject_key_identifier, "hash") &&
           add_extension(certificate, NID_subject_alt_name, buf_cstr(&names)) &&
           X509_sign(certificate, key, EVP_sha256()) > 0;
}

static bool put_bio(BIO *bio, struct buf *out)
{
    char *bytes;
    long len = BIO_get_mem_data(bio, &bytes);

    if (len <= 0)
        return false;
    buf_put(out, str_of(bytes, (size_t)len));
    return buf_ok(out);
}

int certificate_self_signed(struct str hostname, struct str domain, struct buf *certificate,
                            struct buf *key)
{
    CLEANUP(pkey_drop) EVP_PKEY *pair = EVP_EC_gen("P-256");
    CLEANUP(x509_drop) X509 *x = X509_new();
    CLEANUP(bio_drop) BIO *chain = BIO_new(BIO_s_mem());
    CLEANUP(bio_drop) BIO *secret = BIO_new(BIO_s_mem());

    if (!pair || !x || !chain || !secret || hostname.len > NAME_MAX_BYTES ||
        domain.len > NAME_MAX_BYTES || !fill(x, pair, hostname, domain) ||
        PEM_write_bio_X509(chain, x) != 1 ||
        PEM_write_bio_PKCS8PrivateKey(secret, pair, NULL, NULL, 0, NULL, NULL) != 1)
        return -EINVAL;
    return put_bio(chain, certificate) && put_bio(secret, key) ? 0 : -EMSGSIZE;
}

// ---- looking at one

static int64_t seconds(const ASN1_TIME *time)
{
    struct tm when;

    return time && ASN1_TIME_to_tm(time, &when) == 1 ? (int64_t)timegm(&when) : 0;
}

static int no_passphrase(char *to, int size, int writing, void *arg)
{
    (void)to, (void)size, (void)writing, (void)arg;
    return -1;
}

bool certificate_look(const char *certificate, const char *key, struct str hostname,
                      struct certificate_facts *out, struct buf *why)
{
    CLEANUP(bio_drop) BIO *chain = BIO_new_file(certificate, "r");
    CLEANUP(bio_drop) BIO *secret = NULL;
    CLEANUP(x509_drop) X509 *x = NULL;
    CLEANUP(pkey_drop) EVP_PKEY *pair = NULL;

    *out = (struct certificate_facts){0};
    if (!chain) {
        buf_putf(why, "%s cannot be read: %s", certificate, strerror(errno));
        return false;
    }
    x = PEM_read_bio_X509(chain, NULL, no_passphrase, NULL);
    if (!x) {
        buf_putf(why, "%s holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)",
                 certificate);
        return false;
    }
    secret = BIO_new_file(key, "r");
    if (!secret) {
        buf_putf(why, "%s cannot be read: %s", key, strerror(errno));
        return false;
    }
    pair = PEM_read_bio_PrivateKey(secret, NULL, no_passphrase, NULL);
    if (!pair) {
        buf_putf(why, "%s holds no private key in PEM form without a passphrase", key);
        return false;
    }
    out->has_key = X509_check_private_key(x, pair) == 1;
    out->names_host = X509_check_host(x, hostname.ptr, hostname.len, 0, NULL) == 1;
    out->is_self_signed = X509_check_issued(x, x) == X509_V_OK;
    out->not_before = seconds(X509_get0_notBefore(x));
    out->not_after = seconds(X509_get0_notAfter(x));
    return true;
}

bool certificate_digest(const char *certificate, uint8_t out[32])
{
    CLEANUP(bio_drop) BIO *chain = BIO_new_file(certificate, "r");
    CLEANUP(x509_drop) X509 *x = NULL;
    unsigned char *der = NULL;
    unsigned len = 0;
    int size;
    bool is_done;

    if (!chain)
        return false;
    x = PEM_read_bio_X509(chain, NULL, no_passphrase, NULL);
    size = x ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &der) : -1;
    is_done = size > 0 && EVP_Digest(der, (size_t)size, out, &len, EVP_sha256(), NULL) == 1;
    OPENSSL_free(der);
    return is_done && len == 32;
}
