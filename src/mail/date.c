// SPDX-License-Identifier: ISC
#include "mail/date.h"

#include "base/scan.h"

enum { DAY_SECONDS = 86400, COMMENT_DEPTH_MAX = 1000 };

static const char month_names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
static const char day_names[] = "ThuFriSatSunMonTueWed"; // 1970-01-01 was a Thursday

// The year is counted from 1 March in cycles of 400 years (146097 days), so that the leap day
// comes last and months have a regular length of 153 days in five.
int64_t date_days_from_civil(int64_t year, unsigned month, unsigned day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t cycle = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_cycle = y - cycle * 400;
    int64_t day_of_year = (153 * (int64_t)(month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

    return cycle * 146097 + year_of_cycle * 365 + year_of_cycle / 4 - year_of_cycle / 100 +
           day_of_year - 719468;
}

void date_civil_from_days(int64_t days, int64_t *year, unsigned *month, unsigned *day)
{
    int64_t z = days + 719468;
    int64_t cycle = (z >= 0 ? z : z - 146096) / 146097;
    int64_t d = z - cycle * 146097;
    int64_t y = (d - d / 1460 + d / 36524 - d / 146096) / 365;
    int64_t day_of_year = d - (365 * y + y / 4 - y / 100);
    int64_t m = (5 * day_of_year + 2) / 153;

    *day = (unsigned)(day_of_year - (153 * m + 2) / 5 + 1);
    *month = (unsigned)(m < 10 ? m + 3 : m - 9);
    *year = y + cycle * 400 + (*month <= 2);
}

struct clock_time {
    unsigned hour, minute, second;
};

static bool exists(int64_t year, unsigned month, unsigned day)
{
    int64_t y;
    unsigned m, d;

    if (month < 1 || month > 12 || day < 1 || day > 31)
        return false;
    date_civil_from_days(date_days_from_civil(year, month, day), &y, &m, &d);
    return y == year && m == month && d == day;
}

static int64_t to_seconds(int64_t days, struct clock_time t, int32_t zone_minutes)
{
    if (t.second == 60)
        t.second = 59;
    return days * DAY_SECONDS + t.hour * 3600 + t.minute * 60 + t.second -
           (int64_t)zone_minutes * 60;
}

int64_t date_day(struct date d)
{
    int64_t local = d.seconds + (int64_t)d.zone_minutes * 60;

    return (local >= 0 ? local : local - (DAY_SECONDS - 1)) / DAY_SECONDS;
}

// Exactly `count` digits.
static bool scan_digits(struct scan *in, size_t count, unsigned *out)
{
    uint64_t value;

    if (!str_to_u64(str_head(scan_rest(in), count), 9999, &value) ||
        (size_t)(in->end - in->at) < count)
        return false;
    in->at += count;
    *out = (unsigned)value;
    return true;
}

static bool scan_month(struct scan *in, unsigned *out)
{
    for (unsigned m = 0; m < 12; m++) {
        if (scan_case_word(in, str_of(month_names + m * 3, 3))) {
            *out = m + 1;
            return true;
        }
    }
    return false;
}

// +hhmm or -hhmm
static bool scan_zone(struct scan *in, struct date *d)
{
    struct scan at = *in;
    bool is_west = scan_peek(&at) == '-';
    unsigned hours, minutes;

    if ((!scan_char(&at, '+') && !scan_char(&at, '-')) || !scan_digits(&at, 2, &hours) ||
        !scan_digits(&at, 2, &minutes) || minutes > 59)
        return false;
    d->zone_minutes = (int32_t)(hours * 60 + minutes) * (is_west ? -1 : 1);
    d->is_zone_unknown = is_west && d->zone_minutes == 0;
    *in = at;
    return true;
}

// The mild reader: blanks, line ends and nested comments between any two tokens.
static void skip_cfws(struct scan *in)
{
    unsigned depth = 0;

    for (; !scan_is_end(in); in->at++) {
        char c = *in->at;

        if (c == '(' && depth < COMMENT_DEPTH_MAX)
            depth++;
        else if (c == ')' && depth)
            depth--;
        else if (c == '\\' && depth && in->at + 1 < in->end)
            in->at++;
        else if (!depth && c != ' ' && c != '\t' && c != '\r' && c != '\n')
            return;
    }
}

static bool is_alpha(char c)
{
    return char_is_alpha(c);
}

static void skip_weekday(struct scan *in)
{
    struct str name;

    skip_cfws(in);
    (void)scan_while(in, is_alpha, SIZE_MAX, &name);
    skip_cfws(in);
    while (scan_char(in, ',') || scan_char(in, '.'))
        skip_cfws(in);
}

static bool scan_mild_year(struct scan *in, int64_t *out)
{
    const char *start = in->at;
    uint64_t year;

    if (!scan_u64(in, 9999, &year))
        return false;
    // RFC 5322 4.3
    if (in->at - start <= 2)
        year += year < 50 ? 2000 : 1900;
    else if (in->at - start == 3)
        year += 1900;
    *out = (int64_t)year;
    return true;
}

static bool scan_mild_time(struct scan *in, struct clock_time *out)
{
    uint64_t hour, minute, second = 0;

    if (!scan_u64(in, 23, &hour))
        return false;
    skip_cfws(in);
    if (!scan_char(in, ':') && !scan_char(in, '.'))
        return false;
    skip_cfws(in);
    if (!scan_u64(in, 59, &minute))
        return false;
    skip_cfws(in);
    if (scan_char(in, ':') || scan_char(in, '.')) {
        skip_cfws(in);
        if (!scan_u64(in, 60, &second))
            return false;
    }
    *out = (struct clock_time){(unsigned)hour, (unsigned)minute, (unsigned)second};
    return true;
}

static void scan_mild_zone(struct scan *in, struct date *d)
{
    static const struct {
        struct str name;
        int hours;
    } zones[] = {{STR("UT"), 0},   {STR("UTC"), 0},  {STR("GMT"), 0},  {STR("Z"), 0},
                 {STR("EST"), -5}, {STR("EDT"), -4}, {STR("CST"), -6}, {STR("CDT"), -5},
                 {STR("MST"), -7}, {STR("MDT"), -6}, {STR("PST"), -8}, {STR("PDT"), -7}};
    struct str name;

    skip_cfws(in);
    d->is_zone_unknown = true; // also for names nobody defined (RFC 5322 4.3)
    if (scan_zone(in, d) || !scan_while(in, is_alpha, SIZE_MAX, &name))
        return;
    for (size_t i = 0; i < sizeof(zones) / sizeof(zones[0]); i++) {
        if (str_case_eq(name, zones[i].name)) {
            d->zone_minutes = zones[i].hours * 60;
            d->is_zone_unknown = false;
            return;
        }
    }
}

// "17 Jul 1996" or "17-Jul-1996"
static bool scan_mild_day(struct scan *in, int64_t *out_days)
{
    unsigned month;
    uint64_t day;
    int64_t year;
    struct str rest_of_name;

    if (!scan_u64(in, 31, &day))
        return false;
    skip_cfws(in);
    (void)scan_char(in, '-');
    if (!scan_month(in, &month))
        return false;
    (void)scan_while(in, is_alpha, SIZE_MAX, &rest_of_name); // "July"
    skip_cfws(in);
    (void)scan_char(in, '-');
    if (!scan_mild_year(in, &year) || !exists(year, month, (unsigned)day))
        return false;
    *out_days = date_days_from_civil(year, month, (unsigned)day);
    return true;
}

// What asctime() writes: "Jul 17 02:44:25 1996", the weekday already eaten.
static bool scan_asctime(struct scan *in, int64_t *out_days, struct clock_time *out_time)
{
    struct scan at = *in;
    unsigned month;
    uint64_t day;
    int64_t year;

    if (!scan_month(&at, &month))
        return false;
    skip_cfws(&at);
    if (!scan_u64(&at, 31, &day))
        return false;
    skip_cfws(&at);
    if (!scan_mild_time(&at, out_time))
        return false;
    skip_cfws(&at);
    if (!scan_mild_year(&at, &year) || !exists(year, month, (unsigned)day))
        return false;
    *out_days = date_days_from_civil(year, month, (unsigned)day);
    *in = at;
    return true;
}

bool date_parse(struct str text, struct date *out)
{
    struct scan in = scan_of(text), month_first;
    struct date d = {0};
    struct clock_time time;
    int64_t days;

    skip_cfws(&in);
    month_first = in;
    skip_weekday(&in);
    if (scan_asctime(&in, &days, &time) || scan_asctime(&month_first, &days, &time)) {
        d.is_zone_unknown = true;
    } else {
        if (!scan_mild_day(&in, &days))
            return false;
        skip_cfws(&in);
        if (!scan_mild_time(&in, &time))
            return false;
        scan_mild_zone(&in, &d);
    }
    d.seconds = to_seconds(days, time, d.zone_minutes);
    *out = d;
    return true;
}

struct parts {
    int64_t year;
    unsigned month, day, hour, minute, second;
    char zone_sign;
    unsigned zone;
    int64_t days;
};

static struct parts parts_of(struct date d)
{
    struct parts p;
    int64_t rest, east = d.zone_minutes < 0 ? -d.zone_minutes : d.zone_minutes;

    p.days = date_day(d);
    rest = d.seconds + (int64_t)d.zone_minutes * 60 - p.days * DAY_SECONDS;
    date_civil_from_days(p.days, &p.year, &p.month, &p.day);
    p.year = p.year < 0 ? 0 : p.year > 9999 ? 9999 : p.year;
    p.hour = (unsigned)(rest / 3600);
    p.minute = (unsigned)(rest / 60 % 60);
    p.second = (unsigned)(rest % 60);
    p.zone_sign = d.zone_minutes < 0 || d.is_zone_unknown ? '-' : '+';
    p.zone = (unsigned)(east / 60 * 100 + east % 60);
    return p;
}

static const char *month_name(unsigned month)
{
    return month_names + (month - 1) * 3;
}

void date_put(struct buf *out, struct date d)
{
    struct parts p = parts_of(d);
    int64_t weekday = ((p.days % 7) + 7) % 7;

    buf_putf(out, "%.3s, %02u %.3s %04u %02u:%02u:%02u %c%04u", day_names + weekday * 3, p.day,
             month_name(p.month), (unsigned)p.year, p.hour, p.minute, p.second, p.zone_sign,
             p.zone);
}

void date_put_imap(struct buf *out, struct date d)
{
    struct parts p = parts_of(d);

    buf_putf(out, "%2u-%.3s-%04u %02u:%02u:%02u %c%04u", p.day, month_name(p.month),
             (unsigned)p.year, p.hour, p.minute, p.second, p.zone_sign, p.zone);
}

void date_put_imap_day(struct buf *out, int64_t days)
{
    struct parts p = parts_of((struct date){.seconds = days * DAY_SECONDS});

    buf_putf(out, "%u-%.3s-%04u", p.day, month_name(p.month), (unsigned)p.year);
}

static bool scan_imap_day(struct scan *in, int64_t *out_days)
{
    unsigned day, month, year;

    if (!scan_digits(in, 2, &day) && !(scan_char(in, ' ') && scan_digits(in, 1, &day)) &&
        !scan_digits(in, 1, &day))
        return false;
    if (!scan_char(in, '-') || !scan_month(in, &month) || !scan_char(in, '-') ||
        !scan_digits(in, 4, &year) || !exists(year, month, day))
        return false;
    *out_days = date_days_from_civil(year, month, day);
    return true;
}

bool date_parse_imap_day(struct str text, int64_t *out_days)
{
    struct scan in = scan_of(text);
    int64_t days;

    if (scan_peek(&in) == ' ' || !scan_imap_day(&in, &days) || !scan_is_end(&in))
        return false;
    *out_days = days;
    return true;
}

bool date_parse_imap(struct str text, struct date *out)
{
    struct scan in = scan_of(text);
    struct clock_time t;
    struct date d = {0};
    int64_t days;

    if (text.len != 26 || !scan_imap_day(&in, &days) || !scan_char(&in, ' ') ||
        !scan_digits(&in, 2, &t.hour) || !scan_char(&in, ':') || !scan_digits(&in, 2, &t.minute) ||
        !scan_char(&in, ':') || !scan_digits(&in, 2, &t.second) || !scan_char(&in, ' ') ||
        !scan_zone(&in, &d) || !scan_is_end(&in))
        return false;
    if (t.hour > 23 || t.minute > 59 || t.second > 60)
        return false;
    d.seconds = to_seconds(days, t, d.zone_minutes);
    *out = d;
    return true;
}
