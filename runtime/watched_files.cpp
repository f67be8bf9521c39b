#include "runtime/watched_files.h"

#include <algorithm>
#include <optional>

#include "runtime/log.h"
#include "runtime/side_work.h"

namespace flopwatt {
namespace {

constexpr std::chrono::seconds look_limit{5};

bool is_unchanged(const SeenFile& file) { return stamp_of(file.path) == file.stamp; }

// A clock that was put back must not keep a file out: what changed in the future counts as settled.
bool has_settled(const SeenFile& file, std::chrono::nanoseconds settle) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto age = now - std::chrono::nanoseconds(stamp_of(file.path).changed_ns);
  return age < std::chrono::nanoseconds::zero() || age >= settle;
}

// Whether to make the product again. On the thread, since looking at files may hang, too.
bool is_due(const std::vector<SeenFile>& files, bool failed, std::chrono::nanoseconds settle) {
  if (!failed && std::ranges::all_of(files, is_unchanged)) return false;
  return std::ranges::all_of(files, [settle](const SeenFile& file) { return has_settled(file, settle); });
}

}  // namespace

struct UntypedWatchedFiles::Look {
  std::shared_ptr<const std::optional<Made>>
      made;  // of the thread until its work is done; nullopt: no change
  std::shared_ptr<SideWork> work;
};

Result<Done> UntypedWatchedFiles::load() { return take(make_()); }

awaitable<Result<Done>> UntypedWatchedFiles::refresh() {
  if (!look_) {
    const auto made = std::make_shared<std::optional<Made>>();
    const bool first = !product_, failed = !fault_.empty();
    auto work =
        SideWork::start(purpose_, [made, first, failed, files = files_, make = make_, settle = settle_] {
          if (first || is_due(files, failed, settle)) made->emplace(make());
        });
    if (!work) co_return product_ ? Result<Done>(Done{}) : work.error();
    look_ = std::make_shared<const Look>(Look{made, *std::move(work)});
  }
  const auto look = look_;
  const auto done = co_await with_timeout(look->work->wait(), look_limit);
  if (done && *done) {
    look_.reset();
    if (*look->made) co_return take(**look->made);
    co_return Done{};
  }
  // The thread goes on, and the next call takes what it found.
  const std::string reason =
      done ? done->error().message : "no answer within 5 s; are the files on a file system that hangs?";
  co_return take({Fault{FaultClass::connection, reason, 0}, files_});
}

awaitable<void> UntypedWatchedFiles::watch(std::chrono::milliseconds period) {
  for (;;) {
    co_await sleep_until(std::chrono::steady_clock::now() + period);
    const auto refreshed = co_await refresh();
    if (!refreshed) log::warn("cannot use " + purpose_, {{"reason", refreshed.error().message}});
  }
}

Result<Done> UntypedWatchedFiles::take(Made made) {
  files_ = std::move(made.files);
  if (made.product) {
    if (product_) log::info("took up changed files", {{"of", purpose_}});
    product_ = *std::move(made.product);
    fault_.clear();
    return Done{};
  }
  const bool is_news = fault_ != made.product.error().message;
  fault_ = made.product.error().message;
  if (!product_) return made.product.error();
  if (is_news)
    log::warn("changed files cannot be used, keeping the old ones", {{"of", purpose_}, {"reason", fault_}});
  return Done{};
}

}  // namespace flopwatt
