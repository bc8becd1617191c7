#include "hmc.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace pyro_native {

std::int64_t Hmc::steps(double step_size) const {
    if (config_.num_steps > 0) return config_.num_steps;
    return static_cast<std::int64_t>(
        std::clamp(config_.trajectory_length / step_size, 1.0,
                   static_cast<double>(config_.max_steps)));
}

Status Hmc::operator()(Dynamics& dynamics, const Metric& metric, Pool& pool, int* at,
                       double step_size, Transition* transition, double* before_divergence) {
    refresh(dynamics, metric, pool[*at]);
    const double start = pool[*at].energy;
    const std::int64_t steps = this->steps(step_size);
    int now = pool.take(), next = pool.take();
    Status status = Status::ok;
    for (std::int64_t i = 0; i < steps; ++i) {
        const int from = i == 0 ? *at : now;
        status = leapfrog(dynamics, metric, pool[from], pool[next], step_size);
        if (status != Status::ok) break;
        ++transition->leapfrogs;
        if (!(pool[next].energy - start <= config_.max_energy_error)) {
            transition->diverging = true;
            std::copy_n(pool[from].position, dim_, before_divergence);
            break;
        }
        std::swap(now, next);
    }
    if (status == Status::ok && !transition->diverging) {
        const double ratio = std::exp(std::min(0.0, start - pool[now].energy));
        transition->accept_statistic = ratio;
        if (dynamics.random.uniform() < ratio) std::swap(*at, now);
    }
    pool.release(now);
    pool.release(next);
    transition->energy = pool[*at].energy;
    transition->log_density = pool[*at].log_density;
    return status;
}

}  // namespace pyro_native
