// Hamiltonian Monte Carlo with trajectories of a fixed length (Neal 2011).
#pragma once

#include "config.hpp"
#include "phase_space.hpp"

namespace pyro_native {

class Hmc {
  public:
    Hmc(const Config& config, std::size_t dim) : config_(config), dim_(dim) {}

    static std::size_t pool_size() { return 4; }
    std::int64_t steps(double step_size) const;
    Status operator()(Dynamics& dynamics, const Metric& metric, Pool& pool, int* at,
                      double step_size, Transition* transition, double* before_divergence);

  private:
    const Config config_;
    const std::size_t dim_;
};

}  // namespace pyro_native
