// Memory for loops over coordinates: vectors that begin on a cache line.
#pragma once

#include <cstddef>
#include <new>
#include <vector>

namespace pyro_native {

inline constexpr std::size_t kCacheLine = 64;

template <class T>
struct OnCacheLines {
    using value_type = T;
    OnCacheLines() = default;
    template <class U>
    OnCacheLines(const OnCacheLines<U>&) {}
    T* allocate(std::size_t n) {
        return static_cast<T*>(::operator new(n * sizeof(T), std::align_val_t{kCacheLine}));
    }
    void deallocate(T* at, std::size_t) { ::operator delete(at, std::align_val_t{kCacheLine}); }
    template <class U>
    bool operator==(const OnCacheLines<U>&) const {
        return true;
    }
};

using Lines = std::vector<double, OnCacheLines<double>>;

// The distance between vectors of n doubles that all begin on a cache line.
inline std::size_t padded(std::size_t n) {
    constexpr std::size_t kPerLine = kCacheLine / sizeof(double);
    return (n + kPerLine - 1) / kPerLine * kPerLine;
}

}  // namespace pyro_native
