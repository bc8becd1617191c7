// The one thing a sampler knows of a model: a log density on flat vectors, with its gradient.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <new>

namespace pyro_native {

// Writes log p(x) and its gradient. 0: fine, where a value of nan or -inf rejects x.
// Any other answer is fatal and ends the run of the chain that asked.
// `context` is shared by all threads and only read; `scratch` belongs to the calling thread.
using DensityFunction = std::int32_t (*)(void* context, const double* x, double* value,
                                         double* gradient, void* scratch);

// The layout is shared with Python (pyro/native/structures.py).
struct DensitySpec {
    DensityFunction function;
    void* context;
    std::int64_t dim;
    std::int64_t scratch_bytes;
};

// A density with the scratch memory of one chain, and a count of its evaluations.
class Density {
  public:
    explicit Density(const DensitySpec& spec) : spec_(spec) {
        if (spec.scratch_bytes > 0) {
            scratch_ = ::operator new(static_cast<std::size_t>(spec.scratch_bytes), kAlignment);
        }
    }
    ~Density() {
        if (scratch_ != nullptr) ::operator delete(scratch_, kAlignment);
    }
    Density(const Density&) = delete;
    Density& operator=(const Density&) = delete;

    std::size_t dim() const { return static_cast<std::size_t>(spec_.dim); }
    std::int64_t evaluations() const { return evaluations_; }
    void set_evaluations(std::int64_t count) { evaluations_ = count; }

    std::int32_t operator()(const double* x, double* value, double* gradient) {
        ++evaluations_;
        return spec_.function(spec_.context, x, value, gradient, scratch_);
    }

  private:
    static constexpr std::align_val_t kAlignment{64};
    DensitySpec spec_;
    void* scratch_ = nullptr;
    std::int64_t evaluations_ = 0;
};

}  // namespace pyro_native
