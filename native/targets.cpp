#include "targets.hpp"

#include <cmath>
#include <cstring>
#include <limits>

#include "vector.hpp"

namespace pyro_native {
namespace {

const TargetParameters& parameters(void* context) {
    return *static_cast<const TargetParameters*>(context);
}

std::int32_t normal(void* context, const double* x, double* value, double* gradient, void*) {
    const TargetParameters& p = parameters(context);
    double sum = 0.0;
    for (std::int64_t i = 0; i < p.dim; ++i) {
        const double precision = 1.0 / (p.values[i] * p.values[i]);
        gradient[i] = -precision * x[i];
        sum += gradient[i] * x[i];
    }
    *value = 0.5 * sum;
    return 0;
}

std::int32_t gaussian(void* context, const double* x, double* value, double* gradient, void*) {
    const TargetParameters& p = parameters(context);
    const auto n = static_cast<std::size_t>(p.dim);
    matrix_vector({p.values, n, n, n}, x, gradient);
    for (std::size_t i = 0; i < n; ++i) gradient[i] = -gradient[i];
    *value = 0.5 * dot(gradient, x, n);
    return 0;
}

std::int32_t banana(void* context, const double* x, double* value, double* gradient, void*) {
    const double bend = parameters(context).values[0];
    const double rest = x[1] - bend * (x[0] * x[0] - 1.0);
    *value = -0.5 * (x[0] * x[0] + rest * rest);
    gradient[0] = -x[0] + 2.0 * bend * x[0] * rest;
    gradient[1] = -rest;
    return 0;
}

std::int32_t student(void* context, const double* x, double* value, double* gradient, void*) {
    const TargetParameters& p = parameters(context);
    const double freedom = p.values[0];
    *value = 0.0;
    for (std::int64_t i = 0; i < p.dim; ++i) {
        *value -= 0.5 * (freedom + 1.0) * std::log1p(x[i] * x[i] / freedom);
        gradient[i] = -(freedom + 1.0) * x[i] / (freedom + x[i] * x[i]);
    }
    return 0;
}

std::int32_t funnel(void* context, const double* x, double* value, double* gradient, void*) {
    const std::int64_t dim = parameters(context).dim;
    const double precision = std::exp(-x[0]), others = static_cast<double>(dim - 1);
    double squares = 0.0;
    for (std::int64_t i = 1; i < dim; ++i) {
        squares += x[i] * x[i];
        gradient[i] = -precision * x[i];
    }
    *value = -x[0] * x[0] / 18.0 - 0.5 * precision * squares - 0.5 * others * x[0];
    gradient[0] = -x[0] / 9.0 + 0.5 * precision * squares - 0.5 * others;
    return 0;
}

// mu ~ N(0, 5), tau ~ HalfCauchy(5), theta_i = mu + tau z_i, y_i ~ N(theta_i, sigma_i).
std::int32_t schools(void*, const double* x, double* value, double* gradient, void*) {
    static constexpr double y[] = {28, 8, -3, 7, -1, 1, 18, 12};
    static constexpr double sigma[] = {15, 10, 16, 11, 9, 11, 10, 18};
    const double mu = x[0], tau = std::exp(x[1]), ratio = tau * tau / 25.0;
    double sum = -mu * mu / 50.0 - std::log1p(ratio) + x[1];
    gradient[0] = -mu / 25.0;
    gradient[1] = 1.0 - 2.0 * ratio / (1.0 + ratio);
    for (int i = 0; i < 8; ++i) {
        const double z = x[2 + i];
        const double rest = (y[i] - mu - tau * z) / sigma[i];
        const double pull = rest / sigma[i];
        sum -= 0.5 * (rest * rest + z * z);
        gradient[0] += pull;
        gradient[1] += pull * tau * z;
        gradient[2 + i] = pull * tau - z;
    }
    *value = sum;
    return 0;
}

std::int32_t standard(const TargetParameters& p, const double* x, double* value,
                      double* gradient) {
    *value = 0.0;
    for (std::int64_t i = 0; i < p.dim; ++i) {
        gradient[i] = -x[i];
        *value -= 0.5 * x[i] * x[i];
    }
    return 0;
}

std::int32_t failing(void* context, const double* x, double* value, double* gradient, void*) {
    const TargetParameters& p = parameters(context);
    if (x[0] > p.values[1]) return static_cast<std::int32_t>(p.values[0]);
    return standard(p, x, value, gradient);
}

std::int32_t half(void* context, const double* x, double* value, double* gradient, void*) {
    standard(parameters(context), x, value, gradient);
    if (!(x[0] > 0.0)) *value = -std::numeric_limits<double>::infinity();
    return 0;
}

std::int32_t flat(void* context, const double*, double* value, double* gradient, void*) {
    for (std::int64_t i = 0; i < parameters(context).dim; ++i) gradient[i] = 0.0;
    *value = 0.0;
    return 0;
}

struct Named {
    const char* name;
    DensityFunction function;
};

constexpr Named kTargets[] = {
    {"normal", normal},   {"gaussian", gaussian}, {"banana", banana},
    {"student", student}, {"funnel", funnel},     {"schools", schools},
    {"failing", failing}, {"half", half},         {"flat", flat},
};

}  // namespace

DensityFunction target(const char* name) {
    for (const Named& known : kTargets) {
        if (std::strcmp(known.name, name) == 0) return known.function;
    }
    return nullptr;
}

}  // namespace pyro_native
