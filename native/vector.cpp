#include "vector.hpp"

// The clones are chosen by the loader (GNU indirect functions), by what the processor can: an
// `arch=haswell` would be chosen on that model alone.
#if defined(__x86_64__) && defined(__gnu_linux__) && defined(__GLIBC__) && \
    (defined(__GNUC__) && !defined(__clang__)) && !defined(PYRO_NATIVE_ONE_TARGET)
#if __GNUC__ >= 12
#define MANY_TARGETS __attribute__((target_clones("arch=x86-64-v3", "default")))
#else
#define MANY_TARGETS __attribute__((target_clones("avx2", "default")))
#endif
#else
#define MANY_TARGETS
#endif

namespace pyro_native {

MANY_TARGETS double dot(const double* a, const double* b, std::size_t n) {
    double sum = 0.0;
#pragma omp simd reduction(+ : sum)
    for (std::size_t i = 0; i < n; ++i) sum += a[i] * b[i];
    return sum;
}

MANY_TARGETS void multiply(const double* a, const double* b, double* out, std::size_t n) {
#pragma omp simd
    for (std::size_t i = 0; i < n; ++i) out[i] = a[i] * b[i];
}

MANY_TARGETS void axpy(double scale, const double* x, double* y, std::size_t n) {
#pragma omp simd
    for (std::size_t i = 0; i < n; ++i) y[i] += scale * x[i];
}

// Eight rows at a time: their sums do not wait for each other, and `x` is read once.
MANY_TARGETS void matrix_vector(const Rows& m, const double* x, double* out) {
    std::size_t row = 0;
    for (; row + 8 <= m.rows; row += 8) {
        const double *a = m.data + row * m.stride, *b = a + m.stride, *c = b + m.stride,
                     *d = c + m.stride, *e = d + m.stride, *f = e + m.stride, *g = f + m.stride,
                     *h = g + m.stride;
        double at_a = 0, at_b = 0, at_c = 0, at_d = 0, at_e = 0, at_f = 0, at_g = 0, at_h = 0;
#pragma omp simd reduction(+ : at_a, at_b, at_c, at_d, at_e, at_f, at_g, at_h)
        for (std::size_t i = 0; i < m.columns; ++i) {
            at_a += a[i] * x[i];
            at_b += b[i] * x[i];
            at_c += c[i] * x[i];
            at_d += d[i] * x[i];
            at_e += e[i] * x[i];
            at_f += f[i] * x[i];
            at_g += g[i] * x[i];
            at_h += h[i] * x[i];
        }
        for (const double sum : {at_a, at_b, at_c, at_d, at_e, at_f, at_g, at_h}) *out++ = sum;
    }
    for (; row < m.rows; ++row) {
        const double* a = m.data + row * m.stride;
        double sum = 0.0;
#pragma omp simd reduction(+ : sum)
        for (std::size_t i = 0; i < m.columns; ++i) sum += a[i] * x[i];
        *out++ = sum;
    }
}

MANY_TARGETS void add_transposed(const Rows& m, const double* x, double* out) {
    std::size_t row = 0;
    for (; row + 8 <= m.rows; row += 8, x += 8) {
        const double *a = m.data + row * m.stride, *b = a + m.stride, *c = b + m.stride,
                     *d = c + m.stride, *e = d + m.stride, *f = e + m.stride, *g = f + m.stride,
                     *h = g + m.stride;
        const double at_a = x[0], at_b = x[1], at_c = x[2], at_d = x[3], at_e = x[4], at_f = x[5],
                     at_g = x[6], at_h = x[7];
#pragma omp simd
        for (std::size_t i = 0; i < m.columns; ++i) {
            out[i] += ((at_a * a[i] + at_b * b[i]) + (at_c * c[i] + at_d * d[i])) +
                      ((at_e * e[i] + at_f * f[i]) + (at_g * g[i] + at_h * h[i]));
        }
    }
    for (; row < m.rows; ++row) {
        const double* a = m.data + row * m.stride;
        const double scale = *x++;
#pragma omp simd
        for (std::size_t i = 0; i < m.columns; ++i) out[i] += scale * a[i];
    }
}

MANY_TARGETS void kick_and_drift(const Place& a, const Place& b, double step, std::size_t n) {
    const double half = 0.5 * step;
    const double *q = a.position, *p = a.momentum, *v = a.velocity, *g = a.gradient, *u = a.push;
    double *q_new = b.position, *p_new = b.momentum, *v_new = b.velocity;
#pragma omp simd
    for (std::size_t i = 0; i < n; ++i) {
        const double velocity = v[i] + half * u[i];
        p_new[i] = p[i] + half * g[i];
        v_new[i] = velocity;
        q_new[i] = q[i] + step * velocity;
    }
}

MANY_TARGETS double kick(const Place& b, double step, std::size_t n) {
    const double half = 0.5 * step;
    double *p = b.momentum, *v = b.velocity;
    const double *g = b.gradient, *u = b.push;
    double sum = 0.0;
#pragma omp simd reduction(+ : sum)
    for (std::size_t i = 0; i < n; ++i) {
        p[i] += half * g[i];
        v[i] += half * u[i];
        sum += p[i] * v[i];
    }
    return sum;
}

MANY_TARGETS bool turns(const Side& a, const Side& b, double* sum, std::size_t n) {
    double whole_a = 0, whole_b = 0, left_far = 0, left_near = 0, right_near = 0, right_far = 0;
#pragma omp simd reduction(+ : whole_a, whole_b, left_far, left_near, right_near, right_far)
    for (std::size_t i = 0; i < n; ++i) {
        const double whole = a.sum[i] + b.sum[i];
        const double left = a.sum[i] + b.near_momentum[i];
        const double right = b.sum[i] + a.near_momentum[i];
        sum[i] = whole;
        whole_a += whole * a.far_velocity[i];
        whole_b += whole * b.far_velocity[i];
        left_far += left * a.far_velocity[i];
        left_near += left * b.near_velocity[i];
        right_near += right * a.near_velocity[i];
        right_far += right * b.far_velocity[i];
    }
    return !(whole_a > 0 && whole_b > 0 && left_far > 0 && left_near > 0 && right_near > 0 &&
             right_far > 0);
}

MANY_TARGETS bool pair_turns(const Place& a, const Place& b, double* sum, std::size_t n) {
    double at_a = 0, at_b = 0;
#pragma omp simd reduction(+ : at_a, at_b)
    for (std::size_t i = 0; i < n; ++i) {
        const double whole = a.momentum[i] + b.momentum[i];
        sum[i] = whole;
        at_a += whole * a.velocity[i];
        at_b += whole * b.velocity[i];
    }
    return !(at_a > 0 && at_b > 0);
}

}  // namespace pyro_native
