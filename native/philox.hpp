// Philox4x64-10, a counter-based generator: block number in, four random words out.
// Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
#pragma once

#include <array>
#include <cstdint>

namespace pyro_native {

using Words = std::array<std::uint64_t, 4>;

inline std::uint64_t multiply_high(std::uint64_t a, std::uint64_t b, std::uint64_t& low) {
#if defined(__SIZEOF_INT128__)
    const unsigned __int128 product = static_cast<unsigned __int128>(a) * b;
    low = static_cast<std::uint64_t>(product);
    return static_cast<std::uint64_t>(product >> 64);
#else
    const std::uint64_t a0 = a & 0xffffffffU, a1 = a >> 32, b0 = b & 0xffffffffU, b1 = b >> 32;
    const std::uint64_t middle = a1 * b0 + ((a0 * b0) >> 32);
    const std::uint64_t carry = a0 * b1 + (middle & 0xffffffffU);
    low = a * b;
    return a1 * b1 + (middle >> 32) + (carry >> 32);
#endif
}

inline Words philox4x64(Words counter, std::array<std::uint64_t, 2> key) {
    for (int round = 0; round < 10; ++round) {
        std::uint64_t low0 = 0, low1 = 0;
        const std::uint64_t high0 = multiply_high(0xD2E7470EE14C6C93ULL, counter[0], low0);
        const std::uint64_t high1 = multiply_high(0xCA5A826395121157ULL, counter[2], low1);
        counter = {high1 ^ counter[1] ^ key[0], low1, high0 ^ counter[3] ^ key[1], low0};
        key[0] += 0x9E3779B97F4A7C15ULL;
        key[1] += 0xBB67AE8584CAA73BULL;
    }
    return counter;
}

}  // namespace pyro_native
