// Several chains on several threads. What a chain does depends on its seed and number alone.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "chain.hpp"

namespace pyro_native {

// Rows to write: one per `thinning` iterations, from row `first` of each chain's output on.
// Rows before row 0 are single iterations and are not written.
struct Request {
    std::int64_t rows;
    std::int64_t thinning;
    std::int64_t first;
    std::vector<Output> outputs;  // one per chain
};

using Tick = std::int32_t (*)();

class Run {
  public:
    explicit Run(std::vector<std::unique_ptr<Chain>> chains) : chains_(std::move(chains)) {}
    ~Run();
    Run(const Run&) = delete;
    Run& operator=(const Run&) = delete;

    Chain& chain(std::size_t index) { return *chains_[index]; }
    std::size_t size() const { return chains_.size(); }

    // Begins to advance all chains, on at most `threads` threads. A chain whose density fails
    // stops the others.
    void start(Request request, std::size_t threads);
    // The same in the calling thread, row by row over all chains; returns when all is done, or
    // when `tick`, which is asked before each row, answers anything but 0.
    void advance_here(Request request, Tick tick);
    // Whether the chains are done, at most `seconds` from now.
    bool wait(double seconds);
    void interrupt() { interrupt_.store(true, std::memory_order_relaxed); }

  private:
    struct Turn {
        std::size_t chain;
        std::int64_t row;
    };
    void begin(Request request);
    void join();
    void work();
    bool take_turn(Turn& turn);
    Status advance(Turn& turn);

    std::vector<std::unique_ptr<Chain>> chains_;
    std::vector<std::thread> threads_;
    Request request_{};
    std::atomic<bool> interrupt_{false};
    std::deque<Turn> queue_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::size_t running_ = 0;
};

}  // namespace pyro_native
