// The C interface of the library: plain functions over opaque handles, called through ctypes.
// Functions that can fail answer 0 when they have not, and leave a text in `message`.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <exception>
#include <memory>
#include <vector>

#include "philox.hpp"
#include "run.hpp"
#include "targets.hpp"
#include "trees.hpp"

#if defined(_WIN32)
#define PYRO_API extern "C" __declspec(dllexport)
#else
#define PYRO_API extern "C" __attribute__((visibility("default")))
#endif

using namespace pyro_native;

namespace {

constexpr std::int64_t kInterface = 4;  // of the functions and structures below

template <class Function>
std::int32_t guarded(char* message, std::int64_t size, const Function& function) {
    try {
        function();
        return 0;
    } catch (const std::exception& error) {
        if (size > 0) {
            std::strncpy(message, error.what(), static_cast<std::size_t>(size - 1));
            message[size - 1] = '\0';
        }
        return 1;
    }
}

Blocks read_blocks(std::int64_t count, const std::int64_t* sizes, const std::int64_t* members) {
    Blocks blocks;
    for (std::int64_t i = 0; i < count; ++i) {
        blocks.emplace_back(members, members + sizes[i]);
        members += sizes[i];
    }
    return blocks;
}

Request read_request(const Run& run, std::int64_t rows, std::int64_t thinning, std::int64_t first,
                     const Output* outputs) {
    return {rows, thinning, first, std::vector<Output>(outputs, outputs + run.size())};
}

}  // namespace

PYRO_API std::int64_t pyro_interface() { return kInterface; }

// `positions` is [chains, dim]; `inverse_metric` is [dim] or null; chain i is number first + i.
PYRO_API std::int32_t pyro_run_new(const Config* config, const DensitySpec* density,
                                   std::int64_t block_count, const std::int64_t* block_sizes,
                                   const std::int64_t* block_members, std::int64_t chains,
                                   std::uint64_t seed, std::uint64_t first,
                                   const double* positions, const double* inverse_metric,
                                   Run** run, char* message, std::int64_t message_size) {
    return guarded(message, message_size, [&] {
        const Blocks blocks = read_blocks(block_count, block_sizes, block_members);
        std::vector<std::unique_ptr<Chain>> made;
        for (std::int64_t i = 0; i < chains; ++i) {
            made.push_back(std::make_unique<Chain>(*config, *density, blocks, seed,
                                                   first + static_cast<std::uint64_t>(i),
                                                   positions + i * density->dim, inverse_metric));
        }
        *run = new Run(std::move(made));
    });
}

PYRO_API void pyro_run_delete(Run* run) { delete run; }

PYRO_API std::int32_t pyro_run_start(Run* run, std::int64_t rows, std::int64_t thinning,
                                     std::int64_t first, const Output* outputs,
                                     std::int64_t threads, char* message,
                                     std::int64_t message_size) {
    return guarded(message, message_size, [&] {
        run->start(read_request(*run, rows, thinning, first, outputs),
                   static_cast<std::size_t>(std::max<std::int64_t>(1, threads)));
    });
}

PYRO_API std::int32_t pyro_run_advance_here(Run* run, std::int64_t rows, std::int64_t thinning,
                                            std::int64_t first, const Output* outputs, Tick tick,
                                            char* message, std::int64_t message_size) {
    return guarded(message, message_size, [&] {
        run->advance_here(read_request(*run, rows, thinning, first, outputs), tick);
    });
}

PYRO_API std::int32_t pyro_run_wait(Run* run, double seconds) { return run->wait(seconds) ? 1 : 0; }

PYRO_API void pyro_run_interrupt(Run* run) { run->interrupt(); }

PYRO_API void pyro_run_progress(Run* run, Progress* progress) {
    for (std::size_t i = 0; i < run->size(); ++i) progress[i] = run->chain(i).progress();
}

PYRO_API void pyro_chain_inverse_metric(Run* run, std::int64_t chain, double* out) {
    run->chain(static_cast<std::size_t>(chain)).inverse_metric(out);
}

PYRO_API void pyro_chain_failed_position(Run* run, std::int64_t chain, double* out) {
    Chain& failed = run->chain(static_cast<std::size_t>(chain));
    std::copy_n(failed.failed_position(), failed.dim(), out);
}

// To a position [dim]; what warm-up has learned is kept.
PYRO_API void pyro_chain_move(Run* run, std::int64_t chain, const double* position) {
    run->chain(static_cast<std::size_t>(chain)).move(position);
}

// The size of the state of a chain; it is written if `capacity` suffices. -1: out of memory.
PYRO_API std::int64_t pyro_chain_save(Run* run, std::int64_t chain, std::uint8_t* out,
                                      std::int64_t capacity) {
    std::int64_t size = -1;
    guarded(nullptr, 0, [&] {
        const auto bytes = run->chain(static_cast<std::size_t>(chain)).save();
        if (static_cast<std::int64_t>(bytes.size()) <= capacity) {
            std::copy(bytes.begin(), bytes.end(), out);
        }
        size = static_cast<std::int64_t>(bytes.size());
    });
    return size;
}

// 1: the bytes are damaged or were saved with another dimension or other settings.
PYRO_API std::int32_t pyro_chain_load(Run* run, std::int64_t chain, const std::uint8_t* data,
                                      std::int64_t size) {
    bool loaded = false;
    guarded(nullptr, 0, [&] {
        loaded = run->chain(static_cast<std::size_t>(chain))
                     .load(data, static_cast<std::size_t>(size));
    });
    return loaded ? 0 : 1;
}

PYRO_API void pyro_trees_begin(const Trees* trees, const double* momenta,
                               const double* log_uniforms, const double* step_sizes) {
    begin_trees(*trees, momenta, log_uniforms, step_sizes);
}

PYRO_API std::int64_t pyro_trees_grow(const Trees* trees, const double* values,
                                      const double* log_uniforms, std::int64_t slices) {
    return grow_trees(*trees, values, log_uniforms, slices != 0);
}

PYRO_API std::int64_t pyro_trees_fly(const Trees* trees, Flight* flight) {
    return fly_trees(*trees, *flight);
}

PYRO_API void pyro_trees_tell(const Trees* trees, const EndedTrees* out) {
    tell_ended_trees(*trees, *out);
}

// Densities whose answers are known, for tests and measurements; null for an unknown name.
PYRO_API DensityFunction pyro_target(const char* name) { return target(name); }

// The generator itself, for tests against published answers.
PYRO_API void pyro_philox(const std::uint64_t* counter, const std::uint64_t* key,
                          std::uint64_t* out) {
    const Words words = philox4x64({counter[0], counter[1], counter[2], counter[3]},
                                   {key[0], key[1]});
    std::copy(words.begin(), words.end(), out);
}

PYRO_API void pyro_normals(std::uint64_t seed, std::uint64_t chain, std::int64_t count,
                           double* out) {
    Random random(seed, chain);
    random.normals(out, static_cast<std::size_t>(count));
}

PYRO_API void pyro_uniforms(std::uint64_t seed, std::uint64_t chain, std::int64_t count,
                            double* out) {
    Random random(seed, chain);
    for (std::int64_t i = 0; i < count; ++i) out[i] = random.uniform();
}
