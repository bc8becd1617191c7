// Loops over the coordinates. They are all of the arithmetic of a leapfrog step, so they are
// compiled for several instruction sets, and the best that the processor has is taken.
#pragma once

#include <cstddef>

namespace pyro_native {

double dot(const double* a, const double* b, std::size_t n);
void multiply(const double* a, const double* b, double* out, std::size_t n);
void axpy(double scale, const double* x, double* y, std::size_t n);

// [rows, columns] by rows, which begin `stride` apart.
struct Rows {
    const double* data;
    std::size_t rows, columns, stride;
};

// out = A x
void matrix_vector(const Rows& a, const double* x, double* out);
// out += A^T x
void add_transposed(const Rows& a, const double* x, double* out);

// One place on a trajectory. `velocity` is M^-1 momentum, `push` is M^-1 gradient: carrying both
// along takes one product with M^-1 per leapfrog step instead of two.
struct Place {
    double* position;
    double* momentum;
    double* velocity;
    double* gradient;
    double* push;
};

// First half of a leapfrog step: half a kick and a whole drift, from `a` into `b`.
void kick_and_drift(const Place& a, const Place& b, double step, std::size_t n);
// Second half: half a kick with the gradient and push of `b`; returns momentum . velocity.
double kick(const Place& b, double step, std::size_t n);

// One side of two joined trajectories, as `turns` sees it.
struct Side {
    const double* sum;             // of all momenta
    const double* near_momentum;   // at the joint
    const double* near_velocity;
    const double* far_velocity;    // at the other end
};

// Whether two trajectories that meet make a U-turn: as a whole (Betancourt 2017, A.4.2), or each
// of them joined with the nearest place of the other. `sum` receives the sum of all momenta; it may
// be that of one side.
bool turns(const Side& a, const Side& b, double* sum, std::size_t n);
// The same for two single places, where the extra conditions say nothing new.
bool pair_turns(const Place& a, const Place& b, double* sum, std::size_t n);

}  // namespace pyro_native
