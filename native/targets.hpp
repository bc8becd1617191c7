// Densities whose moments and tails are known exactly: what the samplers are tested on.
#pragma once

#include "density.hpp"

namespace pyro_native {

// Parameters of a target: the context that its function is given.
struct TargetParameters {
    std::int64_t dim;
    const double* values;
};

// By name; null if there is none of that name.
//   normal        independent, with standard deviations values[i]
//   gaussian      precision matrix `values` [dim, dim]
//   banana        x0 ~ N(0, 1), x1 | x0 ~ N(values[0] * (x0^2 - 1), 1)
//   student       independent Student t with values[0] degrees of freedom
//   funnel        x0 ~ N(0, 3^2), x_i | x0 ~ N(0, exp(x0))  (Neal 2003)
//   schools       eight schools, not centred: mu, log tau, eight standard normals
//   failing       the standard normal, which answers values[0] where x0 > values[1]
//   half          the standard normal where x0 > 0, -inf elsewhere
//   flat          constant
DensityFunction target(const char* name);

}  // namespace pyro_native
