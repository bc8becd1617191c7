// Places in phase space, and the leapfrog step between them.
#pragma once

#include <atomic>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "density.hpp"
#include "memory.hpp"
#include "metric.hpp"
#include "vector.hpp"

namespace pyro_native {

enum class Status : std::int32_t { ok = 0, interrupted = 1, fatal = 2 };

// A place with its log density and Hamiltonian.
struct Point : Place {
    double log_density = 0.0;
    double energy = 0.0;
    int holders = 0;
};

// A fixed number of points, handed out and taken back by index; nothing is allocated after
// construction.
class Pool {
  public:
    Pool(std::size_t size, std::size_t dim)
        : memory_(size * 5 * padded(dim)), points_(size) {
        double* at = memory_.data();
        for (std::size_t i = 0; i < size; ++i) {
            Point& point = points_[i];
            for (double** field : {&point.position, &point.momentum, &point.velocity,
                                   &point.gradient, &point.push}) {
                *field = at;
                at += padded(dim);
            }
            free_.push_back(static_cast<int>(size - 1 - i));
        }
    }
    Point& operator[](int index) { return points_[static_cast<std::size_t>(index)]; }

    int take() {
        const int index = free_.back();
        free_.pop_back();
        (*this)[index].holders = 1;
        return index;
    }
    void hold(int index) { ++(*this)[index].holders; }
    void release(int index) {
        if (--(*this)[index].holders == 0) free_.push_back(index);
    }

  private:
    Lines memory_;
    std::vector<Point> points_;
    std::vector<int> free_;
};

// All that a transition needs of its chain.
struct Dynamics {
    Density& density;
    Random& random;
    const std::atomic<bool>& interrupt;
    double* failed;         // receives the position at which the density failed
    std::int32_t code = 0;  // and what it answered
};

// Writes log density, gradient and push of a point whose position is given.
Status evaluate(Dynamics& dynamics, const Metric& metric, Point& point);
// Draws a momentum; energy, velocity and push follow.
void refresh(Dynamics& dynamics, const Metric& metric, Point& point);
// From `a` to `b` with a step of either sign. A point of log density nan or -inf has infinite
// energy.
Status leapfrog(Dynamics& dynamics, const Metric& metric, const Point& a, Point& b, double step);
// The step size, doubled or halved until the acceptance probability of one step crosses 0.8
// (Hoffman and Gelman 2014, algorithm 4).
Status search_step_size(Dynamics& dynamics, const Metric& metric, Pool& pool, int at,
                        double* step_size);

// What one transition was like.
struct Transition {
    double accept_statistic = 0.0;
    double energy = 0.0;
    double log_density = 0.0;
    double step_size = 0.0;
    std::int64_t leapfrogs = 0;
    std::int64_t depth = 0;
    bool diverging = false;
};

}  // namespace pyro_native
