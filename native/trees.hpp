// The trees of many chains that make leapfrog steps together, around a density that is evaluated
// elsewhere, for all chains at once.
#pragma once

#include <cstdint>

#include "density.hpp"

namespace pyro_native {

// The arrays of `NutsState` in pyro/infer/mcmc/kernels/nuts_state.py, which says what is in them.
// The layout is shared with Python (pyro/native/structures.py).
struct Trees {
    void* vectors;        // [13, chains, dim], of Real
    double* numbers;      // [15, chains]
    void* firsts;         // [2, depth, chains, dim], of Real
    void* ends;           // [depth, chains, dim], of Real
    std::uint8_t* ended;  // [chains]
    std::int64_t chains, dim, depth;
    std::int64_t single;  // whether Real is float; else double
};

// Where what is told of transitions is written, of the chains that have ended, in their order.
struct EndedTrees {
    std::int64_t count;
    std::int64_t* rows;  // [count]
    void *position, *gradient, *last;  // [count, dim], of Real
    double* statistics;  // [7, count]
};

// Leapfrog steps with a density that is machine code, for trees of double precision.
struct Flight {
    const DensitySpec* density;
    const double* scale;         // of the diagonal metric: [dim] if `scales` is 1, or [chains, dim]
    std::int64_t scales;
    const double* log_uniforms;  // [steps, 4, chains]
    std::int64_t steps;          // at most
    std::int64_t slices;
    std::int64_t made;  // is written: the steps that were made
    std::int64_t code;  // is written: what the density answered
};

// Trajectories of the chains that have ended begin anew. `momenta` is [ended, dim], `log_uniforms`
// is [4, chains], `step_sizes` is [chains].
void begin_trees(const Trees& trees, const double* momenta, const double* log_uniforms,
                 const double* step_sizes);
// After a leapfrog step of all chains, to places where the log densities are `values`. The number
// of chains whose trajectories have ended.
std::int64_t grow_trees(const Trees& trees, const double* values, const double* log_uniforms,
                        bool slices);
// Steps until a trajectory ends; the number of those that have, or -1 if the density has failed.
std::int64_t fly_trees(const Trees& trees, Flight& flight);
void tell_ended_trees(const Trees& trees, const EndedTrees& out);

}  // namespace pyro_native
