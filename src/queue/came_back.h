// SPDX-License-Identifier: ISC
//
// A report about a mail of ours came to its return path: what it says is written into that mail's
// story. It is no more than what somebody wrote, so nothing else follows from it.
#pragma once

#include "queue/bodies.h"

/// After the mail was taken in. No waiting.
void queue_came_back(const struct envelope *e, const struct queue_bodies *bodies);
