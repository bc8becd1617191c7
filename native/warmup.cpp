#include "warmup.hpp"

#include <algorithm>
#include <cmath>

namespace pyro_native {
namespace {

constexpr std::int64_t kShortest = 20;  // a shorter warm-up leaves the metric alone

// Of the rule `fisher`.
constexpr double kEarly = 0.3, kMetric = 0.85;  // shares of warm-up
constexpr std::int64_t kShortWindow = 10, kWindow = 80, kGrowth = 4;
constexpr std::int64_t kLong = 24;  // leapfrogs of a trajectory
constexpr std::size_t kMostRecorded = 5000;  // coordinates of which windows of draws are kept unasked

Config resolved(Config config, std::size_t dim) {
    if (config.metric == MetricKind::automatic && dim > kMostRecorded) {
        config.metric = MetricKind::diagonal;
    }
    return config;
}

}  // namespace

std::vector<std::int64_t> stan_windows(std::int64_t warmup, std::int64_t* first) {
    *first = warmup;
    if (warmup < kShortest) return {};
    std::int64_t begin = 75, window = 25, end = 50;
    if (begin + window + end > warmup) {
        begin = static_cast<std::int64_t>(0.15 * static_cast<double>(warmup));
        end = static_cast<std::int64_t>(0.1 * static_cast<double>(warmup));
        window = warmup - begin - end;
    }
    *first = begin;
    const std::int64_t stop = warmup - end;
    std::vector<std::int64_t> ends;
    for (std::int64_t at = begin; at < stop; window *= 2) {
        const std::int64_t next = at + window + 2 * window > stop ? stop : at + window;
        ends.push_back(next);
        at = next;
    }
    return ends;
}

Warmup::Warmup(const Config& config, std::size_t dim, const Blocks& blocks,
               const std::vector<double>& variance)
    : config_(resolved(config, dim)),
      dim_(dim),
      blocks_(blocks),
      metric_(make_metric(config_, variance, blocks)),
      foreground_(make_estimator(config_, dim, blocks)),
      background_(make_estimator(config_, dim, blocks)),
      correction_(config.metric == MetricKind::automatic ? Correction::none : Correction::any),
      step_size_(config.step_size),
      windows_(stan_windows(config.warmup, &first_)) {
    averaging_.limit(config.min_step_size, config.max_step_size);
    averaging_.restart(step_size_);
}

void Warmup::start(const double* gradient, bool keep_metric) {
    if (keep_metric || config_.adapt_metric == 0 || config_.rule == Rule::stan) return;
    if (config_.warmup < kShortest) return;
    std::vector<double> variance(dim_);
    for (std::size_t i = 0; i < dim_; ++i) {
        const double size = std::abs(gradient[i]);
        variance[i] = size > 0.0 && std::isfinite(size) ? std::clamp(1.0 / size, 1e-10, 1e10) : 1.0;
    }
    metric_ = make_metric(config_, variance, blocks_);
}

void Warmup::restart_step_size(double step_size) {
    step_size_ = std::clamp(step_size, config_.min_step_size, config_.max_step_size);
    averaging_.restart(step_size_);
}

bool Warmup::update(std::int64_t iteration, const double* position, const double* gradient,
                    double accept_statistic, std::int64_t leapfrogs) {
    if (finished(iteration)) return false;
    const bool last = iteration + 1 == config_.warmup;
    if (config_.adapt_step_size != 0) {
        averaging_.update(accept_statistic, config_.target_accept);
        step_size_ = last ? averaging_.average() : averaging_.current();
    }
    if (config_.adapt_metric == 0 || config_.warmup < kShortest) return false;
    const bool changed = config_.rule == Rule::stan
                             ? update_stan(iteration, position, gradient)
                             : update_fisher(iteration, position, gradient, leapfrogs);
    return changed && !last && config_.adapt_step_size != 0;
}

bool Warmup::update_stan(std::int64_t iteration, const double* position, const double* gradient) {
    if (iteration < first_ || windows_.empty() || iteration >= windows_.back()) return false;
    foreground_->add(position, gradient);
    if (!std::binary_search(windows_.begin(), windows_.end(), iteration + 1)) return false;
    const bool changed = foreground_->update(*metric_, Correction::none);
    foreground_->reset();
    return changed;
}

// True if the metric is another one than that of the step size.
bool Warmup::refresh_metric(std::int64_t window) {
    if (config_.metric == MetricKind::diagonal) {
        foreground_->update(*metric_, Correction::none);
        return false;
    }
    if (correction_ == Correction::none) {
        foreground_->update(*metric_, Correction::none);
        if (background_->count() < window || window_leapfrogs_ < kLong * window) return false;
        if (!foreground_->update(*metric_, Correction::if_it_pays)) return false;
        correction_ = Correction::any;
        return true;
    }
    if (2 * since_update_ < window) return false;
    since_update_ = 0;
    return foreground_->update(*metric_, Correction::any);
}

bool Warmup::update_fisher(std::int64_t iteration, const double* position,
                           const double* gradient, std::int64_t leapfrogs) {
    const double share = static_cast<double>(iteration + 1) / static_cast<double>(config_.warmup);
    if (share > kMetric) {
        if (background_->count() > 0) {  // the memory of their draws is given back
            foreground_ = make_estimator(config_, dim_, blocks_);
            background_ = make_estimator(config_, dim_, blocks_);
        }
        return false;
    }
    foreground_->add(position, gradient);
    background_->add(position, gradient);
    ++since_update_;
    window_leapfrogs_ += leapfrogs;
    const std::int64_t window = std::clamp(iteration / kGrowth, kShortWindow, kWindow);
    const bool changed = refresh_metric(window);
    if (background_->count() >= window) {
        std::swap(foreground_, background_);
        background_->reset();
        window_leapfrogs_ = 0;
    }
    return changed && share <= kEarly;
}

void Warmup::save(Saver& archive) {
    fields(archive);
    metric_->save(archive);
    foreground_->save(archive);
    background_->save(archive);
}

void Warmup::load(Loader& archive) {
    fields(archive);
    metric_->load(archive);
    foreground_->load(archive);
    background_->load(archive);
}

}  // namespace pyro_native
