// What becomes of a store whose files somebody removed, moved or replaced while it is open. All of it is still
// readable through the open descriptors: it is brought to its path again, and the store goes on as after a failure.
// What lies there instead is moved aside, never removed.
#include <system_error>
#include <utility>

#include "agent/store/store_impl.h"

namespace flopwatt::store {
namespace {

namespace fs = std::filesystem;

Fault cannot_put_back(const fs::path& store, const Fault& why) {
  return {why.fault_class,
          "a file of the store " + store.string() +
              " was removed, moved or replaced while the agent runs, and cannot be put back yet; what is in "
              "it is "
              "lost if the agent ends before: " +
              why.message,
          why.code};
}

}  // namespace

Result<Done> Store::Impl::put_back_lost_files() {
  const OpenFiles files = session_->files();
  const bool lost_main = files.has_lost_main();
  if (!lost_main && !files.has_lost_log()) return Done{};
  put_back_.file = options_.path.string();
  put_back_.main = put_back_.main || lost_main;
  if (const auto strangers = files.strangers(); !strangers.empty()) {
    auto moved = move_away(options_.path, "replaced", strangers);
    if (!moved) return cannot_put_back(options_.path, moved.error());
    put_back_.strangers = std::move(*moved);
  }
  if (!lost_main) {
    if (auto done = session_->checkpoint_all(); !done)
      return cannot_put_back(options_.path, take(done.error()));
  } else if (auto done = write_copy(); !done) {
    return done.error();
  }
  if (lost_main && session_)
    if (auto done = rename_durably(copy_path(), options_.path); !done)
      return cannot_put_back(options_.path, done.error());
  if (session_) session_->abandon();  // all of it is in the main file
  session_.reset();
  if (lost_main) files.remove_log();
  return Done{};
}

fs::path Store::Impl::copy_path() const { return options_.path.string() + ".new"; }

/// Closes the session where the store is not readable any more.
Result<Done> Store::Impl::write_copy() {
  const fs::path copy = copy_path();
  std::error_code ignored;
  fs::remove(copy, ignored);
  if (auto done = require_room(copy, session_->bytes()); !done)
    return cannot_put_back(options_.path, done.error());
  if (auto done = create_durably(copy); !done) return cannot_put_back(options_.path, done.error());
  auto done = session_->copy_to(copy);
  if (done) return Done{};
  fs::remove(copy, ignored);
  if (done.error().cause == Failure::Cause::passing)
    return cannot_put_back(options_.path, done.error().fault);
  const std::string& why = done.error().fault.message;
  put_back_.lost = why.substr(0, why.find(';'));  // without what becomes of damaged files
  (void)take(done.error());
  damaged_ = false;  // nothing of it is left that could be set aside
  return Done{};
}

}  // namespace flopwatt::store
