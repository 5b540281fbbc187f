// SPDX-License-Identifier: ISC
//
// Dates as mail writes them: the Date field (RFC 5322 3.3, read mildly, with the obsolete zones
// and years of 4.3) and the two forms of IMAP (RFC 3501 9: date-time and date). No locale and no
// time zone of this machine; the calendar is the proleptic Gregorian one.
#pragma once

#include "base/buf.h"
#include "base/str.h"

struct date {
    int64_t seconds;      // since 1970-01-01 00:00 UTC, leap seconds counted as the second before
    int32_t zone_minutes; // east of UTC, -5999 to 5999
    bool is_zone_unknown; // "-0000": UTC, but nothing is said about the sender's place
};

/// A Date field's value, folded or not: "Wed, 17 Jul 1996 02:44:25 -0700 (PDT)". The weekday, the
/// seconds and the zone may be missing (then: unknown zone), comments may stand anywhere, years may
/// have two or three digits, zones may be names. False when no day, month, year and time are found
/// or one of them does not exist (31 Feb, 24:00). What follows a complete date is ignored.
bool date_parse(struct str text, struct date *out);
/// "Wed, 17 Jul 1996 02:44:25 -0700". Years outside 0 to 9999 are put as the nearest of these.
void date_put(struct buf *out, struct date d);

/// IMAP date-time without its quotes: "17-Jul-1996 02:44:25 -0700", " 7-Jul-...". Strict.
bool date_parse_imap(struct str text, struct date *out);
/// Always 26 bytes, without quotes.
void date_put_imap(struct buf *out, struct date d);

/// IMAP date without quotes, "1-Feb-1994" or "01-Feb-1994", in days since 1970-01-01. Strict.
bool date_parse_imap_day(struct str text, int64_t *out_days);
void date_put_imap_day(struct buf *out, int64_t days);

/// The day it was at the sender's place: what SENTON and ON compare (RFC 3501 6.4.4: disregarding
/// time and timezone).
int64_t date_day(struct date d);

/// Days since 1970-01-01 of a day that exists; month 1 to 12.
int64_t date_days_from_civil(int64_t year, unsigned month, unsigned day);
void date_civil_from_days(int64_t days, int64_t *year, unsigned *month, unsigned *day);
