#include "chain.hpp"

#include <algorithm>
#include <cstring>

namespace pyro_native {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;
constexpr std::uint64_t kMagic = 0x33304e4f52595000ULL;  // format 03

std::size_t pool_size(const Config& config) {
    return std::max(Nuts::pool_size(config), Hmc::pool_size());
}

std::vector<double> given_or_ones(const double* values, std::size_t dim) {
    return values == nullptr ? std::vector<double>(dim, 1.0)
                             : std::vector<double>(values, values + dim);
}

}  // namespace

Chain::Chain(const Config& config, const DensitySpec& density, const Blocks& blocks,
             std::uint64_t seed, std::uint64_t number, const double* position,
             const double* inverse_metric)
    : config_(config),
      blocks_(blocks),
      dim_(static_cast<std::size_t>(density.dim)),
      density_(density),
      random_(seed, number),
      warmup_(config, dim_, blocks, given_or_ones(inverse_metric, dim_)),
      pool_(pool_size(config), dim_),
      nuts_(config, dim_),
      hmc_(config, dim_),
      at_(pool_.take()),
      keep_metric_(inverse_metric != nullptr),
      before_divergence_(dim_),
      failed_(dim_) {
    std::copy_n(position, dim_, pool_[at_].position);
    seen_step_size_.store(config.step_size, kRelaxed);
}

Status Chain::search(Dynamics& dynamics) {
    double step_size = warmup_.step_size();
    const Status status =
        search_step_size(dynamics, warmup_.metric(), pool_, at_, &step_size);
    if (status == Status::ok) warmup_.restart_step_size(step_size);
    return status;
}

Status Chain::start(Dynamics& dynamics) {
    const Status status = evaluate(dynamics, warmup_.metric(), pool_[at_]);
    if (status != Status::ok) return status;
    warmup_.start(pool_[at_].gradient, keep_metric_);
    search_due_ = config_.warmup > 0 && config_.adapt_step_size != 0;
    started_ = true;
    return status;
}

void Chain::move(const double* position) {
    std::copy_n(position, dim_, pool_[at_].position);
    moved_ = started_;
}

Status Chain::step(Dynamics& dynamics, Transition* transition) {
    if (!started_) {
        const Status status = start(dynamics);
        if (status != Status::ok) return status;
    }
    if (moved_) {
        const Status status = evaluate(dynamics, warmup_.metric(), pool_[at_]);
        if (status != Status::ok) return status;
        moved_ = false;
    }
    const Random random = random_;
    const std::int64_t evaluations = density_.evaluations();
    const bool search_was_due = search_due_;
    const double step_size = warmup_.step_size();
    const Status status = search_and_move(dynamics, transition);
    if (status != Status::ok) {  // the iteration has not begun
        random_ = random;
        density_.set_evaluations(evaluations);
        search_due_ = search_was_due;
        if (search_was_due) warmup_.restart_step_size(step_size);
    }
    return status;
}

Status Chain::search_and_move(Dynamics& dynamics, Transition* transition) {
    if (search_due_) {
        const Status status = search(dynamics);
        if (status != Status::ok) return status;
    }
    double step_size = warmup_.step_size();
    if (config_.step_size_jitter > 0.0) {
        step_size *= 1.0 + config_.step_size_jitter * (2.0 * random_.uniform() - 1.0);
    }
    transition->step_size = step_size;
    const Metric& metric = warmup_.metric();
    const Status status = config_.kernel == KernelKind::nuts
                              ? nuts_(dynamics, metric, pool_, &at_, step_size, transition,
                                      before_divergence_.data())
                              : hmc_(dynamics, metric, pool_, &at_, step_size, transition,
                                     before_divergence_.data());
    if (status != Status::ok) return status;
    const Point& here = pool_[at_];
    if (transition->diverging && warmup_.finished(iteration_)) ++divergences_;
    search_due_ = warmup_.update(iteration_, here.position, here.gradient,
                                 transition->accept_statistic, transition->leapfrogs);
    ++iteration_;
    return status;
}

void Chain::begin() {
    seen_rows_.store(0, kRelaxed);
    seen_divergence_rows_.store(0, kRelaxed);
    seen_status_.store(0, kRelaxed);
    seen_code_.store(0, kRelaxed);
}

Status Chain::advance(std::int64_t thinning, std::int64_t row, const Output& output,
                      const std::atomic<bool>& interrupt) {
    Dynamics dynamics{density_, random_, interrupt, failed_.data()};
    Transition transition;
    Status status = Status::ok;
    const std::int64_t iterations = row < 0 ? 1 : thinning;
    for (std::int64_t k = 0; k < iterations && status == Status::ok; ++k) {
        transition = Transition{};
        status = step(dynamics, &transition);
    }
    if (status == Status::ok) {
        if (row >= 0) write(output, row, transition);
        publish(transition);
        seen_rows_.fetch_add(1, kRelaxed);
    }
    seen_status_.store(static_cast<std::int64_t>(status), kRelaxed);
    seen_code_.store(dynamics.code, kRelaxed);
    return status;
}

void Chain::write(const Output& output, std::int64_t row, const Transition& transition) {
    const Point& here = pool_[at_];
    const auto place = static_cast<std::size_t>(row);
    const auto set = [place](auto* to, auto value) {
        if (to != nullptr) to[place] = value;
    };
    if (output.draws != nullptr) std::copy_n(here.position, dim_, output.draws + place * dim_);
    if (output.gradients != nullptr) {
        std::copy_n(here.gradient, dim_, output.gradients + place * dim_);
    }
    set(output.log_density, transition.log_density);
    set(output.energy, transition.energy);
    set(output.accept_statistic, transition.accept_statistic);
    set(output.step_size, transition.step_size);
    set(output.tree_depth, transition.depth);
    set(output.leapfrogs, transition.leapfrogs);
    set(output.diverging, static_cast<std::uint8_t>(transition.diverging));
    const std::int64_t recorded = seen_divergence_rows_.load(kRelaxed);
    if (!transition.diverging || recorded >= output.divergence_capacity) return;
    std::copy_n(before_divergence_.data(), dim_,
                output.divergence_positions + static_cast<std::size_t>(recorded) * dim_);
    output.divergence_rows[recorded] = row;
    seen_divergence_rows_.store(recorded + 1, kRelaxed);
}

void Chain::publish(const Transition& transition) {
    seen_iteration_.store(iteration_, kRelaxed);
    seen_divergences_.store(divergences_, kRelaxed);
    seen_gradients_.store(density_.evaluations(), kRelaxed);
    seen_depth_.store(transition.depth, kRelaxed);
    seen_leapfrogs_.store(transition.leapfrogs, kRelaxed);
    seen_step_size_.store(warmup_.step_size(), kRelaxed);
    seen_log_density_.store(transition.log_density, kRelaxed);
}

Progress Chain::progress() const {
    return {seen_iteration_.load(kRelaxed),      seen_divergences_.load(kRelaxed),
            seen_gradients_.load(kRelaxed),      seen_depth_.load(kRelaxed),
            seen_leapfrogs_.load(kRelaxed),      seen_status_.load(kRelaxed),
            seen_code_.load(kRelaxed),           seen_rows_.load(kRelaxed),
            seen_divergence_rows_.load(kRelaxed), seen_step_size_.load(kRelaxed),
            seen_log_density_.load(kRelaxed)};
}

// Of what a state depends on beside itself: the settings, the dimension and the blocks.
std::uint64_t Chain::fingerprint() const {
    Saver saver;
    std::uint64_t dim = dim_;
    saver(dim);
    for (const auto& block : blocks_) {
        std::vector<std::uint64_t> coordinates(block.begin(), block.end());
        saver(coordinates);
    }
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(&config_);
    std::vector<std::uint8_t> settings(bytes, bytes + sizeof(Config));
    saver(settings);
    return checksum(saver.bytes().data(), saver.bytes().size());
}

template <class Archive>
void Chain::fields(Archive& a) {
    a(random_);
    a(iteration_);
    a(divergences_);
    a(started_);
    a(search_due_);
    a(moved_);
    a(keep_metric_);
    Point& here = pool_[at_];
    std::vector<double> position(here.position, here.position + dim_);
    std::vector<double> gradient(here.gradient, here.gradient + dim_);
    a(position);
    a(gradient);
    a(here.log_density);
    std::copy(position.begin(), position.end(), here.position);
    std::copy(gradient.begin(), gradient.end(), here.gradient);
    std::int64_t evaluations = density_.evaluations();
    a(evaluations);
    density_.set_evaluations(evaluations);
}

std::vector<std::uint8_t> Chain::save() {
    Saver body;
    fields(body);
    warmup_.save(body);
    Saver blob;
    std::uint64_t magic = kMagic, print = fingerprint(),
                  sum = checksum(body.bytes().data(), body.bytes().size());
    blob(magic);
    blob(print);
    blob(sum);
    blob.append(body);
    return blob.bytes();
}

bool Chain::load(const std::uint8_t* data, std::size_t size) {
    constexpr std::size_t kHeader = 3 * sizeof(std::uint64_t);
    Loader header(data, size);
    std::uint64_t magic = 0, print = 0, sum = 0;
    header(magic);
    header(print);
    header(sum);
    if (!header.good() || magic != kMagic || print != fingerprint()) return false;
    if (sum != checksum(data + kHeader, size - kHeader)) return false;
    Loader body(data + kHeader, size - kHeader);
    fields(body);
    warmup_.load(body);
    publish(Transition{});
    seen_log_density_.store(pool_[at_].log_density, kRelaxed);
    return body.finished();
}

}  // namespace pyro_native
