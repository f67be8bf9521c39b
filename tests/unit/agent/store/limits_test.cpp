// Size and age: the oldest go first, what was not delivered of them is counted for each
// exporter, nothing else goes.
#include <algorithm>
#include <map>

#include "agent/store/files.h"
#include "tests/unit/agent/store/store_fixture.h"

namespace flopwatt::store {
namespace {

using namespace testing;

constexpr std::uint64_t mebibyte = 1 << 20;

TEST_CASE("the file stays below its limit, however much is written, and holds most of it") {
  const Directory directory;
  Settings settings = settings_for(directory.store());
  settings.max_size_bytes = 2 * mebibyte;
  const auto store = open_or_fail(settings);
  const SourcePtr source = meter_source("main");
  std::mt19937_64 random(1);
  std::uint64_t oldest = first_seq;
  for (int round = 0; round < 300; ++round) {
    Commit commit;
    for (int i = 0; i < 150; ++i) commit.sets.push_back(measured_set(source, round * second + i, random));
    const auto committed = value_or_fail(store->commit(commit));
    CHECK(committed.size_bytes == size_on_disk(directory.store()));
    REQUIRE(committed.size_bytes <= settings.max_size_bytes);
    if (!committed.removed.empty()) {
      CHECK(committed.removed.first == oldest);
      oldest = committed.removed.last + 1;
      const auto sets = value_or_fail(store->read({first_seq, ~std::uint64_t{0}}, 1));
      CHECK(sets.at(0).seq == oldest);
      CHECK(committed.oldest_wall_us == sets.at(0).set.time.wall_us);
    }
  }
  // 45,000 sets of some 150 bytes went in; at least two thirds of the limit are rows.
  const std::uint64_t kept = first_seq + 45'000 - oldest;
  CHECK(kept < 45'000);
  CHECK(kept * 150 > settings.max_size_bytes * 2 / 3);
}

TEST_CASE("a lowered size limit is reached over the next commits and gives the space back") {
  const Directory directory;
  Settings settings = settings_for(directory.store());
  const SourcePtr source = meter_source("main");
  std::mt19937_64 random(1);
  {
    const auto store = open_or_fail(settings);
    for (int round = 0; round < 10; ++round) {
      Commit commit;
      for (int i = 0; i < 3'000; ++i) commit.sets.push_back(measured_set(source, round * second, random));
      (void)value_or_fail(store->commit(commit));
    }
  }
  REQUIRE(size_on_disk(directory.store()) > 4 * mebibyte);
  settings.max_size_bytes = mebibyte;
  const auto store = open_or_fail(settings);
  std::uint64_t size = 0;
  for (int round = 10; round < 80; ++round) {
    Commit commit;
    commit.sets.push_back(measured_set(source, round * second, random));
    size = value_or_fail(store->commit(commit)).size_bytes;
  }
  CHECK(size <= settings.max_size_bytes);
}

TEST_CASE("limits of an open store are lowered") {
  const Directory directory;
  Settings settings = settings_for(directory.store());
  const auto store = open_or_fail(settings);
  (void)value_or_fail(store->commit(small_commit(small_source(), 0, 200)));
  store->set_limits(settings.max_size_bytes, std::chrono::seconds(10));
  const auto committed = value_or_fail(store->commit(small_commit(small_source(), 200, 1)));
  CHECK(committed.removed.first == first_seq);
  CHECK(committed.removed.last >= first_seq + 180);
  CHECK(committed.removed.last < first_seq + 195);
}

TEST_CASE("sets older than the age limit go, in lumps, and no younger one") {
  const Directory directory;
  Settings settings = settings_for(directory.store());
  settings.max_age = std::chrono::seconds(640);  // in lumps of a 64th: ten seconds
  const auto store = open_or_fail(settings);
  const SourcePtr source = small_source();
  int lumps = 0;
  for (std::int64_t at = 0; at < 1'000; ++at) {
    const auto committed = value_or_fail(store->commit(small_commit(source, at, 1)));
    if (!committed.removed.empty()) ++lumps;
    const std::int64_t oldest = (committed.oldest_wall_us - start_wall_us) / second;
    REQUIRE(oldest <= std::max<std::int64_t>(0, at - 640));
    REQUIRE(oldest >= at - 651);
  }
  CHECK(lumps > 25);
  CHECK(lumps < 40);
}

TEST_CASE("steps of the wall clock make no set older than it is") {
  const Directory directory;
  Settings settings = settings_for(directory.store());
  settings.max_age = std::chrono::hours(1);
  const auto store = open_or_fail(settings);
  const SourcePtr source = small_source();
  const std::int64_t year = 365 * 86'400 * second;
  std::int64_t at = 0;
  for (const std::int64_t step : {std::int64_t{0}, year, -50 * year, std::int64_t{0}}) {
    for (int i = 0; i < 10; ++i, ++at) {
      Commit commit = small_commit(source, at, 1);
      commit.sets[0].time.wall_us += step;
      CHECK(value_or_fail(store->commit(commit)).removed.empty());
    }
  }
  const auto committed = value_or_fail(store->commit(small_commit(source, 3'600 + 120, 1)));
  CHECK(committed.removed == Span{first_seq, first_seq + 39});
}

TEST_CASE("across a reboot age goes on by the wall clock, unless that went back") {
  const std::int64_t day = 86'400 * second;
  for (const std::int64_t off : {day, -40 * 365 * day}) {
    const Directory directory;
    Settings settings = settings_for(directory.store());
    settings.max_age = std::chrono::hours(1);
    const SourcePtr source = small_source();
    (void)value_or_fail(open_or_fail(settings)->commit(small_commit(source, 0, 10)));
    pretend_reboot(directory.store());
    const auto store = open_or_fail(settings);
    Commit commit = small_commit(source, 0, 1);
    commit.sets[0].time = {start_wall_us + off, 7 * second};
    const auto committed = value_or_fail(store->commit(commit));
    CHECK(committed.removed == (off > 0 ? Span{first_seq, first_seq + 9} : Span{}));
    // And in the new boot it runs with the monotonic clock again.
    commit.sets[0].time = {start_wall_us + off, 7 * second + 3'600 * second + 90 * second};
    const auto later = value_or_fail(store->commit(commit));
    CHECK(later.removed.last == first_seq + 10);
  }
}

TEST_CASE("the newest set stays, so that seqs go on where they were") {
  const Directory directory;
  Settings settings = settings_for(directory.store());
  settings.max_age = std::chrono::seconds(1);
  const SourcePtr source = small_source();
  {
    const auto store = open_or_fail(settings);
    (void)value_or_fail(store->commit(small_commit(source, 0, 5)));
    (void)value_or_fail(store->commit(small_commit(source, 1'000, 1)));
  }
  const auto store = open_or_fail(settings);
  CHECK(store->opened().next_seq == first_seq + 6);
  CHECK(store->opened().total_readings == 6 * small_set_readings);
}

/// One exporter as the agent keeps it, with the truth beside it.
struct ModelExporter {
  ExporterRecord record;
  std::uint64_t registered = 0;
};

/// The store's promise, checked against plain bookkeeping: every reading is delivered, dropped
/// or still to deliver.
class LimitedLog {
 public:
  explicit LimitedLog(const fs::path& path) : settings_(settings_for(path, {"ems", "fleet"})) {
    settings_.max_size_bytes = mebibyte;
    settings_.max_age = std::chrono::seconds(64);
    reopen();
  }

  void reopen() {
    store_.reset();
    store_ = open_or_fail(settings_);
    for (const auto& [name, record] : store_->opened().exporters) {
      ModelExporter& exporter = exporters_[name];
      if (total_ == 0) continue;
      // Only what was committed is there; the agent goes on from it.
      exporter.record = record;
      check(name, store_->opened().backlog.at(name));
    }
  }

  void commit(std::int64_t at, std::size_t sets, std::mt19937_64& random) {
    Commit commit;
    for (std::size_t i = 0; i < sets; ++i) {
      commit.sets.push_back(measured_set(source_, at * second, random));
      for (std::uint64_t absent_values = random() % 26; absent_values > 0; --absent_values)
        commit.sets.back().values[absent_values] = absent;
    }
    for (const auto& [name, exporter] : exporters_) commit.exporters[name] = exporter.record;
    const auto committed = value_or_fail(store_->commit(commit));
    for (std::size_t i = 0; i < sets; ++i) {
      readings_[committed.first_seq + i] = commit.sets[i].known_count();
      total_ += commit.sets[i].known_count();
    }
    CHECK(committed.total_readings == total_);
    remove(committed);
    for (const auto& [name, exporter] : exporters_) check(name, committed.backlog.at(name));
  }

  void deliver(const std::string& name, Span span) {
    ModelExporter& exporter = exporters_.at(name);
    span.first = std::max(span.first, readings_.begin()->first);
    span.last = std::min(span.last, readings_.rbegin()->first);
    DeliveryMarks before = exporter.record.marks;
    if (span.empty() || !exporter.record.marks.add(span)) return;
    for (std::uint64_t seq = span.first; seq <= span.last; ++seq)
      if (!before.contains(seq)) exporter.record.delivered += readings_.at(seq);
  }

  [[nodiscard]] Span held() const { return {readings_.begin()->first, readings_.rbegin()->first}; }
  [[nodiscard]] std::uint64_t dropped(const std::string& name) const {
    return exporters_.at(name).record.dropped;
  }

 private:
  void remove(const Committed& committed) {
    if (committed.removed.empty()) return;
    REQUIRE(committed.removed.first == readings_.begin()->first);
    for (auto& [name, exporter] : exporters_) {
      std::uint64_t undelivered = 0;
      for (std::uint64_t seq = committed.removed.first; seq <= committed.removed.last; ++seq)
        if (!exporter.record.marks.contains(seq)) undelivered += readings_.at(seq);
      CHECK(committed.dropped.at(name) == undelivered);
      exporter.record.dropped += undelivered;
      exporter.record.marks.raise_low(committed.removed.last);
    }
    readings_.erase(readings_.begin(), readings_.upper_bound(committed.removed.last));
  }

  void check(const std::string& name, std::uint64_t backlog) const {
    const ModelExporter& exporter = exporters_.at(name);
    std::uint64_t undelivered = 0;
    for (const auto& [seq, readings] : readings_)
      if (!exporter.record.marks.contains(seq)) undelivered += readings;
    REQUIRE(backlog == undelivered);
    REQUIRE(total_ - exporter.registered == exporter.record.delivered + exporter.record.dropped + backlog);
  }

  Settings settings_;
  std::unique_ptr<Store> store_;
  SourcePtr source_ = meter_source("main");
  std::map<std::uint64_t, std::uint64_t> readings_;  // of every set in the store, by seq
  std::map<std::string, ModelExporter> exporters_;
  std::uint64_t total_ = 0;
};

TEST_CASE("stored = delivered + dropped + backlog, for each exporter, whatever happens") {
  const Directory directory;
  std::mt19937_64 random(7);
  const auto upto = [&](std::uint64_t n) {
    return std::uniform_int_distribution<std::uint64_t>(0, n)(random);
  };
  LimitedLog model(directory.store());
  std::int64_t at = 0;
  for (int round = 0; round < 400; ++round) {
    at += static_cast<std::int64_t>(upto(2));
    model.commit(at, 1 + upto(300), random);
    const Span held = model.held();
    for (int i = 0; i < 3; ++i) {
      const std::uint64_t first = held.first + upto(held.last - held.first);
      model.deliver("ems", {first, first + upto(200)});
    }
    if (round % 50 == 0) model.deliver("fleet", {held.first, held.first + upto(held.last - held.first)});
    if (round % 20 == 10) {
      model.commit(at, 1, random);
      model.reopen();
    }
  }
  CHECK(model.dropped("ems") > 0);
  CHECK(model.dropped("fleet") > 0);
  CHECK(model.dropped("ems") != model.dropped("fleet"));
}

}  // namespace
}  // namespace flopwatt::store
