// What is made of some files (a TLS context, a list of users) and made again when one of them changes. Files are
// read on a thread that may be left behind: they may lie on a mount that hangs.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "readings/result.h"
#include "runtime/async.h"
#include "runtime/small_file.h"

namespace flopwatt {

/// A file that something was made of, as it was then.
struct SeenFile {
  std::filesystem::path path;
  FileStamp stamp;
};

/// The part of WatchedFiles that knows no type. One loop, one call at a time.
class UntypedWatchedFiles {
 public:
  struct Made {
    Result<std::shared_ptr<const void>> product;
    std::vector<SeenFile> files;
  };
  using Make = std::function<Made()>;

  UntypedWatchedFiles(std::string purpose, Make make, std::chrono::milliseconds settle)
      : purpose_(std::move(purpose)), make_(std::move(make)), settle_(settle) {}

  [[nodiscard]] const std::shared_ptr<const void>& product() const { return product_; }
  [[nodiscard]] Result<Done> load();
  [[nodiscard]] awaitable<Result<Done>> refresh();
  awaitable<void> watch(std::chrono::milliseconds period);

 private:
  struct Look;
  [[nodiscard]] Result<Done> take(Made made);

  std::string purpose_;
  Make make_;
  std::chrono::milliseconds settle_;
  std::shared_ptr<const void> product_;
  std::vector<SeenFile> files_;
  std::string fault_;                 // what was wrong with the newest files; "": nothing
  std::shared_ptr<const Look> look_;  // null while none runs
};

/// How often watch() looks: files count within 60 s, also where one look finds them half written.
inline constexpr std::chrono::milliseconds watch_period{15'000};

template <class Product>
class WatchedFiles {
 public:
  struct Made {
    Result<std::shared_ptr<const Product>> product;
    std::vector<SeenFile> files;  ///< all that were read, as far as it came
  };

  /// `purpose` names it in the log: "TLS of the endpoint". `make` reads the files; it runs on another thread, may
  /// outlive this, and holds what it needs. A file that changed less than `settle` ago may still be being written:
  /// it is left for the next look.
  WatchedFiles(std::string purpose, std::function<Made()> make,
               std::chrono::milliseconds settle = std::chrono::seconds(2))
      : untyped_(
            std::move(purpose),
            [make = std::move(make)] {
              Made made = make();
              if (!made.product)
                return UntypedWatchedFiles::Made{made.product.error(), std::move(made.files)};
              return UntypedWatchedFiles::Made{std::shared_ptr<const void>(*std::move(made.product)),
                                               std::move(made.files)};
            },
            settle) {}

  /// The newest that could be made; null before the first. Keep the pointer as long as it is used.
  [[nodiscard]] std::shared_ptr<const Product> product() const {
    return std::static_pointer_cast<const Product>(untyped_.product());
  }

  /// Makes it for the first time, blocking: for the start of the program.
  [[nodiscard]] Result<Done> load() { return untyped_.load(); }

  /// Makes it again if a file changed or the last attempt failed. Where that fails, the old product stays, and
  /// the log says why, once for each reason; a Fault only where there is no product at all.
  [[nodiscard]] awaitable<Result<Done>> refresh() { return untyped_.refresh(); }

  /// Calls refresh() each `period`, until cancelled.
  awaitable<void> watch(std::chrono::milliseconds period = watch_period) { return untyped_.watch(period); }

 private:
  UntypedWatchedFiles untyped_;
};

}  // namespace flopwatt
