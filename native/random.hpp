// The random numbers of one chain: a function of the seed, the chain and how many were drawn.
#pragma once

#include <cstdint>

#include "philox.hpp"

namespace pyro_native {

class Random {
  public:
    Random() = default;
    Random(std::uint64_t seed, std::uint64_t chain) : seed_(seed), chain_(chain) {}

    std::uint64_t word() {
        if (used_ == 4) {
            buffer_ = block(position_++);
            used_ = 0;
        }
        return buffer_[used_++];
    }
    // Uniform on (0, 1): multiples of 2^-53, shifted by half of one so that 0 is not drawn.
    double uniform() { return (static_cast<double>(word() >> 11) + 0.5) * 0x1p-53; }
    double normal();
    void normals(double* out, std::size_t n) {
        for (std::size_t i = 0; i < n; ++i) out[i] = normal();
    }

    template <class Archive>
    void archive(Archive& a) {
        a(seed_);
        a(chain_);
        a(position_);
        a(used_);
        if (used_ < 4 && position_ > 0) buffer_ = block(position_ - 1);
    }

  private:
    Words block(std::uint64_t position) const {
        return philox4x64({position, 0, chain_, 0}, {seed_, kKey});
    }
    double normal_tail(bool negative);

    static constexpr std::uint64_t kKey = 0x7079726f;  // "pyro"
    std::uint64_t seed_ = 0;
    std::uint64_t chain_ = 0;
    std::uint64_t position_ = 0;
    std::uint32_t used_ = 4;
    Words buffer_{};
};

}  // namespace pyro_native
