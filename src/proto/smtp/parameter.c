// SPDX-License-Identifier: ISC
#include "proto/smtp/parameter.h"

#include "mail/date.h"
#include "proto/smtp/command.h"
#include "proto/smtp/limits.h"

// ---- DSN

bool smtp_set_ret(void *to, struct str value)
{
    struct smtp_mail *mail = to;

    mail->has_dsn = true;
    mail->ret = str_case_eq(value, STR("FULL"))   ? SMTP_RET_FULL
                : str_case_eq(value, STR("HDRS")) ? SMTP_RET_HDRS
                                                  : SMTP_RET_NONE;
    return mail->ret != SMTP_RET_NONE;
}

bool smtp_set_envid(void *to, struct str value)
{
    struct smtp_mail *mail = to;

    mail->has_dsn = true;
    mail->envid = value;
    return value.len <= SMTP_ENVID_MAX && smtp_xtext_is_valid(value);
}

bool smtp_set_notify(void *to, struct str value)
{
    struct smtp_rcpt *rcpt = to;
    struct str word;

    rcpt->has_dsn = true;
    while (str_split(&value, ',', &word)) {
        if (str_case_eq(word, STR("NEVER")))
            rcpt->notify |= SMTP_NOTIFY_NEVER;
        else if (str_case_eq(word, STR("SUCCESS")))
            rcpt->notify |= SMTP_NOTIFY_SUCCESS;
        else if (str_case_eq(word, STR("FAILURE")))
            rcpt->notify |= SMTP_NOTIFY_FAILURE;
        else if (str_case_eq(word, STR("DELAY")))
            rcpt->notify |= SMTP_NOTIFY_DELAY;
        else
            return false;
    }
    // RFC 3461 4.1: NEVER stands alone
    return !(rcpt->notify & SMTP_NOTIFY_NEVER) || rcpt->notify == SMTP_NOTIFY_NEVER;
}

/// addr-type = atom (RFC 3461 4.2, RFC 822).
static bool is_type(struct str type)
{
    for (size_t i = 0; i < type.len; i++) {
        unsigned char c = (unsigned char)type.ptr[i];

        if (c <= ' ' || c >= 127 || str_find(STR("()<>@,;:\\\".[]"), (char)c) >= 0)
            return false;
    }
    return type.len > 0;
}

/// RFC 6533 3: of type "utf-8" characters may stand as they are, and "\x{E9}" for them; whoever
/// shows them decodes. Only what could not be part of a parameter is refused.
static bool is_utf8_address(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];

        if (c <= ' ' || c == 127 || c == '=')
            return false;
    }
    return true;
}

bool smtp_set_orcpt(void *to, struct str value)
{
    struct smtp_rcpt *rcpt = to;
    ptrdiff_t semicolon = str_find(value, ';');
    struct str type, address;

    rcpt->has_dsn = true;
    rcpt->orcpt = value;
    if (semicolon <= 0 || value.len > SMTP_ORCPT_MAX)
        return false;
    type = str_head(value, (size_t)semicolon);
    address = str_skip(value, (size_t)semicolon + 1);
    if (address.len == 0 || !is_type(type))
        return false;
    if (str_case_eq(type, STR("utf-8")))
        return is_utf8_address(address);
    return smtp_xtext_is_valid(address);
}

// ---- DELIVERBY

bool smtp_set_by(void *to, struct str value)
{
    struct smtp_mail *mail = to;
    struct scan in = scan_of(value);
    bool is_negative = scan_char(&in, '-');
    uint64_t seconds;

    if (!is_negative)
        scan_char(&in, '+');
    // 1*9DIGIT
    if (!char_is_digit((char)scan_peek(&in)) || !scan_u64(&in, 999999999, &seconds) ||
        !scan_char(&in, ';'))
        return false;
    if (scan_case_word(&in, STR("R")))
        mail->by = SMTP_BY_RETURN;
    else if (scan_case_word(&in, STR("N")))
        mail->by = SMTP_BY_NOTIFY;
    else
        return false;
    mail->by_trace = scan_case_word(&in, STR("T"));
    mail->by_seconds = is_negative ? -(int64_t)seconds : (int64_t)seconds;
    return scan_is_end(&in);
}

// ---- FUTURERELEASE

bool smtp_set_hold_for(void *to, struct str value)
{
    struct smtp_mail *mail = to;
    bool is_second = mail->hold != SMTP_HOLD_NONE;

    mail->hold = SMTP_HOLD_FOR;
    // future-release-integer = %x31-39 *8DIGIT
    return !is_second && value.len <= 9 && !str_starts(value, STR("0")) &&
           str_to_u64(value, 999999999, &mail->hold_seconds);
}

/// So many digits.
static bool scan_number(struct scan *in, size_t digits, unsigned *out)
{
    unsigned n = 0;

    for (size_t i = 0; i < digits; i++) {
        int c = scan_peek(in);

        if (c < '0' || c > '9')
            return false;
        n = n * 10 + (unsigned)(c - '0');
        in->at++;
    }
    *out = n;
    return true;
}

static bool is_day(unsigned year, unsigned month, unsigned day)
{
    static const unsigned char DAYS[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

    return month >= 1 && month <= 12 && day >= 1 && day <= DAYS[month - 1] &&
           (month != 2 || day < 29 || is_leap);
}

/// "Z" or "-03:00"; seconds east of UTC.
static bool scan_offset(struct scan *in, int64_t *out)
{
    bool is_west = scan_peek(in) == '-';
    unsigned hours, minutes;

    *out = 0;
    if (scan_case_word(in, STR("Z")))
        return true;
    if (!scan_char(in, is_west ? '-' : '+') || !scan_number(in, 2, &hours) || !scan_char(in, ':') ||
        !scan_number(in, 2, &minutes) || hours > 23 || minutes > 59)
        return false;
    *out = (is_west ? -60 : 60) * (int64_t)(hours * 60 + minutes);
    return true;
}

static bool is_digit(char c)
{
    return char_is_digit(c);
}

/// RFC 3339 5.6 date-time; a fraction of a second is dropped.
static bool scan_date_time(struct scan *in, int64_t *out)
{
    unsigned year, month, day, hour, minute, second;
    struct str fraction;
    int64_t offset;

    if (!scan_number(in, 4, &year) || !scan_char(in, '-') || !scan_number(in, 2, &month) ||
        !scan_char(in, '-') || !scan_number(in, 2, &day) || !scan_case_word(in, STR("T")) ||
        !scan_number(in, 2, &hour) || !scan_char(in, ':') || !scan_number(in, 2, &minute) ||
        !scan_char(in, ':') || !scan_number(in, 2, &second))
        return false;
    if (scan_char(in, '.') && !scan_while(in, is_digit, 9, &fraction))
        return false;
    if (!is_day(year, month, day) || hour > 23 || minute > 59 || second > 60 ||
        !scan_offset(in, &offset))
        return false;
    *out = date_days_from_civil(year, month, day) * 86400 + hour * 3600 + minute * 60 + second -
           offset;
    return true;
}

bool smtp_set_hold_until(void *to, struct str value)
{
    struct smtp_mail *mail = to;
    struct scan in = scan_of(value);
    bool is_second = mail->hold != SMTP_HOLD_NONE;

    mail->hold = SMTP_HOLD_UNTIL;
    return !is_second && scan_date_time(&in, &mail->hold_until_s) && scan_is_end(&in);
}

// ---- MT-PRIORITY, REQUIRETLS

bool smtp_set_priority(void *to, struct str value)
{
    struct smtp_mail *mail = to;
    bool is_negative = str_starts(value, STR("-"));
    struct str digit = str_skip(value, is_negative);

    mail->has_priority = true;
    if (digit.len != 1 || !char_is_digit(digit.ptr[0]))
        return false;
    mail->priority = (is_negative ? -1 : 1) * (digit.ptr[0] - '0');
    return !is_negative || mail->priority != 0;
}

bool smtp_set_requires_tls(void *to, struct str value)
{
    struct smtp_mail *mail = to;

    (void)value;
    mail->requires_tls = true;
    return true;
}
