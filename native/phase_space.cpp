#include "phase_space.hpp"

#include <algorithm>

namespace pyro_native {

Status evaluate(Dynamics& dynamics, const Metric& metric, Point& point) {
    if (dynamics.interrupt.load(std::memory_order_relaxed)) return Status::interrupted;
    dynamics.code = dynamics.density(point.position, &point.log_density, point.gradient);
    if (dynamics.code != 0) {
        std::copy_n(point.position, dynamics.density.dim(), dynamics.failed);
        return Status::fatal;
    }
    metric.apply(point.gradient, point.push);
    return Status::ok;
}

void refresh(Dynamics& dynamics, const Metric& metric, Point& point) {
    const std::size_t dim = dynamics.density.dim();
    metric.draw_momentum(dynamics.random, point.momentum);
    metric.apply(point.momentum, point.velocity);
    metric.apply(point.gradient, point.push);
    point.energy = 0.5 * dot(point.momentum, point.velocity, dim) - point.log_density;
}

Status leapfrog(Dynamics& dynamics, const Metric& metric, const Point& a, Point& b, double step) {
    const std::size_t dim = dynamics.density.dim();
    kick_and_drift(a, b, step, dim);
    const Status status = evaluate(dynamics, metric, b);
    if (status != Status::ok) return status;
    b.energy = 0.5 * kick(b, step, dim) - b.log_density;
    if (std::isnan(b.energy)) b.energy = std::numeric_limits<double>::infinity();
    return Status::ok;
}

Status search_step_size(Dynamics& dynamics, const Metric& metric, Pool& pool, int at,
                        double* step_size) {
    constexpr int kTries = 100;
    const double threshold = std::log(0.8);
    const int next = pool.take();
    double step = *step_size, factor = 0.0;
    Status status = Status::ok;
    for (int i = 0; i < kTries && dynamics.density.dim() > 0; ++i) {
        refresh(dynamics, metric, pool[at]);
        status = leapfrog(dynamics, metric, pool[at], pool[next], step);
        if (status != Status::ok) break;
        const bool accepted = pool[at].energy - pool[next].energy > threshold;
        const double wanted = accepted ? 2.0 : 0.5;
        if (factor == 0.0) factor = wanted;
        if (wanted != factor || step > 1e8 || step < 1e-300) break;
        step *= factor;
    }
    pool.release(next);
    if (status == Status::ok) *step_size = step;
    return status;
}

}  // namespace pyro_native
