// SPDX-License-Identifier: ISC
//
// carteiro dns: what the domain name system says about the way of mail, and about our own domains.
#include "base/cleanup.h"
#include "os/terminal.h"

#include "app/ask.h"
#include "app/commands.h"

#include <unistd.h>

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text ? text : "";
}

// ---- route

static bool is_attempt(const char *line)
{
    return str_starts(str_from(line), STR("; try "));
}

static void print_host(size_t number, const json_t *host)
{
    const json_t *address;
    size_t i;

    printf("%3zu. %s", number, text_of(host, "host"));
    json_array_foreach(json_object_get(host, "addresses"), i, address)
        printf("%s%s", i ? ", " : "  ", json_string_value(address));
    if (json_integer_value(json_object_get(host, "port")) > 0)
        printf("  port %lld", (long long)json_integer_value(json_object_get(host, "port")));
    printf("%s\n     TLS %s", json_is_true(json_object_get(host, "lmtp")) ? "  (LMTP)" : "",
           text_of(host, "tls"));
    if (strcmp(text_of(host, "verify"), "none") != 0)
        printf(", certificate verified (%s)", text_of(host, "verify"));
    printf(": %s\n", text_of(host, "why"));
}

static void print_route(const json_t *result)
{
    const json_t *hosts = json_object_get(result, "hosts"), *item;
    size_t i;

    json_array_foreach(json_object_get(result, "story"), i, item)
    {
        if (!is_attempt(json_string_value(item)))
            puts(json_string_value(item));
    }
    if (json_is_true(json_object_get(result, "local")))
        puts("; the domain is one of ours: its mail stays here, whatever DNS says");
    if (json_array_size(hosts) == 0)
        return;
    puts("\nOrder of attempts:");
    json_array_foreach(hosts, i, item) print_host(i + 1, item);
}

/// Nowhere to send to is an answer, too, but a script wants to know.
static int code_of(const json_t *result)
{
    const char *verdict = text_of(result, "verdict");

    if (strcmp(verdict, "done") == 0)
        return EX_OK;
    return strcmp(verdict, "later") == 0 ? EX_TEMPFAIL : EX_NOHOST;
}

static int run_route(struct call *call)
{
    json_t *result, *request = json_pack("{s:s, s:s}", "op", "dns.route", "what", call->args[0]);
    int r;

    if (call_has(call, "from"))
        json_object_set_new(request, "sender", json_string(call_option(call, "from")));
    if (call_has(call, "require-tls"))
        json_object_set_new(request, "requires_tls", json_true());
    r = ask(call, request, &result);
    if (r != EX_OK)
        return r;
    r = code_of(result);
    if (call->json) {
        call_print_json(result);
        return r;
    }
    print_route(result);
    json_decref(result);
    return r;
}

// ---- check

static void print_finding(const json_t *finding, bool colour)
{
    const char *state = text_of(finding, "state");
    const char *paint = state[0] == 'o' ? "\033[32m" : state[0] == 'w' ? "\033[31m" : "\033[33m";

    printf("%s%-8s%s %-8s %s\n", colour ? paint : "", state, colour ? "\033[0m" : "",
           text_of(finding, "about"), text_of(finding, "what"));
    if (text_of(finding, "record")[0])
        printf("                  -> %s\n", text_of(finding, "record"));
}

static int run_check(struct call *call)
{
    json_t *result, *finding;
    size_t i;
    int r = ask(call, json_pack("{s:s, s:s}", "op", "dns.check", "what", call->args[0]), &result);
    bool colour = os_is_terminal(STDOUT_FILENO) && !getenv("NO_COLOR");

    if (r != EX_OK)
        return r;
    r = json_integer_value(json_object_get(result, "problems")) > 0 ? EX_CONFIG : EX_OK;
    if (call->json) {
        call_print_json(result);
        return r;
    }
    json_array_foreach(json_object_get(result, "findings"), i, finding)
        print_finding(finding, colour);
    json_decref(result);
    return r;
}

// ---- report

static int run_report(struct call *call)
{
    json_t *result, *request = json_pack("{s:s}", "op", "dns.report");
    int r;

    if (call_has(call, "today"))
        json_object_set_new(request, "today", json_true());
    r = ask(call, request, &result);
    if (r != EX_OK)
        return r;
    if (call->json) {
        call_print_json(result);
        return EX_OK;
    }
    printf("domains told: %lld\n", (long long)json_integer_value(json_object_get(result, "sent")));
    json_decref(result);
    return EX_OK;
}

static const struct command_option report_options[] = {
    {"today", 0, NULL, "Also what today brought so far; the rest of the day is told at night"},
};

static const struct command_option route_options[] = {
    {"from", 0, "ADDRESS", "As for mail of this sender (transports may depend on it)"},
    {"require-tls", 0, NULL, "As for mail that says REQUIRETLS"},
};

static const struct command children[] = {
    {
        .name = "route",
        .summary = "Where mail for a domain or an address would go",
        .args = "DOMAIN|ADDRESS",
        .args_min = 1,
        .args_max = 1,
        COMMAND_OPTIONS(route_options),
        .help = "Asks DNS as the queue does, shows its answers as dig does, and the order in which "
                "hosts would be tried, each with its rule for TLS and where the rule comes from. "
                "Exit status: 0 when there is a host, 75 when nobody can tell now, 68 when there "
                "is none.",
        .examples = "carteiro dns route example.org\n"
                    "carteiro dns route carla@example.org --from ana@example.test\n"
                    "carteiro dns route example.org --json",
        .run = run_route,
    },
    {
        .name = "check",
        .summary = "What the records of a domain of ours should be, and are",
        .args = "DOMAIN",
        .args_min = 1,
        .args_max = 1,
        .help = "Looks at MX, addresses, reverse names, SPF, DMARC, TLSA, MTA-STS, TLS reports and "
                "DNSSEC. What is wrong or missing is followed by the record to put into the zone. "
                "Exit status: 0 when mail can come and go, 78 when something it needs is wrong or "
                "missing.",
        .examples = "carteiro dns check example.org\ncarteiro dns check example.org --json",
        .run = run_check,
    },
    {
        .name = "report",
        .summary = "Send the reports about TLS now instead of at night",
        COMMAND_OPTIONS(report_options),
        .help = "Domains that ask for it (RFC 8460) are told once a day how TLS to their servers "
                "went. This sends what is due at once. Needs a running server.",
        .examples = "carteiro dns report\ncarteiro dns report --today --json",
        .run = run_report,
    },
};

const struct command command_dns = {
    .name = "dns",
    .summary = "What DNS says about the way of mail",
    COMMAND_CHILDREN(children),
    .examples = "carteiro dns route example.org\n"
                "carteiro dns check example.org",
    .help = "Asks by the server's own resolver, with DNSSEC, or by one of its own when no server "
            "runs.",
};
