// SPDX-License-Identifier: ISC
//
// For tests only: a self-signed certificate and its key in two PEM files.
#pragma once

#include "base/check.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdio.h>

static inline void cert_for_test_write(const char *path, X509 *certificate, EVP_PKEY *key)
{
    FILE *file = fopen(path, "w");

    CHECK(file);
    if (certificate)
        CHECK(PEM_write_X509(file, certificate) == 1);
    else
        CHECK(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) == 1);
    CHECK(fclose(file) == 0);
}

static inline void cert_for_test_add(X509 *certificate, int nid, const char *value)
{
    X509_EXTENSION *extension;
    X509V3_CTX context;

    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    CHECK(extension && X509_add_ext(certificate, extension, -1) == 1);
    X509_EXTENSION_free(extension);
}

/// `names` as "DNS:mail.example.test,IP:127.0.0.1".
static inline void cert_for_test(const char *names, const char *chain_path, const char *key_path)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    X509_NAME *name;

    CHECK(key && certificate);
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 24 * 3600);
    X509_set_pubkey(certificate, key);
    name = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)names, -1, -1, 0);
    X509_set_issuer_name(certificate, name);
    cert_for_test_add(certificate, NID_basic_constraints, "critical,CA:TRUE");
    cert_for_test_add(certificate, NID_subject_alt_name, names);
    CHECK(X509_sign(certificate, key, EVP_sha256()) > 0);
    cert_for_test_write(chain_path, certificate, NULL);
    cert_for_test_write(key_path, NULL, key);
    X509_free(certificate);
    EVP_PKEY_free(key);
}
