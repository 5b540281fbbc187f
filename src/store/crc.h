// SPDX-License-Identifier: ISC
//
// CRC-32C (Castagnoli; RFC 3720 12.1), with the processor's instruction where there is one.
#pragma once

#include <stddef.h>
#include <stdint.h>

/// Of all bytes so far: start with 0, go on with the last result.
uint32_t crc32c(uint32_t crc, const void *bytes, size_t len);
/// The same by table on any machine; for the test that both agree.
uint32_t crc32c_by_table(uint32_t crc, const void *bytes, size_t len);
