#include "trees.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>

namespace pyro_native {
namespace {

constexpr double kInfinite = std::numeric_limits<double>::infinity();
constexpr double kLogHalf = -0.6931471805599453;
constexpr double kMostGrowth = 1000.0;  // of the energy; beyond it a trajectory has diverged

double log_add(double a, double b) {
    const double most = std::max(a, b);
    return std::isfinite(most) ? most + std::log1p(std::exp(std::min(a, b) - most)) : a + b;
}

struct Layout {
    // Slots of the vectors, rows of the numbers, and kinds of uniform numbers.
    enum Slot { kPosition, kGradient, kMomentum, kSum, kTail, kTailMomentum = 6, kInner, kTotal,
                kCandidate, kProposal = 11 };
    enum Number { kDensity, kEnergy, kSubDensity, kSubEnergy, kWeight, kSubWeight, kStep, kEnergy0,
                  kAccept, kSlice, kSize, kDepth, kLeaf, kSteps, kDiverged, kNumbers };
    enum Uniform { kLeafUniform, kTreeUniform, kDirection, kSliceUniform };
};

// The tree of one chain.
template <class Real>
class Tree : Layout {
  public:
    Tree(const Trees& trees, std::int64_t chain)
        : t_(trees), chain_(chain), n_(static_cast<std::size_t>(trees.dim)) {}

    void begin(const double* momentum, const double* log_uniforms, double step) const {
        copy(kProposal, kPosition, 2);
        Real* p = slot(kMomentum);
        for (std::size_t i = 0; i < n_; ++i) p[i] = static_cast<Real>(momentum[i]);
        std::fill_n(slot(kSum), n_, Real{0});
        copy(kPosition, kTail, 3);
        copy(kMomentum, kInner, 1);
        copy(kMomentum, kTotal, 1);
        const double energy = kinetic() - number(kDensity);
        for (int k = kSubDensity; k < kNumbers; ++k) number(k) = 0.0;
        number(kEnergy) = number(kEnergy0) = energy;
        number(kSubWeight) = -kInfinite;
        number(kStep) = uniform(log_uniforms, kDirection) < kLogHalf ? -step : step;
        number(kSlice) = uniform(log_uniforms, kSliceUniform);
        number(kSize) = 1.0;
    }

    // A leapfrog step; what the density answers, which is its value at the new place.
    std::int32_t leap(Density& density, const double* scale, double* value) const {
        Real *x = slot(kPosition), *p = slot(kMomentum), *g = slot(kGradient);
        const double step = number(kStep);
        for (std::size_t i = 0; i < n_; ++i) {
            const double pace = step * scale[i];
            p[i] += 0.5 * pace * g[i];
            x[i] += pace * p[i];
        }
        const std::int32_t code = density(x, value, g);
        for (std::size_t i = 0; i < n_; ++i) p[i] += 0.5 * (step * scale[i]) * g[i];
        return code;
    }

    // Adds the leaf; whether the trajectory ends.
    bool grow(double value, const double* log_uniforms, bool slices) const {
        bool ended = !add_leaf(value, uniform(log_uniforms, kLeafUniform), slices);
        number(kDiverged) = ended ? 1.0 : 0.0;
        ended = part_turns() || ended;
        number(kLeaf) += 1.0;
        number(kSteps) += 1.0;
        if (ended || number(kLeaf) != number(kSize)) return ended;
        return join(log_uniforms);
    }

    void tell(const EndedTrees& out, std::int64_t row) const {
        out.rows[row] = chain_;
        std::copy_n(slot(kProposal), n_, static_cast<Real*>(out.position) + row * t_.dim);
        std::copy_n(slot(kProposal + 1), n_, static_cast<Real*>(out.gradient) + row * t_.dim);
        std::copy_n(slot(kPosition), n_, static_cast<Real*>(out.last) + row * t_.dim);
        // The depth counts the subtree that was begun, as long as it has any leaf.
        const double depth = number(kDepth) + (number(kLeaf) > 0 ? 1.0 : 0.0);
        double* column = out.statistics + row;
        for (const double told :
             {number(kDensity), number(kEnergy), number(kAccept) / number(kSteps),
              std::abs(number(kStep)), depth, number(kSteps), number(kDiverged)}) {
            *column = told;
            column += out.count;
        }
    }

  private:
    Real* at(void* array, std::int64_t k) const {
        return static_cast<Real*>(array) + (k * t_.chains + chain_) * t_.dim;
    }
    Real* slot(std::int64_t k) const { return at(t_.vectors, k); }
    double& number(std::int64_t k) const { return t_.numbers[k * t_.chains + chain_]; }
    Real* first(std::int64_t k) const { return at(t_.firsts, k); }
    Real* first_sum(std::int64_t k) const { return at(t_.firsts, t_.depth + k); }
    double uniform(const double* log_uniforms, int kind) const {
        return log_uniforms[kind * t_.chains + chain_];
    }
    void copy(std::int64_t from, std::int64_t to, int slots) const {
        for (int k = 0; k < slots; ++k) std::copy_n(slot(from + k), n_, slot(to + k));
    }
    double kinetic() const {
        const Real* p = slot(kMomentum);
        double sum = 0.0;
        for (std::size_t i = 0; i < n_; ++i) sum += static_cast<double>(p[i]) * p[i];
        return 0.5 * sum;
    }

    // False if the trajectory diverges.
    bool add_leaf(double value, double log_uniform, bool slices) const {
        const double energy = kinetic() - value;
        double growth = energy - number(kEnergy0);
        if (!std::isfinite(growth)) growth = kInfinite;
        double log_weight = -growth;
        number(kAccept) += std::min(1.0, std::exp(log_weight));
        if (slices) log_weight = log_weight >= number(kSlice) ? 0.0 : -kInfinite;
        number(kSubWeight) = log_add(number(kSubWeight), log_weight);
        if (log_uniform < log_weight - number(kSubWeight)) {
            copy(kPosition, kCandidate, 2);
            number(kSubDensity) = value;
            number(kSubEnergy) = energy;
        }
        return growth <= kMostGrowth;
    }

    // Remembers the leaf; whether a part of the subtree that it completes turns. With a leaf whose
    // number ends with t ones, parts of 2, 4, ..., 2^t leaves are complete.
    bool part_turns() const {
        const auto leaf = static_cast<std::uint64_t>(number(kLeaf));
        const int ones = std::popcount(leaf), complete = std::countr_one(leaf);
        const Real* momentum = slot(kMomentum);
        Real* sum = slot(kSum);
        std::copy_n(momentum, n_, first(ones));
        std::copy_n(sum, n_, first_sum(ones));
        std::copy_n(momentum, n_, at(t_.ends, complete));
        for (std::size_t i = 0; i < n_; ++i) sum[i] += momentum[i];
        for (int level = 0; level < complete; ++level) {
            const int right = ones - level, left = right - 1;
            const Real *middle = first_sum(right), *before = first_sum(left);
            const Turning turning{first(left), at(t_.ends, level), first(right), momentum};
            const auto halves = [&](std::size_t i) {
                return std::pair{middle[i] - before[i], sum[i] - middle[i]};
            };
            if (turning.turns(n_, halves)) return true;
        }
        return false;
    }

    // Joins the complete subtree with the trajectory; whether it is to stop.
    bool join(const double* log_uniforms) const {
        const Real *total = slot(kTotal), *sum = slot(kSum);
        const Turning turning{slot(kTailMomentum), slot(kInner), first(0), slot(kMomentum)};
        const bool turned =
            turning.turns(n_, [&](std::size_t i) { return std::pair{total[i], sum[i]}; });
        if (uniform(log_uniforms, kTreeUniform) < number(kSubWeight) - number(kWeight)) {
            copy(kCandidate, kProposal, 2);
            number(kDensity) = number(kSubDensity);
            number(kEnergy) = number(kSubEnergy);
        }
        number(kWeight) = log_add(number(kWeight), number(kSubWeight));
        number(kSubWeight) = -kInfinite;
        number(kSize) *= 2.0;
        number(kDepth) += 1.0;
        number(kLeaf) = 0.0;
        if (uniform(log_uniforms, kDirection) < kLogHalf) {
            number(kStep) = -number(kStep);
            for (int k = 0; k < 3; ++k) {
                std::swap_ranges(slot(kPosition + k), slot(kPosition + k) + n_, slot(kTail + k));
            }
        }
        for (std::size_t i = 0; i < n_; ++i) slot(kTotal)[i] += sum[i];
        copy(kMomentum, kInner, 1);
        std::fill_n(slot(kSum), n_, Real{0});
        return turned || number(kDepth) >= static_cast<double>(t_.depth);
    }

    // The criterion of `turned` in pyro/infer/mcmc/kernels/turning.py; the momenta are at the
    // beginning and the end of the left half, and of the right half.
    struct Turning {
        const Real *first, *end, *start, *last;

        template <class Halves>
        bool turns(std::size_t n, const Halves& halves) const {
            double a = 0, b = 0, c = 0, d = 0, e = 0, f = 0;
            for (std::size_t i = 0; i < n; ++i) {
                const auto [left, right] = halves(i);
                const double whole = left + right, over_left = left + start[i],
                             over_right = right + end[i];
                a += whole * first[i];
                b += whole * last[i];
                c += over_left * first[i];
                d += over_left * start[i];
                e += over_right * end[i];
                f += over_right * last[i];
            }
            return !(a > 0 && b > 0 && c > 0 && d > 0 && e > 0 && f > 0);
        }
    };

    const Trees& t_;
    const std::int64_t chain_;
    const std::size_t n_;
};

template <class Real>
void begin(const Trees& trees, const double* momenta, const double* log_uniforms,
           const double* step_sizes) {
    for (std::int64_t chain = 0; chain < trees.chains; ++chain) {
        if (!trees.ended[chain]) continue;
        Tree<Real>(trees, chain).begin(momenta, log_uniforms, step_sizes[chain]);
        momenta += trees.dim;
    }
}

template <class Real>
std::int64_t grow(const Trees& trees, const double* values, const double* log_uniforms,
                  bool slices) {
    std::int64_t count = 0;
    for (std::int64_t chain = 0; chain < trees.chains; ++chain) {
        const bool ended = Tree<Real>(trees, chain).grow(values[chain], log_uniforms, slices);
        trees.ended[chain] = ended ? 1 : 0;
        count += ended ? 1 : 0;
    }
    return count;
}

template <class Real>
void tell(const Trees& trees, const EndedTrees& out) {
    std::int64_t row = 0;
    for (std::int64_t chain = 0; chain < trees.chains; ++chain) {
        if (trees.ended[chain]) Tree<Real>(trees, chain).tell(out, row++);
    }
}

}  // namespace

void begin_trees(const Trees& trees, const double* momenta, const double* log_uniforms,
                 const double* step_sizes) {
    const auto function = trees.single ? begin<float> : begin<double>;
    function(trees, momenta, log_uniforms, step_sizes);
}

std::int64_t grow_trees(const Trees& trees, const double* values, const double* log_uniforms,
                        bool slices) {
    const auto function = trees.single ? grow<float> : grow<double>;
    return function(trees, values, log_uniforms, slices);
}

std::int64_t fly_trees(const Trees& trees, Flight& flight) {
    Density density(*flight.density);
    const std::int64_t stride = flight.scales == 1 ? 0 : trees.dim;
    const double* log_uniforms = flight.log_uniforms;
    std::int64_t count = 0;
    flight.code = 0;
    for (flight.made = 0; count == 0 && flight.made < flight.steps; ++flight.made) {
        for (std::int64_t chain = 0; chain < trees.chains; ++chain) {
            const Tree<double> tree(trees, chain);
            double value = 0.0;
            flight.code = tree.leap(density, flight.scale + chain * stride, &value);
            if (flight.code != 0) return -1;
            const bool ended = tree.grow(value, log_uniforms, flight.slices != 0);
            trees.ended[chain] = ended ? 1 : 0;
            count += ended ? 1 : 0;
        }
        log_uniforms += 4 * trees.chains;
    }
    return count;
}

void tell_ended_trees(const Trees& trees, const EndedTrees& out) {
    const auto function = trees.single ? tell<float> : tell<double>;
    function(trees, out);
}

}  // namespace pyro_native
