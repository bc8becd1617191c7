#include "metric.hpp"

#include <cmath>

#include "vector.hpp"

namespace pyro_native {

void DiagonalMetric::set(const std::vector<double>& variance) {
    variance_ = variance;
    momentum_scale_.resize(variance.size());
    for (std::size_t i = 0; i < variance.size(); ++i) {
        momentum_scale_[i] = 1.0 / std::sqrt(variance[i]);
    }
}

void DiagonalMetric::apply(const double* x, double* out) const {
    multiply(x, variance_.data(), out, variance_.size());
}

void DiagonalMetric::draw_momentum(Random& random, double* out) const {
    random.normals(out, variance_.size());
    multiply(out, momentum_scale_.data(), out, variance_.size());
}

void DiagonalMetric::load(Loader& archive) {
    std::vector<double> variance(variance_.size());
    archive(variance);
    set(variance);
}

void DiagonalMetric::diagonal(double* out) const {
    std::copy(variance_.begin(), variance_.end(), out);
}

BlockMetric::BlockMetric(const std::vector<double>& variance, const Blocks& blocks)
    : rest_(variance) {
    std::size_t largest = 0;
    for (const auto& coordinates : blocks) {
        Block block{coordinates, Matrix(coordinates.size(), coordinates.size()), {}};
        block.factor = block.covariance;
        for (std::size_t i = 0; i < coordinates.size(); ++i) {
            block.covariance(i, i) = variance[coordinates[i]];
            block.factor(i, i) = std::sqrt(variance[coordinates[i]]);
        }
        largest = std::max(largest, coordinates.size());
        blocks_.push_back(std::move(block));
    }
    gathered_.resize(largest);
    product_.resize(largest);
}

bool BlockMetric::set(const std::vector<double>& variance,
                      const std::vector<Matrix>& covariances) {
    std::vector<Matrix> factors = covariances;
    for (Matrix& factor : factors) {
        if (!cholesky(factor)) return false;
    }
    rest_.set(variance);
    for (std::size_t k = 0; k < blocks_.size(); ++k) {
        blocks_[k].covariance = covariances[k];
        blocks_[k].factor = std::move(factors[k]);
    }
    return true;
}

void BlockMetric::apply(const double* x, double* out) const {
    rest_.apply(x, out);
    for (const Block& block : blocks_) {
        const std::size_t n = block.coordinates.size();
        for (std::size_t i = 0; i < n; ++i) gathered_[i] = x[block.coordinates[i]];
        matrix_vector(block.covariance.view(), gathered_.data(), product_.data());
        for (std::size_t i = 0; i < n; ++i) out[block.coordinates[i]] = product_[i];
    }
}

void BlockMetric::draw_momentum(Random& random, double* out) const {
    rest_.draw_momentum(random, out);
    for (const Block& block : blocks_) {
        const std::size_t n = block.coordinates.size();
        random.normals(gathered_.data(), n);
        solve_transposed(block.factor.data.data(), gathered_.data(), n);
        for (std::size_t i = 0; i < n; ++i) out[block.coordinates[i]] = gathered_[i];
    }
}

void BlockMetric::save(Saver& archive) {
    rest_.save(archive);
    for (Block& block : blocks_) {
        archive(block.covariance.data);
        archive(block.factor.data);
    }
}

void BlockMetric::load(Loader& archive) {
    rest_.load(archive);
    for (Block& block : blocks_) {
        archive(block.covariance.data);
        archive(block.factor.data);
    }
}

void BlockMetric::diagonal(double* out) const {
    rest_.diagonal(out);
    for (const Block& block : blocks_) {
        for (std::size_t i = 0; i < block.coordinates.size(); ++i) {
            out[block.coordinates[i]] = block.covariance(i, i);
        }
    }
}

void LowRankMetric::set(const std::vector<double>& variance, const Matrix& vectors,
                        const std::vector<double>& values) {
    variance_ = variance;
    vectors_ = vectors;
    values_ = values;
    prepare();
}

void LowRankMetric::prepare() {
    const std::size_t n = variance_.size(), rank = values_.size();
    scale_.resize(n);
    momentum_scale_.resize(n);
    for (std::size_t i = 0; i < n; ++i) {
        scale_[i] = std::sqrt(variance_[i]);
        momentum_scale_[i] = 1.0 / scale_[i];
    }
    forward_.resize(rank);
    backward_.resize(rank);
    for (std::size_t k = 0; k < rank; ++k) {
        forward_[k] = values_[k] - 1.0;
        backward_[k] = 1.0 / std::sqrt(values_[k]) - 1.0;
    }
    weights_.resize(rank);
    scaled_.assign(rank * padded(n), 0.0);
    for (std::size_t k = 0; k < rank; ++k) {
        multiply(vectors_.row(k), scale_.data(), scaled_.data() + k * padded(n), n);
    }
}

void LowRankMetric::correct(const Rows& vectors, const double* x,
                            const std::vector<double>& factors, double* out) const {
    matrix_vector(vectors, x, weights_.data());
    multiply(weights_.data(), factors.data(), weights_.data(), factors.size());
    add_transposed(vectors, weights_.data(), out);
}

void LowRankMetric::apply(const double* x, double* out) const {
    const std::size_t n = variance_.size();
    multiply(x, variance_.data(), out, n);
    if (values_.empty()) return;
    correct({scaled_.data(), values_.size(), n, padded(n)}, x, forward_, out);
}

// M = D^-1 (I + U (1/L - I) U^T) D^-1, whose root is D^-1 (I + U (L^-1/2 - I) U^T).
void LowRankMetric::draw_momentum(Random& random, double* out) const {
    random.normals(out, scale_.size());
    if (!values_.empty()) correct(vectors_.view(), out, backward_, out);
    multiply(out, momentum_scale_.data(), out, scale_.size());
}

void LowRankMetric::save(Saver& archive) {
    archive(variance_);
    archive(values_);
    archive(vectors_.data);
}

void LowRankMetric::load(Loader& archive) {
    archive(variance_);
    archive(values_);
    archive(vectors_.data);
    vectors_.rows = values_.size();
    vectors_.columns = variance_.size();
    prepare();
}

void LowRankMetric::diagonal(double* out) const {
    for (std::size_t i = 0; i < variance_.size(); ++i) {
        double sum = 1.0;
        for (std::size_t k = 0; k < values_.size(); ++k) {
            sum += forward_[k] * vectors_(k, i) * vectors_(k, i);
        }
        out[i] = variance_[i] * sum;
    }
}

}  // namespace pyro_native
