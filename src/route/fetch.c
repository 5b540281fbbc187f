// SPDX-License-Identifier: ISC
//
// HTTPS by libcurl, on a worker: to hosts that strangers name, so everything has a bound. Names are
// looked up by our own resolver, and addresses that nobody far away can have are not dialled.
#include "base/cleanup.h"

#include "route/mx.h"
#include "route/state.h"

#include <curl/curl.h>
#include <errno.h>

bool fetch_addresses(const struct route *route, struct str host, struct arena *arena,
                     struct buf *out)
{
    const struct route_config *config = __atomic_load_n(&route->config, __ATOMIC_ACQUIRE);
    const enum dns_type types[] = {DNS_A, DNS_AAAA};
    size_t count = 0;

    for (size_t t = 0; t < 2; t++) {
        struct dns_answer answer;

        if (!arena_has_room(arena, FIND_ANSWER_MAX))
            return false;
        rt_resolve(route->resolver, host, types[t], arena, &answer);
        for (size_t i = 0; answer.status == DNS_FOUND && i < answer.count && count < 4; i++) {
            struct str ip = answer.records[i].address;

            if (mx_address_judge(ip, config->allow_loopback, NULL, 0) != MX_ADDRESS_FINE)
                continue;
            buf_putf(out, types[t] == DNS_A ? "%s%.*s" : "%s[%.*s]", count++ ? "," : "",
                     STR_ARG(ip));
        }
    }
    return count > 0;
}

struct running {
    const struct fetch *fetch;
    const char *authorities; // NULL: the system's
    const char *resolved;    // "host:port:address,address"
    uint64_t timeout_ms;
};

static size_t take(char *bytes, size_t size, size_t count, void *arg)
{
    struct buf *out = arg;

    buf_put(out, str_of(bytes, size * count));
    return buf_ok(out) ? size * count : 0;
}

static int is_ended(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    const struct route_state *state = arg;

    (void)a, (void)b, (void)c, (void)d;
    return state->is_ending;
}

static void set_limits(CURL *curl, struct route_state *state, uint64_t timeout_ms)
{
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, is_ended);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, state);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
}

static struct curl_slist *set_request(CURL *curl, const struct running *r)
{
    const struct fetch *f = r->fetch;
    CLEANUP(buf_drop) struct buf type = {.max = 256};
    struct curl_slist *headers = NULL;

    curl_easy_setopt(curl, CURLOPT_URL, f->url);
    if (r->authorities)
        curl_easy_setopt(curl, CURLOPT_CAINFO, r->authorities);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, f->out);
    if (!f->body.ptr)
        return NULL;
    buf_putf(&type, "Content-Type: %s", f->media);
    headers = curl_slist_append(NULL, buf_cstr(&type));
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, f->body.ptr);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)f->body.len);
    return headers;
}

static int judge(CURL *curl, const struct fetch *f, CURLcode code)
{
    const char *type = NULL;
    long status = 0;

    if (code != CURLE_OK) {
        buf_putf(f->why, "%s: %s", f->url,
                 code == CURLE_WRITE_ERROR ? "the answer is too long" : curl_easy_strerror(code));
        return code == CURLE_PEER_FAILED_VERIFICATION ? -EACCES : -EPROTO;
    }
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(curl, CURLINFO_CONTENT_TYPE, &type);
    if (f->body.ptr ? status / 100 != 2 : status != 200) {
        buf_putf(f->why, "%s: status %ld", f->url, status);
        return -ENOENT;
    }
    if (!f->body.ptr && f->media[0] && !str_case_starts(str_from(type), str_from(f->media))) {
        buf_putf(f->why, "%s is no %s", f->url, f->media);
        return -EPROTO;
    }
    return 0;
}

static int perform(void *arg)
{
    const struct running *r = arg;
    CURL *curl = curl_easy_init();
    struct curl_slist *hosts, *headers;
    int error;

    if (!curl)
        return -ENOMEM;
    set_limits(curl, r->fetch->route->state, r->timeout_ms);
    hosts = curl_slist_append(NULL, r->resolved);
    curl_easy_setopt(curl, CURLOPT_RESOLVE, hosts);
    headers = set_request(curl, r);
    error = judge(curl, r->fetch, curl_easy_perform(curl));
    curl_slist_free_all(headers);
    curl_slist_free_all(hosts);
    curl_easy_cleanup(curl);
    return error;
}

int fetch_run(const struct fetch *f, struct arena *arena)
{
    const struct route_config *config = __atomic_load_n(&f->route->config, __ATOMIC_ACQUIRE);
    CLEANUP(buf_drop) struct buf resolved = {.max = 1024};
    struct running r = {.fetch = f, .timeout_ms = config->sts_timeout};

    buf_putf(&resolved, "%s:%u:", f->host, f->port);
    if (!fetch_addresses(f->route, str_from(f->host), arena, &resolved)) {
        buf_putf(f->why, "%s has no address", f->host);
        return -ENOENT;
    }
    r.resolved = buf_cstr(&resolved);
    if (config->sts_authorities.len)
        r.authorities = arena_str(arena, config->sts_authorities).ptr;
    return r.resolved ? rt_call(f->route->state->pool, perform, &r) : -ENAMETOOLONG;
}
