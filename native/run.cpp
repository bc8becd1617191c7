#include "run.hpp"

#include <algorithm>
#include <chrono>
#include <system_error>
#include <utility>

namespace pyro_native {

Run::~Run() {
    interrupt();
    join();
}

void Run::join() {
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
}

// Chains take turns, so that those of an interrupted run have about as many draws.
void Run::work() {
    std::unique_lock<std::mutex> lock(mutex_);
    while (!queue_.empty()) {
        Turn turn = queue_.front();
        queue_.pop_front();
        lock.unlock();
        const bool more = take_turn(turn);
        lock.lock();
        if (more) queue_.push_back(turn);
    }
    --running_;
    changed_.notify_all();
}

bool Run::take_turn(Turn& turn) {
    constexpr auto kSlice = std::chrono::milliseconds(20);
    const auto begin = std::chrono::steady_clock::now();
    while (turn.row < request_.rows) {
        const Status status = advance(turn);
        if (status == Status::fatal) interrupt();
        if (status != Status::ok) return false;
        if (std::chrono::steady_clock::now() - begin > kSlice) break;
    }
    return turn.row < request_.rows;
}

void Run::begin(Request request) {
    join();
    request_ = std::move(request);
    interrupt_.store(false, std::memory_order_relaxed);
    queue_.clear();
    for (std::size_t index = 0; index < size(); ++index) {
        chain(index).begin();
        if (request_.rows > 0) queue_.push_back({index, 0});
    }
}

Status Run::advance(Turn& turn) {
    const Status status =
        chain(turn.chain).advance(request_.thinning, request_.first + turn.row,
                                  request_.outputs[turn.chain], interrupt_);
    ++turn.row;
    return status;
}

void Run::start(Request request, std::size_t threads) {
    begin(std::move(request));
    const std::size_t wanted = std::clamp<std::size_t>(threads, 1, std::max<std::size_t>(1, size()));
    running_ = wanted;
    threads_.reserve(wanted);
    try {
        while (threads_.size() < wanted) threads_.emplace_back([this] { work(); });
    } catch (const std::system_error&) {  // fewer threads than wanted will do
        const std::lock_guard<std::mutex> lock(mutex_);
        running_ -= wanted - threads_.size();
        if (threads_.empty()) throw;
    }
}

void Run::advance_here(Request request, Tick tick) {
    begin(std::move(request));
    while (!queue_.empty()) {
        if (tick != nullptr && tick() != 0) return;
        Turn turn = queue_.front();
        queue_.pop_front();
        if (advance(turn) != Status::ok) return;
        if (turn.row < request_.rows) queue_.push_back(turn);
    }
}

bool Run::wait(double seconds) {
    std::unique_lock<std::mutex> lock(mutex_);
    const bool done = changed_.wait_for(lock, std::chrono::duration<double>(seconds),
                                        [this] { return running_ == 0; });
    lock.unlock();
    if (done) join();
    return done;
}

}  // namespace pyro_native
