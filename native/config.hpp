// What a run is asked to do. The layout is shared with Python (pyro/native/structures.py).
#pragma once

#include <cstdint>
#include <vector>

namespace pyro_native {

enum class KernelKind : std::int64_t { nuts = 0, hmc = 1 };
// `automatic` is diagonal until warm-up sees that the low-rank correction shortens trajectories.
enum class MetricKind : std::int64_t { diagonal = 0, dense = 1, low_rank = 2, automatic = 3 };
enum class Rule : std::int64_t { stan = 0, fisher = 1 };

// Plain data of eight bytes per field, compared byte by byte when a state is loaded.
struct Config {
    KernelKind kernel;
    MetricKind metric;
    Rule rule;
    std::int64_t warmup;           // iterations
    std::int64_t adapt_step_size;  // 0 or 1, as are the next two
    std::int64_t adapt_metric;
    std::int64_t multinomial;  // 0: slice sampling of Hoffman and Gelman (2014)
    std::int64_t max_tree_depth;
    std::int64_t num_steps;  // of HMC; 0: trajectory_length over step_size
    std::int64_t max_steps;  // of HMC, however small the step size
    std::int64_t max_rank;   // of the low-rank metric
    double trajectory_length;
    double step_size;  // initial
    double min_step_size;  // adaptation and the search for a step size stay within these
    double max_step_size;
    double step_size_jitter;  // each trajectory's step size is scaled by U(1 - j, 1 + j)
    double target_accept;
    double max_energy_error;   // beyond it a trajectory has diverged
    double eigenvalue_cutoff;  // the low-rank metric keeps eigenvalues outside [1/c, c]
    double regularisation;     // added to the low-rank and dense covariances of scaled draws
};

// Sets of coordinates that share a dense block of the metric; the others are diagonal.
using Blocks = std::vector<std::vector<std::size_t>>;

}  // namespace pyro_native
