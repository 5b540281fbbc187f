// SPDX-License-Identifier: ISC
#include "store/crc.h"

#include <string.h>
#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

static uint32_t table_entry(uint32_t byte)
{
    uint32_t crc = byte;

    for (int bit = 0; bit < 8; bit++)
        crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
    return crc;
}

uint32_t crc32c_by_table(uint32_t crc, const void *bytes, size_t len)
{
    static uint32_t table[256];
    static int ready; // entries are the same whoever writes them
    const uint8_t *p = bytes;

    if (!__atomic_load_n(&ready, __ATOMIC_ACQUIRE)) {
        for (uint32_t i = 0; i < 256; i++)
            __atomic_store_n(&table[i], table_entry(i), __ATOMIC_RELAXED);
        __atomic_store_n(&ready, 1, __ATOMIC_RELEASE);
    }
    crc = ~crc;
    while (len--)
        crc = crc >> 8 ^ __atomic_load_n(&table[(crc ^ *p++) & 0xff], __ATOMIC_RELAXED);
    return ~crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t by_instruction(uint32_t crc, const uint8_t *p,
                                                                 size_t len)
{
    uint64_t wide = ~crc;

    while (len >= 8) {
        uint64_t word;

        memcpy(&word, p, 8);
        wide = _mm_crc32_u64(wide, word);
        p += 8;
        len -= 8;
    }
    crc = (uint32_t)wide;
    while (len--)
        crc = _mm_crc32_u8(crc, *p++);
    return ~crc;
}
#endif

uint32_t crc32c(uint32_t crc, const void *bytes, size_t len)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.2"))
        return by_instruction(crc, bytes, len);
#endif
    return crc32c_by_table(crc, bytes, len);
}
