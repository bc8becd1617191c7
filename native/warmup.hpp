// Warm-up: when the metric is estimated from which draws, and when the step size starts anew.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "archive.hpp"
#include "config.hpp"
#include "estimator.hpp"
#include "metric.hpp"
#include "step_size.hpp"

namespace pyro_native {

// Where Stan's windows end (Stan reference manual, 15.2): 75 iterations for the step size alone,
// windows of 25, 50, 100, ... for the metric, 50 for the step size alone; 15%, 75% and 10% when
// warm-up is shorter than their sum, and none when it is shorter than 20 iterations.
std::vector<std::int64_t> stan_windows(std::int64_t warmup, std::int64_t* first);

// Adapts step size and metric to what a chain sees.
//
// With the rule `stan`, the metric changes at the end of each window. With the rule `fisher`,
// it follows the draws from the start: it is estimated from the last one to two windows, which
// become longer, so early draws are forgotten. The last 15% of warm-up leave it alone.
// A diagonal changes with each draw; a correction to it, or a dense block, twice a window. An
// automatic metric is corrected from the first window on whose trajectories are long, if that pays.
class Warmup {
  public:
    Warmup(const Config& config, std::size_t dim, const Blocks& blocks,
           const std::vector<double>& variance);

    const Metric& metric() const { return *metric_; }
    double step_size() const { return step_size_; }
    bool finished(std::int64_t iteration) const { return iteration >= config_.warmup; }

    // A first metric, from the gradient at the initial position alone.
    void start(const double* gradient, bool keep_metric);
    void restart_step_size(double step_size);
    // After iteration number `iteration`; true if a step size should be searched for.
    bool update(std::int64_t iteration, const double* position, const double* gradient,
                double accept_statistic, std::int64_t leapfrogs);

    void save(Saver& archive);
    void load(Loader& archive);

  private:
    bool update_stan(std::int64_t iteration, const double* position, const double* gradient);
    bool update_fisher(std::int64_t iteration, const double* position, const double* gradient,
                       std::int64_t leapfrogs);
    bool refresh_metric(std::int64_t window);
    template <class Archive>
    void fields(Archive& a) {
        a(averaging_);
        a(step_size_);
        a(since_update_);
        a(window_leapfrogs_);
        a(correction_);
    }

    Config config_;
    std::size_t dim_;
    Blocks blocks_;
    std::unique_ptr<Metric> metric_;
    std::unique_ptr<Estimator> foreground_, background_;
    Correction correction_;
    DualAveraging averaging_;
    double step_size_;
    std::int64_t since_update_ = 0, window_leapfrogs_ = 0;
    std::vector<std::int64_t> windows_;
    std::int64_t first_ = 0;
};

}  // namespace pyro_native
