#include "nuts.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace pyro_native {
namespace {

constexpr double kLargeGain = 300.0;  // weights are rescaled before their exponential overflows

}  // namespace

Nuts::Nuts(const Config& config, std::size_t dim)
    : multinomial_(config.multinomial != 0),
      max_depth_(config.max_tree_depth),
      max_error_(config.max_energy_error),
      dim_(dim),
      memory_(static_cast<std::size_t>(config.max_tree_depth + 2) * padded(dim)),
      stack_(static_cast<std::size_t>(config.max_tree_depth + 1)) {
    double* at = memory_.data();
    for (Tree& tree : stack_) {
        tree.momenta = at;
        at += padded(dim);
    }
    whole_.momenta = at;
}

void Nuts::release(Pool& pool, const Tree& tree) {
    pool.release(tree.begin);
    pool.release(tree.end);
    pool.release(tree.proposal);
}

void Nuts::release_stack(Pool& pool) {
    while (used_ > 0) release(pool, stack_[--used_]);
}

Side Nuts::side(Pool& pool, const Tree& tree, bool ends_at_joint) {
    const Point& near = pool[ends_at_joint ? tree.end : tree.begin];
    const Point& far = pool[ends_at_joint ? tree.begin : tree.end];
    return {tree.momenta, near.momentum, near.velocity, far.velocity};
}

// exp(gain) in the present unit, or whether the point is in the slice; counts the acceptance.
double Nuts::weight_of(double energy_gain, Transition* transition) {
    const double ratio = std::exp(std::min(energy_gain, kLargeGain));
    transition->accept_statistic += std::min(1.0, ratio);
    if (!multinomial_) return log_slice_ <= energy_gain ? 1.0 : 0.0;
    if (energy_gain - weight_unit_ > kLargeGain) {
        const double factor = std::exp(weight_unit_ - energy_gain);
        weight_unit_ = energy_gain;
        whole_.weight *= factor;
        for (std::size_t i = 0; i < used_; ++i) stack_[i].weight *= factor;
    }
    return weight_unit_ == 0.0 ? ratio : std::exp(energy_gain - weight_unit_);
}

Status Nuts::add_leaf(Dynamics& dynamics, const Metric& metric, Pool& pool, int from, double step,
                      Growth* growth, Transition* transition, double* before_divergence) {
    const int next = pool.take();
    const Status status = leapfrog(dynamics, metric, pool[from], pool[next], step);
    if (status != Status::ok) {
        pool.release(next);
        return status;
    }
    ++transition->leapfrogs;
    const double gain = start_energy_ - pool[next].energy;
    const double floor = multinomial_ ? -max_error_ : log_slice_ - max_error_;
    if (!(gain >= floor)) {
        std::copy_n(pool[from].position, dim_, before_divergence);
        pool.release(next);
        *growth = Growth::diverged;
        return Status::ok;
    }
    const double weight = weight_of(gain, transition);
    pool.hold(next);
    pool.hold(next);
    Tree& leaf = stack_[used_++];
    leaf = {next, next, next, 1, weight, leaf.momenta};
    return Status::ok;
}

// False if the joined trajectory makes a U-turn.
bool Nuts::merge_last_two(Random& random, Pool& pool) {
    Tree &a = stack_[used_ - 2], &b = stack_[used_ - 1];
    const bool turned =
        a.size == 1 ? pair_turns(pool[a.end], pool[b.begin], a.momenta, dim_)
                    : turns(side(pool, a, true), side(pool, b, false), a.momenta, dim_);
    if (turned) return false;
    const double total = a.weight + b.weight;
    if (random.uniform() * total < b.weight) std::swap(a.proposal, b.proposal);
    pool.release(b.proposal);
    pool.release(a.end);
    pool.release(b.begin);
    a.end = b.end;
    a.size += b.size;
    a.weight = total;
    --used_;
    return true;
}

// Integrates `size` steps from `from`; if they grow into a tree, it is the only one on the stack.
Status Nuts::extend(Dynamics& dynamics, const Metric& metric, Pool& pool, int from, double step,
                    std::int64_t size, Growth* growth, Transition* transition,
                    double* before_divergence) {
    *growth = Growth::grown;
    for (std::int64_t leaf = 0; leaf < size; ++leaf) {
        const int origin = leaf == 0 ? from : stack_[used_ - 1].end;
        const Status status = add_leaf(dynamics, metric, pool, origin, step, growth, transition,
                                       before_divergence);
        if (status != Status::ok || *growth != Growth::grown) return status;
        while (used_ > 1 && stack_[used_ - 1].size == stack_[used_ - 2].size) {
            if (!merge_last_two(dynamics.random, pool)) {
                *growth = Growth::turned;
                return Status::ok;
            }
        }
    }
    return Status::ok;
}

Status Nuts::operator()(Dynamics& dynamics, const Metric& metric, Pool& pool, int* at,
                        double step_size, Transition* transition, double* before_divergence) {
    Random& random = dynamics.random;
    refresh(dynamics, metric, pool[*at]);
    start_energy_ = pool[*at].energy;
    weight_unit_ = 0.0;
    log_slice_ = multinomial_ ? 0.0 : std::log(random.uniform());
    // `begin` and `end` of the whole trajectory are its ends backwards and forwards in time.
    whole_ = {*at, *at, *at, 1, 1.0, whole_.momenta};
    for (int i = 0; i < 3; ++i) pool.hold(*at);  // and once by the chain, which may come back to it

    Status status = Status::ok;
    while (transition->depth < max_depth_) {
        const bool forwards = (random.word() >> 63) != 0;
        Growth growth = Growth::grown;
        status = extend(dynamics, metric, pool, forwards ? whole_.end : whole_.begin,
                        forwards ? step_size : -step_size, whole_.size, &growth, transition,
                        before_divergence);
        ++transition->depth;
        transition->diverging = growth == Growth::diverged;
        if (status != Status::ok || growth != Growth::grown) break;
        Tree& added = stack_[0];
        if (random.uniform() * whole_.weight < added.weight) {
            std::swap(whole_.proposal, added.proposal);
        }
        const bool turned =
            whole_.size == 1
                ? pair_turns(pool[whole_.begin], pool[added.begin], whole_.momenta, dim_)
                : turns(side(pool, whole_, forwards), side(pool, added, false), whole_.momenta,
                        dim_);
        std::swap(forwards ? whole_.end : whole_.begin, added.end);
        whole_.size *= 2;
        whole_.weight += added.weight;
        release_stack(pool);
        if (turned) break;
    }
    release_stack(pool);
    if (status == Status::ok) {
        const int chosen = whole_.proposal;
        pool.hold(chosen);
        pool.release(*at);
        *at = chosen;
        transition->energy = pool[chosen].energy;
        transition->log_density = pool[chosen].log_density;
        transition->accept_statistic /=
            static_cast<double>(std::max<std::int64_t>(1, transition->leapfrogs));
    }
    release(pool, whole_);
    return status;
}

}  // namespace pyro_native
