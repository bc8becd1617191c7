// Step size by dual averaging: Hoffman and Gelman (2014), section 3.2, with their constants.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace pyro_native {

class DualAveraging {
  public:
    // The step sizes stay between these; infinity and 0 leave the guard against overflow only.
    void limit(double least, double most) {
        least_ = std::max(std::log(least), -kLimit);
        most_ = std::min(std::log(most), kLimit);
    }
    void restart(double step_size) {
        center_ = std::log(10.0 * step_size);
        log_step_ = std::log(step_size);
        log_average_ = 0.0;
        error_ = 0.0;
        count_ = 0;
    }
    void update(double accept_statistic, double target) {
        count_ += 1;
        const double t = static_cast<double>(count_);
        const double weight = 1.0 / (t + kDelay);
        error_ = (1.0 - weight) * error_ + weight * (target - accept_statistic);
        log_step_ = std::clamp(center_ - std::sqrt(t) / kGain * error_, least_, most_);
        const double decay = std::pow(t, -kDecay);
        log_average_ = decay * log_step_ + (1.0 - decay) * log_average_;
    }
    double current() const { return std::exp(log_step_); }
    // What to use from now on.
    double average() const { return count_ > 0 ? std::exp(log_average_) : current(); }

    template <class Archive>
    void archive(Archive& a) {
        a(center_);
        a(log_step_);
        a(log_average_);
        a(error_);
        a(count_);
    }

  private:
    static constexpr double kGain = 0.05, kDelay = 10.0, kDecay = 0.75;
    static constexpr double kLimit = 230.0;  // a flat density may not overflow the step size
    double least_ = -kLimit, most_ = kLimit;
    double center_ = 0.0, log_step_ = 0.0, log_average_ = 0.0, error_ = 0.0;
    std::int64_t count_ = 0;
};

}  // namespace pyro_native
