// One Markov chain: its state, its warm-up, and one iteration of it.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "config.hpp"
#include "density.hpp"
#include "hmc.hpp"
#include "nuts.hpp"
#include "phase_space.hpp"
#include "random.hpp"
#include "warmup.hpp"

namespace pyro_native {

// Where the rows of one chain go; null pointers are skipped.
// The layout is shared with Python (pyro/native/structures.py).
struct Output {
    double* draws;        // [rows, dim]
    double* gradients;    // [rows, dim]: of the log density at the draws
    double* log_density;  // [rows], as all below
    double* energy;
    double* accept_statistic;
    double* step_size;
    std::int64_t* tree_depth;
    std::int64_t* leapfrogs;
    std::uint8_t* diverging;
    double* divergence_positions;  // [capacity, dim]: where a diverging step began
    std::int64_t* divergence_rows;  // [capacity]: the row that was drawn instead
    std::int64_t divergence_capacity;
};

// What is seen of a chain while it runs. Plain copies of it go to Python.
struct Progress {
    std::int64_t iteration;
    std::int64_t divergences;  // after warm-up
    std::int64_t gradients;
    std::int64_t tree_depth;
    std::int64_t leapfrogs;  // of the last transition
    std::int64_t status;     // Status
    std::int64_t code;       // of the density, if the status is fatal
    std::int64_t rows;       // written by the last advance
    std::int64_t divergence_rows;
    double step_size;
    double log_density;
};

class Chain {
  public:
    Chain(const Config& config, const DensitySpec& density, const Blocks& blocks,
          std::uint64_t seed, std::uint64_t number, const double* position,
          const double* inverse_metric);

    // Before the first row of an output: sets what `progress` tells of rows back.
    void begin();
    // Writes one row, after `thinning` iterations; a negative row stands for one iteration that is
    // not written. An iteration that is interrupted, or in which the density failed, has not
    // begun: the next advance makes it.
    Status advance(std::int64_t thinning, std::int64_t row, const Output& output,
                   const std::atomic<bool>& interrupt);

    // The next iteration begins at `position`; what warm-up has learned is kept.
    void move(const double* position);

    std::size_t dim() const { return dim_; }
    Progress progress() const;
    void inverse_metric(double* out) const { warmup_.metric().diagonal(out); }
    // The position at which the density failed.
    const double* failed_position() const { return failed_.data(); }

    std::vector<std::uint8_t> save();
    bool load(const std::uint8_t* data, std::size_t size);

  private:
    Status start(Dynamics& dynamics);
    Status step(Dynamics& dynamics, Transition* transition);
    Status search_and_move(Dynamics& dynamics, Transition* transition);
    Status search(Dynamics& dynamics);
    void write(const Output& output, std::int64_t row, const Transition& transition);
    void publish(const Transition& transition);
    std::uint64_t fingerprint() const;
    template <class Archive>
    void fields(Archive& a);

    const Config config_;
    const Blocks blocks_;
    const std::size_t dim_;
    Density density_;
    Random random_;
    Warmup warmup_;
    Pool pool_;
    Nuts nuts_;
    Hmc hmc_;
    int at_;
    bool started_ = false, moved_ = false, search_due_ = false, keep_metric_;
    std::int64_t iteration_ = 0, divergences_ = 0;
    std::vector<double> before_divergence_, failed_;

    std::atomic<std::int64_t> seen_iteration_{0}, seen_divergences_{0}, seen_gradients_{0},
        seen_depth_{0}, seen_leapfrogs_{0}, seen_status_{0}, seen_code_{0}, seen_rows_{0},
        seen_divergence_rows_{0};
    std::atomic<double> seen_step_size_{0.0}, seen_log_density_{0.0};
};

}  // namespace pyro_native
