// SPDX-License-Identifier: ISC
//
// Inside of route_hosts: from a lane to its hosts, with the world as questions and answers, so that
// all of it is tested with tables and no resolver.
#pragma once

#include "trust/mta_sts.h"

#include "route/route.h"

enum {
    FIND_SCRATCH_MAX = 64 << 20, // bytes: 32 hosts with the largest answers there are
    FIND_ANSWER_MAX = 512 << 10, // room that one answer may need
    FIND_ASK_AT_ONCE = 16,
    FIND_STORY_MAX = 16 << 10,
};

struct find_question {
    struct str name;
    enum dns_type type;
    struct dns_answer answer;
};

/// What is known of a domain's policy of MTA-STS.
struct find_sts {
    bool has_policy;
    struct mta_sts policy;
    struct str failure; // a result type of RFC 8460 4.3; "": none
    struct str why;     // for people: where it comes from, or why there is none
};

/// The doors to the world.
struct find_world {
    /// [await] Answers all of them, at most FIND_ASK_AT_ONCE.
    void (*ask)(void *arg, struct find_question *questions, size_t count, struct arena *arena);
    /// [await] The policy of that domain; NULL: nobody asks.
    void (*sts)(void *arg, struct str domain, struct arena *arena, struct find_sts *out);
    /// [await] The password of "USER@HOST"; false: there is none, *why says it. NULL: none at all.
    bool (*password)(void *arg, struct str login, struct arena *arena, struct str *out,
                     struct buf *why);
    uint64_t (*random)(void *arg);
    void *arg;
};

/// [await] As route_hosts.
void find_hosts(const struct route *route, const struct find_world *world, struct str lane,
                enum route_care care, struct arena *arena, struct route_hosts *out);
