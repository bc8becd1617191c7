// Small dense linear algebra on row-major square matrices; used in warm-up only.
#pragma once

#include <cstddef>
#include <vector>

#include "vector.hpp"

namespace pyro_native {

struct Matrix {
    std::size_t rows = 0;
    std::size_t columns = 0;
    std::vector<double> data;

    Matrix() = default;
    Matrix(std::size_t rows_, std::size_t columns_)
        : rows(rows_), columns(columns_), data(rows_ * columns_, 0.0) {}

    double* row(std::size_t i) { return data.data() + i * columns; }
    const double* row(std::size_t i) const { return data.data() + i * columns; }
    double& operator()(std::size_t i, std::size_t j) { return data[i * columns + j]; }
    double operator()(std::size_t i, std::size_t j) const { return data[i * columns + j]; }
    Rows view() const { return {data.data(), rows, columns, columns}; }
};

Matrix transposed(const Matrix& a);
Matrix product(const Matrix& a, const Matrix& b);
// a b^T
Matrix outer_product(const Matrix& a, const Matrix& b);

// Overwrites the lower triangle of `a` with its Cholesky factor, clears the upper one.
// False, with `a` in pieces, if `a` is not positive definite.
bool cholesky(Matrix& a);
// x := L^-T x for a lower triangular L.
void solve_transposed(const double* lower, double* x, std::size_t n);

// a = V diag(values) V^T with eigenvectors in the rows of `vectors`; false without convergence.
bool eigen_symmetric(const Matrix& a, std::vector<double>& values, Matrix& vectors);

// The positive definite S with S G S = C: the geometric mean of C and G^-1.
// False if either is not positive definite within rounding.
bool geometric_mean(const Matrix& c, const Matrix& g, Matrix& mean);

// An orthonormal basis, by rows, of the span of the rows of `a`; rows that add less than
// `tolerance` of their length are left out.
Matrix orthonormal_rows(const Matrix& a, double tolerance);

}  // namespace pyro_native
