// A store with a meter, an accelerator and a window in it, and what an export of it prints.
#pragma once

#include <doctest/doctest.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "agent/commands/export/job.h"
#include "agent/store/reader.h"
#include "agent/store/store.h"

namespace flopwatt::commands::testing {

namespace fs = std::filesystem;

inline constexpr std::int64_t noon_us = 1'795'437'841'250'000;  // 2026-11-23T12:44:01.250Z
inline constexpr std::int64_t second_us = 1'000'000;
inline constexpr std::uint64_t first_seq = 1'795'000'000'000'000;

class Directory {
 public:
  Directory() {
    std::string pattern = (fs::temp_directory_path() / "flopwatt-export-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp");
    path_ = pattern;
  }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  ~Directory() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  [[nodiscard]] fs::path store() const { return path_ / "flopwatt.db"; }
  [[nodiscard]] const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

inline std::unique_ptr<store::Store> open_store(const Directory& directory) {
  store::Settings settings;
  settings.path = directory.store();
  settings.max_age = std::chrono::hours(24 * 365 * 10);
  settings.first_seq = first_seq;
  auto store = store::Store::open(settings);
  if (!store) throw std::runtime_error(store.error().message);
  return std::move(*store);
}

inline SourcePtr meter() {
  Source source;
  source.kind = SourceKind::meter;
  source.name = "pdu-a";
  source.interval = std::chrono::seconds(1);
  source.fields = {{.channel = {Quantity::active_power}},
                   {.channel = {Quantity::energy_import}},
                   {.channel = {Quantity::voltage, Place::l1}},
                   {.channel = {Quantity::current, Place::branch, 7}}};
  return std::make_shared<const Source>(std::move(source));
}

inline SourcePtr accelerator(const std::string& uuid) {
  Source source;
  source.kind = SourceKind::accelerator;
  source.name = "nvidia0";
  source.identity.uuid = uuid;
  source.interval = std::chrono::seconds(1);
  source.fields = {{.channel = {Quantity::power}},
                   {.channel = {Quantity::pipe_work, Place::assumed_bf16}},
                   {.channel = {Quantity::work}},
                   {.channel = {Quantity::method}}};
  return std::make_shared<const Source>(std::move(source));
}

inline SourcePtr window() {
  Source source;
  source.kind = SourceKind::window;
  source.name = "rack/1m";
  source.interval = std::chrono::minutes(1);
  source.fields = {{.channel = {Quantity::joules_per_flop}},
                   {.channel = {Quantity::coverage}},
                   {.channel = {Quantity::method}}};
  return std::make_shared<const Source>(std::move(source));
}

inline constexpr auto pipe_method = static_cast<double>(Method::pipe);
inline constexpr auto estimated_method = static_cast<double>(Method::estimated);

/// `seconds` after noon.
inline ReadingSet set_of(const SourcePtr& source, double seconds, std::vector<double> values) {
  const auto at = static_cast<std::int64_t>(seconds * second_us);
  return {source, {noon_us + at, 5'000 * second_us + at}, 0, std::move(values)};
}

inline void commit(store::Store& store, std::vector<ReadingSet> sets) {
  const auto committed = store.commit({.sets = std::move(sets), .totals = {}, .exporters = {}});
  if (!committed) throw std::runtime_error(committed.error().message);
}

/// Two seconds of everything; the card is replaced and the window's method changes in between.
inline void fill(store::Store& store) {
  commit(store, {set_of(meter(), 0, {1201.25, 1000.5, 230.1, 2.5}),
                 set_of(accelerator("GPU-1"), 0.1, {310.5, 1.5e18, 1.5e18, pipe_method}),
                 set_of(window(), 0.5, {1.25e-12, 1, pipe_method})});
  commit(store, {set_of(meter(), 1, {1202, 1000.75, absent, 2.75}),
                 set_of(accelerator("GPU,\"2\""), 1.1, {300, absent, 0, estimated_method}),
                 set_of(window(), 1.5, {2.5e-12, 0.5, estimated_method})});
}

struct Printed {
  std::string text;
  Losses losses;
};

/// Runs `run` on the store into a pipe's file; `change` may narrow the job.
template <class Run, class Change>
Printed print(const fs::path& path, Run run, Change change) {
  const auto reader = store::Reader::open(path);
  if (!reader) throw std::runtime_error(reader.error().message);
  const auto span = (*reader)->span();
  if (!span) throw std::runtime_error(span.error().message);
  std::string name = (fs::temp_directory_path() / "flopwatt-printed-XXXXXX").string();
  const int descriptor = ::mkstemp(name.data());
  ::unlink(name.c_str());
  Output out(descriptor);
  Job job{.reader = **reader, .out = out, .span = *span, .labels = {}};
  change(job);
  const auto losses = run(job);
  if (!losses) throw std::runtime_error(losses.error().message);
  CHECK(out.fault().empty());
  Printed printed{{}, *losses};
  std::array<char, 65536> part{};
  ::lseek(descriptor, 0, SEEK_SET);
  for (::ssize_t count = 0; (count = ::read(descriptor, part.data(), part.size())) > 0;)
    printed.text.append(part.data(), static_cast<std::size_t>(count));
  ::close(descriptor);
  return printed;
}

template <class Run>
Printed print(const fs::path& path, Run run) {
  return print(path, run, [](Job&) {});
}

}  // namespace flopwatt::commands::testing
