// The metric: M^-1, a stand-in for the covariance of the target (Betancourt 2017, section 4.2).
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "archive.hpp"
#include "config.hpp"
#include "linear_algebra.hpp"
#include "memory.hpp"
#include "random.hpp"

namespace pyro_native {

class Metric {
  public:
    virtual ~Metric() = default;
    // out = M^-1 x
    virtual void apply(const double* x, double* out) const = 0;
    // out ~ Normal(0, M)
    virtual void draw_momentum(Random& random, double* out) const = 0;
    virtual void save(Saver& archive) = 0;
    virtual void load(Loader& archive) = 0;
    // The diagonal of M^-1.
    virtual void diagonal(double* out) const = 0;
};

class DiagonalMetric final : public Metric {
  public:
    explicit DiagonalMetric(const std::vector<double>& variance) { set(variance); }
    void set(const std::vector<double>& variance);
    void apply(const double* x, double* out) const override;
    void draw_momentum(Random& random, double* out) const override;
    void save(Saver& archive) override { archive(variance_); }
    void load(Loader& archive) override;
    void diagonal(double* out) const override;

  private:
    std::vector<double> variance_;
    std::vector<double> momentum_scale_;
};

// Dense blocks of coordinates, and a diagonal for the others.
class BlockMetric final : public Metric {
  public:
    BlockMetric(const std::vector<double>& variance, const Blocks& blocks);
    // False, and nothing changed, if one covariance is not positive definite.
    bool set(const std::vector<double>& variance, const std::vector<Matrix>& covariances);
    void apply(const double* x, double* out) const override;
    void draw_momentum(Random& random, double* out) const override;
    void save(Saver& archive) override;
    void load(Loader& archive) override;
    void diagonal(double* out) const override;

  private:
    struct Block {
        std::vector<std::size_t> coordinates;
        Matrix covariance;
        Matrix factor;  // lower Cholesky factor
    };
    DiagonalMetric rest_;
    std::vector<Block> blocks_;
    mutable std::vector<double> gathered_, product_;
};

// M^-1 = D (I + U (L - I) U^T) D with a diagonal D and few orthonormal columns U, or none: then it
// is a DiagonalMetric, bit for bit
// (Seyboldt, Carlson and Carpenter 2026, arXiv 2603.18845).
class LowRankMetric final : public Metric {
  public:
    explicit LowRankMetric(const std::vector<double>& variance) { set(variance, Matrix(), {}); }
    // Eigenvectors are the rows of `vectors`.
    void set(const std::vector<double>& variance, const Matrix& vectors,
             const std::vector<double>& values);
    void apply(const double* x, double* out) const override;
    void draw_momentum(Random& random, double* out) const override;
    void save(Saver& archive) override;
    void load(Loader& archive) override;
    void diagonal(double* out) const override;

  private:
    // out += V^T diag(factors) V x, where `out` may be x
    void correct(const Rows& vectors, const double* x, const std::vector<double>& factors,
                 double* out) const;
    void prepare();

    std::vector<double> variance_, values_;
    Matrix vectors_;
    std::vector<double> scale_, momentum_scale_, forward_, backward_;
    Lines scaled_;  // U^T D: rows that begin on cache lines
    mutable std::vector<double> weights_;
};

}  // namespace pyro_native
