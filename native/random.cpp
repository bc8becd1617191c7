// Normal numbers by the ziggurat with 256 layers.
// Marsaglia and Tsang, "The ziggurat method for generating random variables", JSS 5(8), 2000;
// the layer and the position in it take separate bits, as Doornik (2005) asks.
#include "random.hpp"

#include <cmath>

namespace pyro_native {
namespace {

constexpr int kLayers = 256;
constexpr double kTail = 3.6541528853610088;     // where the base layer ends
constexpr double kArea = 0.00492867323399720546;  // of each layer, for exp(-x^2/2)

struct Ziggurat {
    double edge[kLayers + 1];    // right edges, from the base layer upwards
    double height[kLayers + 1];  // exp(-edge^2 / 2)

    Ziggurat() {
        const auto density = [](double x) { return std::exp(-0.5 * x * x); };
        edge[0] = kArea / density(kTail);
        edge[1] = kTail;
        for (int i = 2; i < kLayers; ++i) {
            edge[i] = std::sqrt(-2.0 * std::log(kArea / edge[i - 1] + density(edge[i - 1])));
        }
        edge[kLayers] = 0.0;
        for (int i = 0; i <= kLayers; ++i) height[i] = density(edge[i]);
    }
};

const Ziggurat kZiggurat;

}  // namespace

double Random::normal() {
    for (;;) {
        const std::uint64_t bits = word();
        const int layer = static_cast<int>(bits & 0xff);
        const bool negative = (bits & 0x100) != 0;
        const double x = static_cast<double>(bits >> 11) * 0x1p-53 * kZiggurat.edge[layer];
        if (x < kZiggurat.edge[layer + 1]) return negative ? -x : x;
        if (layer == 0) return normal_tail(negative);
        const double low = kZiggurat.height[layer], high = kZiggurat.height[layer + 1];
        if (low + uniform() * (high - low) < std::exp(-0.5 * x * x)) return negative ? -x : x;
    }
}

// Marsaglia's method for |x| > kTail.
double Random::normal_tail(bool negative) {
    double x = 0.0, y = 0.0;
    do {
        x = -std::log(uniform()) / kTail;
        y = -std::log(uniform());
    } while (y + y < x * x);
    return negative ? -(kTail + x) : kTail + x;
}

}  // namespace pyro_native
