// The no-U-turn sampler: Hoffman and Gelman (2014), with multinomial sampling and the generalised
// criterion of Betancourt (2017), and with the checks across subtrees of Stan 2.21.
#pragma once

#include <cstdint>
#include <vector>

#include "config.hpp"
#include "memory.hpp"
#include "phase_space.hpp"

namespace pyro_native {

class Nuts {
  public:
    Nuts(const Config& config, std::size_t dim);

    static std::size_t pool_size(const Config& config) {
        return 3 * static_cast<std::size_t>(config.max_tree_depth + 2) + 8;
    }
    // Moves `*at` to a new point of the pool. After a divergence, `before_divergence` is the
    // position from which the diverging step was made.
    Status operator()(Dynamics& dynamics, const Metric& metric, Pool& pool, int* at,
                      double step_size, Transition* transition, double* before_divergence);

  private:
    // A trajectory of 2^k points: its ends in the order of integration, the point that it
    // proposes, the sum of its weights and of its momenta.
    struct Tree {
        int begin, end, proposal;
        std::int64_t size;
        double weight;
        double* momenta;  // own memory, in use if size > 1
    };
    enum class Growth { grown, turned, diverged };

    Status extend(Dynamics& dynamics, const Metric& metric, Pool& pool, int from, double step,
                  std::int64_t size, Growth* growth, Transition* transition,
                  double* before_divergence);
    Status add_leaf(Dynamics& dynamics, const Metric& metric, Pool& pool, int from, double step,
                    Growth* growth, Transition* transition, double* before_divergence);
    bool merge_last_two(Random& random, Pool& pool);
    double weight_of(double energy_gain, Transition* transition);
    static Side side(Pool& pool, const Tree& tree, bool ends_at_joint);
    static void release(Pool& pool, const Tree& tree);
    void release_stack(Pool& pool);

    const bool multinomial_;
    const std::int64_t max_depth_;
    const double max_error_;
    const std::size_t dim_;
    Lines memory_;
    std::vector<Tree> stack_;  // subtrees of decreasing size, as in a binary counter
    std::size_t used_ = 0;
    Tree whole_{};
    double start_energy_ = 0.0;
    double log_slice_ = 0.0;   // relative to the start
    double weight_unit_ = 0.0;  // log of the unit of all weights
};

}  // namespace pyro_native
