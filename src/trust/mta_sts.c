// SPDX-License-Identifier: ISC
#include "trust/mta_sts.h"

static const char *const modes[] = {
    [MTA_STS_NONE] = "none", [MTA_STS_TESTING] = "testing", [MTA_STS_ENFORCE] = "enforce"};

// ---- the TXT record

/// "v" *WSP "=" *WSP "STSv1", then ";" or the end (RFC 8461 3.1). The value alone has case.
bool mta_sts_is_record(struct str txt)
{
    struct str first;

    return str_split(&txt, ';', &first) && txt.ptr && str_eq(str_trim(first), STR("v=STSv1"));
}

static bool is_id(struct str id)
{
    if (id.len == 0 || id.len > MTA_STS_ID_MAX)
        return false;
    for (size_t i = 0; i < id.len; i++)
        if (!char_is_digit(id.ptr[i]) && !char_is_alpha(id.ptr[i]))
            return false;
    return true;
}

/// Is it "NAME=value"? Then the value.
static bool field(struct str text, struct str name, struct str *out)
{
    ptrdiff_t equals = str_find(text, '=');

    if (equals < 0 || !str_eq(str_trim(str_head(text, (size_t)equals)), name))
        return false;
    *out = str_trim(str_skip(text, (size_t)equals + 1));
    return true;
}

bool mta_sts_record_parse(struct str txt, struct str *out_id)
{
    struct str part, value, id = STR_NONE;

    if (!mta_sts_is_record(txt))
        return false;
    while (str_split(&txt, ';', &part)) {
        if (!field(str_trim(part), STR("id"), &value))
            continue;
        if (id.ptr || !is_id(value))
            return false;
        id = value;
    }
    if (!id.ptr)
        return false;
    *out_id = id;
    return true;
}

// ---- the policy

static bool is_name(struct str name)
{
    struct str label;

    if (name.len == 0 || name.len > 253)
        return false;
    while (str_split(&name, '.', &label)) {
        if (label.len == 0 || label.len > 63)
            return false;
        for (size_t i = 0; i < label.len; i++)
            if (!char_is_digit(label.ptr[i]) && !char_is_alpha(label.ptr[i]) &&
                label.ptr[i] != '-' && label.ptr[i] != '_')
                return false;
    }
    return true;
}

static bool is_pattern(struct str pattern)
{
    return is_name(str_starts(pattern, STR("*.")) ? str_skip(pattern, 2) : pattern);
}

struct reading {
    struct arena *arena;
    struct str mx[MTA_STS_MX_MAX];
    size_t mx_count;
    bool has_version, has_mode, has_age;
    enum mta_sts_mode mode;
    uint64_t max_age;
    const char *why;
};

static bool fail(struct reading *r, const char *why)
{
    r->why = why;
    return false;
}

static bool take_mode(struct reading *r, struct str value)
{
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        if (!str_eq(value, str_from(modes[i])))
            continue;
        r->mode = (enum mta_sts_mode)i;
        r->has_mode = true;
        return true;
    }
    return fail(r, "its mode is none of enforce, testing, none");
}

/// Of fields that come twice the first counts (RFC 8461 3.2), and unknown ones are passed over.
static bool take_field(struct reading *r, struct str name, struct str value)
{
    if (str_eq(name, STR("version")) && !r->has_version) {
        r->has_version = str_eq(value, STR("STSv1"));
        return r->has_version || fail(r, "its version is not STSv1");
    }
    if (str_eq(name, STR("mode")) && !r->has_mode)
        return take_mode(r, value);
    if (str_eq(name, STR("max_age")) && !r->has_age) {
        r->has_age = value.len <= 10 && str_to_u64(value, 9999999999, &r->max_age);
        return r->has_age || fail(r, "its max_age is no number of seconds");
    }
    if (str_eq(name, STR("mx"))) {
        if (r->mx_count == MTA_STS_MX_MAX)
            return fail(r, "it names too many hosts");
        if (!is_pattern(value))
            return fail(r, "one of its mx is no host");
        r->mx[r->mx_count++] = value;
    }
    return true;
}

static bool read_lines(struct reading *r, struct str body)
{
    struct str line;

    while (str_split(&body, '\n', &line)) {
        ptrdiff_t colon;

        if (str_ends(line, STR("\r")))
            line.len--;
        line = str_trim(line);
        colon = str_find(line, ':');
        if (line.len == 0)
            continue;
        if (colon < 0)
            return fail(r, "one of its lines has no colon");
        if (!take_field(r, str_trim(str_head(line, (size_t)colon)),
                        str_trim(str_skip(line, (size_t)colon + 1))))
            return false;
    }
    if (!r->has_version || !r->has_mode || !r->has_age)
        return fail(r, "it lacks version, mode or max_age");
    return r->mode == MTA_STS_NONE || r->mx_count > 0 || fail(r, "it names no host");
}

bool mta_sts_parse(struct str body, struct arena *arena, struct mta_sts *out, const char **why)
{
    struct reading r = {.arena = arena};
    struct str *mx;

    if (body.len > MTA_STS_POLICY_MAX)
        fail(&r, "it is too long");
    if (r.why || !read_lines(&r, body)) {
        *why = r.why;
        return false;
    }
    mx = ARENA_ARRAY(arena, struct str, r.mx_count + 1);
    for (size_t i = 0; i < r.mx_count; i++)
        mx[i] = arena_str(arena, r.mx[i]);
    *out = (struct mta_sts){
        .mode = r.mode,
        .max_age = (uint32_t)(r.max_age < MTA_STS_AGE_MAX ? r.max_age : MTA_STS_AGE_MAX),
        .mx = mx,
        .mx_count = r.mx_count,
    };
    return true;
}

bool mta_sts_has(const struct mta_sts *policy, struct str host)
{
    ptrdiff_t dot = str_find(host, '.');

    for (size_t i = 0; i < policy->mx_count; i++) {
        struct str pattern = policy->mx[i];

        if (str_case_eq(pattern, host))
            return true;
        if (str_starts(pattern, STR("*.")) && dot > 0 &&
            str_case_eq(str_skip(pattern, 2), str_skip(host, (size_t)dot + 1)))
            return true;
    }
    return false;
}

const char *mta_sts_mode_name(enum mta_sts_mode mode)
{
    return modes[mode];
}
