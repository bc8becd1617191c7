#include "estimator.hpp"

#include <algorithm>
#include <cmath>

#include "vector.hpp"

namespace pyro_native {
namespace {

constexpr double kSmallest = 1e-20, kLargest = 1e20;
constexpr std::int64_t kFewest = 3;          // draws for a diagonal
constexpr std::int64_t kFewestForCross = 8;  // and for correlations
constexpr std::size_t kBasisDraws = 32;      // that span the low-rank correction
constexpr double kPays = 25.0;  // condition number from which a correction is worth its work

// Stan's shrinkage of an estimate from n draws.
double shrunk(double estimate, double n, double target) {
    return n / (n + 5.0) * estimate + 5.0 / (n + 5.0) * target;
}

}  // namespace

void Moments::add(const double* x, double count) {
    for (std::size_t i = 0; i < mean.size(); ++i) {
        const double delta = x[i] - mean[i];
        mean[i] += delta / count;
        squares[i] += delta * (x[i] - mean[i]);
    }
}

void Moments::reset() {
    std::fill(mean.begin(), mean.end(), 0.0);
    std::fill(squares.begin(), squares.end(), 0.0);
}

// Adds the outer product of the deviation from the old mean, times (n - 1) / n.
void CrossMoments::add(const double* x, double count) {
    const std::size_t n = mean.size();
    const double factor = (count - 1.0) / count;
    for (std::size_t i = 0; i < n; ++i) {
        const double scale = factor * (x[i] - mean[i]);
        double* row = squares.row(i);
        for (std::size_t j = 0; j < n; ++j) row[j] += scale * (x[j] - mean[j]);
    }
    for (std::size_t i = 0; i < n; ++i) mean[i] += (x[i] - mean[i]) / count;
}

void CrossMoments::reset() {
    std::fill(mean.begin(), mean.end(), 0.0);
    std::fill(squares.data.begin(), squares.data.end(), 0.0);
}

DiagonalEstimator::DiagonalEstimator(const Config& config, std::size_t dim)
    : rule_(config.rule), positions_(dim), gradients_(dim) {}

void DiagonalEstimator::add(const double* position, const double* gradient) {
    ++count_;
    positions_.add(position, static_cast<double>(count_));
    gradients_.add(gradient, static_cast<double>(count_));
}

void DiagonalEstimator::reset() {
    count_ = 0;
    positions_.reset();
    gradients_.reset();
}

std::vector<double> DiagonalEstimator::variance() const {
    const double n = static_cast<double>(count_);
    std::vector<double> result(positions_.mean.size());
    for (std::size_t i = 0; i < result.size(); ++i) {
        const double x = positions_.squares[i], g = gradients_.squares[i];
        result[i] = rule_ == Rule::stan ? shrunk(x / (n - 1.0), n, 1e-3) : std::sqrt(x / g);
        if (std::isfinite(result[i])) result[i] = std::clamp(result[i], kSmallest, kLargest);
    }
    return result;
}

bool DiagonalEstimator::update(Metric& metric, Correction) {
    if (count_ < kFewest) return false;
    const std::vector<double> found = variance();
    const auto usable = [](double x) { return std::isfinite(x) && x > 0.0; };
    if (!std::all_of(found.begin(), found.end(), usable)) return false;
    static_cast<DiagonalMetric&>(metric).set(found);
    return true;
}

BlockEstimator::BlockEstimator(const Config& config, std::size_t dim, const Blocks& blocks)
    : config_(config), diagonal_(config, dim) {
    std::size_t largest = 0;
    for (const auto& coordinates : blocks) {
        blocks_.push_back({coordinates, CrossMoments(coordinates.size()),
                           CrossMoments(coordinates.size())});
        largest = std::max(largest, coordinates.size());
    }
    gathered_.resize(largest);
}

void BlockEstimator::add(const double* position, const double* gradient) {
    diagonal_.add(position, gradient);
    const double n = static_cast<double>(count());
    const auto gather = [this](const Block& block, const double* x) {
        for (std::size_t i = 0; i < block.coordinates.size(); ++i) {
            gathered_[i] = x[block.coordinates[i]];
        }
        return gathered_.data();
    };
    for (Block& block : blocks_) {
        block.positions.add(gather(block, position), n);
        if (config_.rule == Rule::fisher) block.gradients.add(gather(block, gradient), n);
    }
}

void BlockEstimator::reset() {
    diagonal_.reset();
    for (Block& block : blocks_) {
        block.positions.reset();
        block.gradients.reset();
    }
}

bool BlockEstimator::covariance(const Block& block, const std::vector<double>& variance,
                                Matrix& out) const {
    const double n = static_cast<double>(count());
    const std::size_t size = block.coordinates.size();
    Matrix draws(size, size), gradients(size, size);
    for (std::size_t i = 0; i < size; ++i) {
        for (std::size_t j = 0; j < size; ++j) {
            const double target = i == j ? 1e-3 : 0.0;
            if (config_.rule == Rule::stan) {
                draws(i, j) = shrunk(block.positions.squares(i, j) / (n - 1.0), n, target);
                continue;
            }
            const double scale =
                std::sqrt(variance[block.coordinates[i]] * variance[block.coordinates[j]]);
            const double ridge = i == j ? config_.regularisation : 0.0;
            draws(i, j) = block.positions.squares(i, j) / n / scale + ridge;
            gradients(i, j) = block.gradients.squares(i, j) / n * scale + ridge;
        }
    }
    if (config_.rule == Rule::stan) {
        out = std::move(draws);
        return true;
    }
    if (!geometric_mean(draws, gradients, out)) return false;
    for (std::size_t i = 0; i < size; ++i) {
        for (std::size_t j = 0; j < size; ++j) {
            out(i, j) *=
                std::sqrt(variance[block.coordinates[i]] * variance[block.coordinates[j]]);
        }
    }
    return true;
}

bool BlockEstimator::update(Metric& metric, Correction) {
    if (count() < kFewest) return false;
    const std::vector<double> variance = diagonal_.variance();
    const auto usable = [](double x) { return std::isfinite(x) && x > 0.0; };
    if (!std::all_of(variance.begin(), variance.end(), usable)) return false;
    std::vector<Matrix> covariances;
    for (const Block& block : blocks_) {
        const std::size_t size = block.coordinates.size();
        Matrix found(size, size);
        if (count() < kFewestForCross || !covariance(block, variance, found)) {
            found = Matrix(size, size);
            for (std::size_t i = 0; i < size; ++i) found(i, i) = variance[block.coordinates[i]];
        }
        covariances.push_back(std::move(found));
    }
    return static_cast<BlockMetric&>(metric).set(variance, covariances);
}

LowRankEstimator::LowRankEstimator(const Config& config, std::size_t dim)
    : config_(config), diagonal_(config, dim) {}

void LowRankEstimator::add(const double* position, const double* gradient) {
    diagonal_.add(position, gradient);
    const std::size_t dim = diagonal_.mean_position().size();
    positions_.insert(positions_.end(), position, position + dim);
    gradients_.insert(gradients_.end(), gradient, gradient + dim);
}

void LowRankEstimator::reset() {
    diagonal_.reset();
    positions_.clear();
    gradients_.clear();
}

// Deviations from the mean in units of `scale`, one draw per row.
Matrix LowRankEstimator::standardised(const std::vector<double>& rows,
                                      const std::vector<double>& mean,
                                      const std::vector<double>& scale) const {
    Matrix result(static_cast<std::size_t>(count()), mean.size());
    for (std::size_t i = 0; i < result.rows; ++i) {
        for (std::size_t j = 0; j < result.columns; ++j) {
            result(i, j) = (rows[i * result.columns + j] - mean[j]) / scale[j];
        }
    }
    return result;
}

// Rows that span some draws and gradients, evenly chosen; all of the space if it is small.
Matrix LowRankEstimator::basis(const Matrix& positions, const Matrix& gradients) const {
    const std::size_t dim = positions.columns;
    const std::size_t used = std::min(positions.rows, kBasisDraws);
    if (dim <= 2 * used) {
        Matrix identity(dim, dim);
        for (std::size_t i = 0; i < dim; ++i) identity(i, i) = 1.0;
        return identity;
    }
    Matrix both(2 * used, dim);
    for (std::size_t i = 0; i < used; ++i) {
        const std::size_t from = i * positions.rows / used;
        std::copy_n(positions.row(from), dim, both.row(2 * i));
        std::copy_n(gradients.row(from), dim, both.row(2 * i + 1));
    }
    return orthonormal_rows(both, 1e-6);
}

bool LowRankEstimator::scales(std::vector<double>& variance) const {
    if (count() < kFewest) return false;
    variance = diagonal_.variance();
    const auto usable = [](double x) { return std::isfinite(x) && x > 0.0; };
    return std::all_of(variance.begin(), variance.end(), usable);
}

// Of the geometric mean of the draws' covariance and the inverse of the gradients', in units of
// the diagonal and within the span of both; empty if they do not determine it.
LowRankEstimator::Spectrum LowRankEstimator::spectrum(const std::vector<double>& variance) const {
    if (count() < kFewestForCross) return {};
    std::vector<double> scale(variance.size()), inverse(variance.size());
    for (std::size_t i = 0; i < scale.size(); ++i) {
        scale[i] = std::sqrt(variance[i]);
        inverse[i] = 1.0 / scale[i];
    }
    const Matrix x = standardised(positions_, diagonal_.mean_position(), scale);
    const Matrix g = standardised(gradients_, diagonal_.mean_gradient(), inverse);
    Spectrum found;
    found.span = basis(x, g);
    const auto projected_covariance = [&](const Matrix& rows) {
        const Matrix projected = outer_product(found.span, rows);  // [rank, count]
        Matrix result = outer_product(projected, projected);
        for (double& value : result.data) value /= static_cast<double>(count());
        for (std::size_t i = 0; i < result.rows; ++i) result(i, i) += config_.regularisation;
        return result;
    };
    Matrix mean;
    if (!geometric_mean(projected_covariance(x), projected_covariance(g), mean) ||
        !eigen_symmetric(mean, found.values, found.vectors)) {
        return {};
    }
    return found;
}

// With the eigenvalues that are far enough from 1, the farthest first.
void LowRankEstimator::set(Metric& metric, const std::vector<double>& variance,
                           const Spectrum& found) const {
    const std::vector<double>& values = found.values;
    const auto far = [&](std::size_t i) {
        return std::abs(std::log(std::max(values[i], kSmallest)));
    };
    std::vector<std::size_t> kept;
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (values[i] > 0.0 && far(i) > std::log(config_.eigenvalue_cutoff)) kept.push_back(i);
    }
    std::stable_sort(kept.begin(), kept.end(),
                     [&](std::size_t a, std::size_t b) { return far(a) > far(b); });
    if (kept.size() > static_cast<std::size_t>(config_.max_rank)) {
        kept.resize(static_cast<std::size_t>(config_.max_rank));
    }
    Matrix vectors(kept.size(), found.vectors.columns);
    std::vector<double> kept_values;
    for (std::size_t i = 0; i < kept.size(); ++i) {
        std::copy_n(found.vectors.row(kept[i]), vectors.columns, vectors.row(i));
        kept_values.push_back(values[kept[i]]);
    }
    const Matrix directions = kept.empty() ? Matrix() : product(vectors, found.span);
    static_cast<LowRankMetric&>(metric).set(variance, directions, kept_values);
}

// Trajectories are as long as the longest scale, and steps as short as the shortest.
bool LowRankEstimator::pays(const Spectrum& found) {
    if (found.values.empty()) return false;
    const auto [least, most] = std::minmax_element(found.values.begin(), found.values.end());
    return std::max(1.0, *most) > kPays * std::min(1.0, *least);
}

bool LowRankEstimator::update(Metric& metric, Correction correction) {
    std::vector<double> variance;
    if (!scales(variance)) return false;
    const Spectrum found = correction == Correction::none ? Spectrum{} : spectrum(variance);
    if (correction == Correction::if_it_pays && !pays(found)) return false;
    set(metric, variance, found);
    return true;
}

void LowRankEstimator::save(Saver& archive) {
    diagonal_.save(archive);
    archive(positions_);
    archive(gradients_);
}

void LowRankEstimator::load(Loader& archive) {
    diagonal_.load(archive);
    archive(positions_);
    archive(gradients_);
}

std::unique_ptr<Metric> make_metric(const Config& config, const std::vector<double>& variance,
                                    const Blocks& blocks) {
    switch (config.metric) {
        case MetricKind::dense: return std::make_unique<BlockMetric>(variance, blocks);
        case MetricKind::low_rank:
        case MetricKind::automatic: return std::make_unique<LowRankMetric>(variance);
        default: return std::make_unique<DiagonalMetric>(variance);
    }
}

std::unique_ptr<Estimator> make_estimator(const Config& config, std::size_t dim,
                                          const Blocks& blocks) {
    switch (config.metric) {
        case MetricKind::dense: return std::make_unique<BlockEstimator>(config, dim, blocks);
        case MetricKind::low_rank:
        case MetricKind::automatic: return std::make_unique<LowRankEstimator>(config, dim);
        default: return std::make_unique<DiagonalEstimator>(config, dim);
    }
}

}  // namespace pyro_native
