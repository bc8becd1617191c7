// Estimates of the metric from the draws of warm-up and the gradients there.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "archive.hpp"
#include "config.hpp"
#include "metric.hpp"

namespace pyro_native {

// Mean and sum of squared deviations (Welford 1962).
struct Moments {
    std::vector<double> mean, squares;

    explicit Moments(std::size_t dim = 0) : mean(dim), squares(dim) {}
    void add(const double* x, double count);
    void reset();
    template <class Archive>
    void archive(Archive& a) {
        a(mean);
        a(squares);
    }
};

// The same with all products, for some coordinates.
struct CrossMoments {
    std::vector<double> mean;
    Matrix squares;

    explicit CrossMoments(std::size_t dim = 0) : mean(dim), squares(dim, dim) {}
    void add(const double* x, double count);
    void reset();
    template <class Archive>
    void archive(Archive& a) {
        a(mean);
        a(squares.data);
    }
};

// Of a diagonal, by an estimator that can: never, if trajectories become much shorter by it (and
// otherwise the metric is not changed), or in any case.
enum class Correction { none, if_it_pays, any };

class Estimator {
  public:
    virtual ~Estimator() = default;
    virtual void add(const double* position, const double* gradient) = 0;
    virtual void reset() = 0;
    virtual std::int64_t count() const = 0;
    // False, and nothing changed, if the draws do not determine a metric.
    virtual bool update(Metric& metric, Correction correction) = 0;
    virtual void save(Saver& archive) = 0;
    virtual void load(Loader& archive) = 0;
};

// With the rule `stan`: variances, shrunk towards 10^-3 (Stan reference manual, 15.2).
// With the rule `fisher`: sqrt(Var x_i / Var g_i), which minimises the Fisher divergence.
class DiagonalEstimator final : public Estimator {
  public:
    DiagonalEstimator(const Config& config, std::size_t dim);
    void add(const double* position, const double* gradient) override;
    void reset() override;
    std::int64_t count() const override { return count_; }
    bool update(Metric& metric, Correction correction) override;
    void save(Saver& archive) override { fields(archive); }
    void load(Loader& archive) override { fields(archive); }

    std::vector<double> variance() const;
    const std::vector<double>& mean_position() const { return positions_.mean; }
    const std::vector<double>& mean_gradient() const { return gradients_.mean; }

  private:
    template <class Archive>
    void fields(Archive& a) {
        a(count_);
        a(positions_);
        a(gradients_);
    }
    Rule rule_;
    std::int64_t count_ = 0;
    Moments positions_, gradients_;
};

// Covariances of blocks: of the draws, or their geometric mean with the inverse covariance of the
// gradients.
class BlockEstimator final : public Estimator {
  public:
    BlockEstimator(const Config& config, std::size_t dim, const Blocks& blocks);
    void add(const double* position, const double* gradient) override;
    void reset() override;
    std::int64_t count() const override { return diagonal_.count(); }
    bool update(Metric& metric, Correction correction) override;
    void save(Saver& archive) override { fields(archive); }
    void load(Loader& archive) override { fields(archive); }

  private:
    struct Block {
        std::vector<std::size_t> coordinates;
        CrossMoments positions, gradients;
    };
    template <class Archive>
    void fields(Archive& a) {
        diagonal_fields(a);
        for (Block& block : blocks_) {
            a(block.positions);
            a(block.gradients);
        }
    }
    void diagonal_fields(Saver& a) { diagonal_.save(a); }
    void diagonal_fields(Loader& a) { diagonal_.load(a); }
    bool covariance(const Block& block, const std::vector<double>& variance, Matrix& out) const;

    Config config_;
    DiagonalEstimator diagonal_;
    std::vector<Block> blocks_;
    std::vector<double> gathered_;
};

// Diagonal, corrected along the few directions in which draws and gradients contradict it.
class LowRankEstimator final : public Estimator {
  public:
    LowRankEstimator(const Config& config, std::size_t dim);
    void add(const double* position, const double* gradient) override;
    void reset() override;
    std::int64_t count() const override { return diagonal_.count(); }
    bool update(Metric& metric, Correction correction) override;
    void save(Saver& archive) override;
    void load(Loader& archive) override;

  private:
    struct Spectrum {
        std::vector<double> values;
        Matrix vectors;  // by rows, in the coordinates of `span`
        Matrix span;     // orthonormal rows
    };
    bool scales(std::vector<double>& variance) const;
    Spectrum spectrum(const std::vector<double>& variance) const;
    void set(Metric& metric, const std::vector<double>& variance, const Spectrum& found) const;
    static bool pays(const Spectrum& found);
    Matrix standardised(const std::vector<double>& rows, const std::vector<double>& mean,
                        const std::vector<double>& scale) const;
    Matrix basis(const Matrix& positions, const Matrix& gradients) const;

    Config config_;
    DiagonalEstimator diagonal_;
    std::vector<double> positions_, gradients_;  // [count, dim]
};

std::unique_ptr<Metric> make_metric(const Config& config, const std::vector<double>& variance,
                                    const Blocks& blocks);
std::unique_ptr<Estimator> make_estimator(const Config& config, std::size_t dim,
                                          const Blocks& blocks);

}  // namespace pyro_native
