#include "linear_algebra.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "vector.hpp"

namespace pyro_native {
namespace {

// Householder reduction of `a` to tridiagonal form, with the product of the reflections in `a`.
// `diagonal` and `below` become T; Golub and Van Loan, section 8.3.1.
void tridiagonalise(Matrix& a, std::vector<double>& diagonal, std::vector<double>& below) {
    const std::size_t n = a.rows;
    Matrix basis(n, n);
    for (std::size_t i = 0; i < n; ++i) basis(i, i) = 1.0;
    std::vector<double> v(n), w(n);
    for (std::size_t k = 0; k + 2 < n; ++k) {
        const std::size_t m = n - k - 1;
        double* reflector = v.data() + k + 1;
        for (std::size_t i = 0; i < m; ++i) reflector[i] = a(k + 1 + i, k);
        const double length = std::sqrt(dot(reflector, reflector, m));
        if (length == 0.0) continue;
        const double alpha = reflector[0] > 0 ? -length : length;
        reflector[0] -= alpha;
        const double scale = 2.0 / dot(reflector, reflector, m);
        if (!std::isfinite(scale)) continue;
        for (std::size_t i = 0; i < m; ++i) {
            w[k + 1 + i] = scale * dot(a.row(k + 1 + i) + k + 1, reflector, m);
        }
        const double shift = -0.5 * scale * dot(w.data() + k + 1, reflector, m);
        axpy(shift, reflector, w.data() + k + 1, m);
        for (std::size_t i = 0; i < m; ++i) {
            axpy(-reflector[i], w.data() + k + 1, a.row(k + 1 + i) + k + 1, m);
            axpy(-w[k + 1 + i], reflector, a.row(k + 1 + i) + k + 1, m);
        }
        a(k + 1, k) = alpha;
        for (std::size_t i = 1; i < m; ++i) a(k + 1 + i, k) = 0.0;
        for (std::size_t row = 0; row < n; ++row) {
            double* target = basis.row(row) + k + 1;
            axpy(-scale * dot(target, reflector, m), reflector, target, m);
        }
    }
    for (std::size_t i = 0; i < n; ++i) diagonal[i] = a(i, i);
    for (std::size_t i = 0; i + 1 < n; ++i) below[i] = a(i + 1, i);
    below[n - 1] = 0.0;
    a = std::move(basis);
}

// One implicit QL sweep with Wilkinson's shift over the unreduced block [from, to]; rotates the
// rows of `vectors` along.
void ql_sweep(std::vector<double>& d, std::vector<double>& e, Matrix& vectors, std::size_t from,
              std::size_t to) {
    double g = (d[from + 1] - d[from]) / (2.0 * e[from]);
    double r = std::hypot(g, 1.0);
    g = d[to] - d[from] + e[from] / (g + std::copysign(r, g));
    double s = 1.0, c = 1.0, p = 0.0;
    for (std::size_t i = to; i-- > from;) {
        double f = s * e[i];
        const double b = c * e[i];
        r = std::hypot(f, g);
        e[i + 1] = r;
        if (r == 0.0) {  // the block falls apart
            d[i + 1] -= p;
            e[to] = 0.0;
            return;
        }
        s = f / r;
        c = g / r;
        g = d[i + 1] - p;
        r = (d[i] - g) * s + 2.0 * c * b;
        p = s * r;
        d[i + 1] = g + p;
        g = c * r - b;
        double *upper = vectors.row(i), *lower = vectors.row(i + 1);
        for (std::size_t k = 0; k < vectors.columns; ++k) {
            f = lower[k];
            lower[k] = s * upper[k] + c * f;
            upper[k] = c * upper[k] - s * f;
        }
    }
    d[from] -= p;
    e[from] = g;
    e[to] = 0.0;
}

bool ql(std::vector<double>& d, std::vector<double>& e, Matrix& vectors) {
    constexpr int kSweeps = 60;
    const double epsilon = std::numeric_limits<double>::epsilon();
    const std::size_t n = d.size();
    for (std::size_t from = 0; from < n; ++from) {
        for (int sweep = 0;; ++sweep) {
            std::size_t to = from;
            while (to + 1 < n &&
                   std::abs(e[to]) > epsilon * (std::abs(d[to]) + std::abs(d[to + 1]))) {
                ++to;
            }
            if (to == from) break;
            if (sweep == kSweeps) return false;
            ql_sweep(d, e, vectors, from, to);
        }
    }
    return true;
}

// V^T diag(f) V for eigenvectors V by rows.
Matrix recompose(const Matrix& vectors, const std::vector<double>& values) {
    Matrix scaled = vectors;
    for (std::size_t i = 0; i < scaled.rows; ++i) {
        for (std::size_t j = 0; j < scaled.columns; ++j) scaled(i, j) *= values[i];
    }
    return product(transposed(vectors), scaled);
}

}  // namespace

Matrix transposed(const Matrix& a) {
    Matrix result(a.columns, a.rows);
    for (std::size_t i = 0; i < a.rows; ++i) {
        for (std::size_t j = 0; j < a.columns; ++j) result(j, i) = a(i, j);
    }
    return result;
}

Matrix product(const Matrix& a, const Matrix& b) {
    Matrix result(a.rows, b.columns);
    for (std::size_t i = 0; i < a.rows; ++i) {
        add_transposed(b.view(), a.row(i), result.row(i));
    }
    return result;
}

Matrix outer_product(const Matrix& a, const Matrix& b) {
    Matrix result(a.rows, b.rows);
    for (std::size_t i = 0; i < a.rows; ++i) {
        matrix_vector(b.view(), a.row(i), result.row(i));
    }
    return result;
}

bool cholesky(Matrix& a) {
    const std::size_t n = a.rows;
    for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t j = 0; j <= i; ++j) {
            const double rest = a(i, j) - dot(a.row(i), a.row(j), j);
            if (i == j) {
                if (!(rest > 0.0) || !std::isfinite(rest)) return false;
                a(i, i) = std::sqrt(rest);
            } else {
                a(i, j) = rest / a(j, j);
            }
        }
        for (std::size_t j = i + 1; j < n; ++j) a(i, j) = 0.0;
    }
    return true;
}

void solve_transposed(const double* lower, double* x, std::size_t n) {
    for (std::size_t i = n; i-- > 0;) {
        x[i] /= lower[i * n + i];
        axpy(-x[i], lower + i * n, x, i);
    }
}

bool eigen_symmetric(const Matrix& a, std::vector<double>& values, Matrix& vectors) {
    const std::size_t n = a.rows;
    values.assign(n, 0.0);
    vectors = a;
    if (n == 0) return true;
    if (!std::all_of(a.data.begin(), a.data.end(), [](double x) { return std::isfinite(x); })) {
        return false;
    }
    std::vector<double> below(n);
    tridiagonalise(vectors, values, below);
    vectors = transposed(vectors);
    return ql(values, below, vectors);
}

bool geometric_mean(const Matrix& c, const Matrix& g, Matrix& mean) {
    const auto positive = [](const std::vector<double>& values) {
        return std::all_of(values.begin(), values.end(), [](double x) { return x > 0.0; });
    };
    const auto powers = [](std::vector<double> values, double exponent) {
        for (double& value : values) value = std::pow(value, exponent);
        return values;
    };
    std::vector<double> values;
    Matrix vectors;
    if (!eigen_symmetric(g, values, vectors) || !positive(values)) return false;
    const Matrix root = recompose(vectors, powers(values, 0.5));
    const Matrix inverse_root = recompose(vectors, powers(values, -0.5));
    Matrix inner = product(product(root, c), root);
    if (!eigen_symmetric(inner, values, vectors) || !positive(values)) return false;
    inner = recompose(vectors, powers(values, 0.5));
    mean = product(product(inverse_root, inner), inverse_root);
    for (std::size_t i = 0; i < mean.rows; ++i) {
        for (std::size_t j = 0; j < i; ++j) {
            mean(i, j) = mean(j, i) = 0.5 * (mean(i, j) + mean(j, i));
        }
    }
    return true;
}

Matrix orthonormal_rows(const Matrix& a, double tolerance) {
    Matrix basis(std::min(a.rows, a.columns), a.columns);
    std::size_t rank = 0;
    std::vector<double> candidate(a.columns), along(basis.rows);
    for (std::size_t i = 0; i < a.rows && rank < basis.rows; ++i) {
        std::copy_n(a.row(i), a.columns, candidate.begin());
        const double length = std::sqrt(dot(a.row(i), a.row(i), a.columns));
        for (int pass = 0; pass < 2; ++pass) {  // twice is enough (Kahan; Parlett 1980)
            const Rows found{basis.data.data(), rank, a.columns, a.columns};
            matrix_vector(found, candidate.data(), along.data());
            for (std::size_t j = 0; j < rank; ++j) along[j] = -along[j];
            add_transposed(found, along.data(), candidate.data());
        }
        const double left = std::sqrt(dot(candidate.data(), candidate.data(), a.columns));
        if (!(left > tolerance * length)) continue;
        for (std::size_t j = 0; j < a.columns; ++j) basis(rank, j) = candidate[j] / left;
        ++rank;
    }
    basis.data.resize(rank * a.columns);
    basis.rows = rank;
    return basis;
}

}  // namespace pyro_native
