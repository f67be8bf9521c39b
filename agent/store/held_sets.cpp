#include "agent/store/held_sets.h"

#include <algorithm>
#include <iterator>
#include <string_view>

namespace flopwatt::store {
namespace {

constexpr std::uint8_t version_of_held_sets = 1;

void put_text(Bytes& out, std::string_view text) {
  put_varint(out, text.size());
  out.insert(out.end(), text.begin(), text.end());
}

std::string text_from(ByteReader& reader) {
  const auto bytes = reader.take(reader.varint());
  return {bytes.begin(), bytes.end()};
}

std::optional<SourceKind> kind_from(ByteReader& reader) {
  const std::string name = text_from(reader);
  const auto* const kind =
      std::ranges::find(all_source_kinds, std::string_view(name), [](SourceKind k) { return name_of(k); });
  if (kind == all_source_kinds.end()) return std::nullopt;
  return *kind;
}

}  // namespace

bool HeldSets::has_room_for(const HeldSource& source) const {
  return runs_.size() < max_sources || runs_.contains(source);
}

void HeldSets::add(const HeldSource& source, const HeldRun& run) {
  Runs& runs = runs_[source];
  const auto next =
      std::ranges::lower_bound(runs, run.span.first, {}, [](const HeldRun& each) { return each.span.first; });
  if (next != runs.begin()) {
    HeldRun& before = *std::prev(next);
    if (before.span.last + 1 == run.span.first && before.hold == run.hold) {
      before.span.last = run.span.last;
      before.readings += run.readings;
      return;
    }
  }
  runs.insert(next, run);
  if (runs.size() > max_runs) join_nearest(runs);
}

void HeldSets::join_nearest(Runs& runs) {
  auto nearest = runs.end();
  for (auto run = std::next(runs.begin()); run != runs.end(); ++run) {
    const auto distance = [](auto each) { return each->span.first - std::prev(each)->span.last; };
    if (std::prev(run)->hold != run->hold) continue;
    if (nearest == runs.end() || distance(run) < distance(nearest)) nearest = run;
  }
  // Of 65 runs that alternate between both kinds none are alike side by side: the first two become waiting.
  if (nearest == runs.end()) {
    nearest = std::next(runs.begin());
    std::prev(nearest)->hold = Hold::waiting;
  }
  HeldRun& before = *std::prev(nearest);
  before.span.last = nearest->span.last;
  before.readings += nearest->readings;
  runs.erase(nearest);
}

std::optional<Span> HeldSets::overlap(const HeldSource& source, Span span) const {
  const auto of_source = runs_.find(source);
  if (of_source == runs_.end()) return std::nullopt;
  const auto run = std::ranges::lower_bound(of_source->second, span.first, {},
                                            [](const HeldRun& each) { return each.span.last; });
  if (run == of_source->second.end() || run->span.first > span.last) return std::nullopt;
  return Span{std::max(run->span.first, span.first), std::min(run->span.last, span.last)};
}

std::uint64_t HeldSets::take(const HeldSource& source, Span part, std::uint64_t seen_readings) {
  const auto of_source = runs_.find(source);
  if (of_source == runs_.end()) return 0;
  Runs& runs = of_source->second;
  const auto run = std::ranges::find(runs, part.first, [](const HeldRun& each) { return each.span.first; });
  if (run == runs.end()) return 0;
  if (part.last < run->span.last) {
    const std::uint64_t taken = std::min(seen_readings, run->readings);
    run->readings -= taken;
    run->span.first = part.last + 1;
    return taken;
  }
  const std::uint64_t taken = run->readings;
  runs.erase(run);
  if (runs.empty()) runs_.erase(of_source);
  return taken;
}

void HeldSets::extend_over(Span done, const std::set<HeldSource>& sources_inside) {
  for (auto& [source, runs] : runs_)
    if (runs.back().span.last + 1 == done.first && !sources_inside.contains(source))
      runs.back().span.last = done.last;
}

bool HeldSets::contains(const HeldSource& source, std::uint64_t seq) const {
  const auto of_source = runs_.find(source);
  if (of_source == runs_.end()) return false;
  const auto run = std::ranges::lower_bound(of_source->second, seq, {},
                                            [](const HeldRun& each) { return each.span.last; });
  return run != of_source->second.end() && run->span.first <= seq;
}

std::optional<Span> HeldSets::lowest(Hold hold, std::uint64_t from, const Predicate& may_go) const {
  std::optional<Span> lowest;
  for (const auto& [source, runs] : runs_) {
    const auto run = std::ranges::find_if(
        runs, [&](const HeldRun& each) { return each.hold == hold && each.span.first >= from; });
    if (run == runs.end() || (lowest && lowest->first <= run->span.first) || !may_go(source)) continue;
    lowest = run->span;
  }
  return lowest;
}

std::map<HeldSource, std::vector<Span>> HeldSets::runs_from(Hold hold, std::uint64_t from,
                                                            const Predicate& may_go) const {
  std::map<HeldSource, std::vector<Span>> found;
  for (const auto& [source, runs] : runs_) {
    if (!may_go(source)) continue;
    for (const HeldRun& run : runs)
      if (run.hold == hold && run.span.first >= from) found[source].push_back(run.span);
  }
  return found;
}

std::uint64_t HeldSets::lose(const HeldSource& source, std::uint64_t seq, std::uint64_t readings) {
  if (!contains(source, seq)) return 0;
  Runs& runs = runs_.at(source);
  HeldRun& run = *std::ranges::lower_bound(runs, seq, {}, [](const HeldRun& each) { return each.span.last; });
  const std::uint64_t lost = std::min(run.readings, readings);
  run.readings -= lost;
  return lost;
}

std::uint64_t HeldSets::cut_through(std::uint64_t seq) {
  std::uint64_t rest = 0;
  for (auto& [source, runs] : runs_) {
    std::erase_if(runs, [&](const HeldRun& run) {
      if (run.span.last > seq) return false;
      rest += run.readings;
      return true;
    });
    if (!runs.empty()) runs.front().span.first = std::max(runs.front().span.first, seq + 1);
  }
  std::erase_if(runs_, [](const auto& each) { return each.second.empty(); });
  return rest;
}

std::uint64_t HeldSets::readings(Hold hold) const {
  std::uint64_t sum = 0;
  for (const auto& [source, runs] : runs_)
    for (const HeldRun& run : runs)
      if (run.hold == hold) sum += run.readings;
  return sum;
}

std::optional<std::uint64_t> HeldSets::first() const {
  std::optional<std::uint64_t> first;
  for (const auto& [source, runs] : runs_)
    if (!first || runs.front().span.first < *first) first = runs.front().span.first;
  return first;
}

Bytes HeldSets::packed() const {
  Bytes out;
  if (runs_.empty()) return out;
  put_varint(out, version_of_held_sets);
  for (const auto& [source, runs] : runs_) {
    put_text(out, name_of(source.kind));
    put_text(out, source.name);
    put_varint(out, runs.size());
    std::uint64_t end = 0;
    for (const HeldRun& run : runs) {
      put_varint(out, run.span.first - end);
      put_varint(out, run.span.last - run.span.first);
      put_varint(out, run.readings);
      put_varint(out, static_cast<std::uint64_t>(run.hold));
      end = run.span.last;
    }
  }
  return out;
}

std::optional<HeldSets> HeldSets::unpacked(std::span<const std::uint8_t> bytes) {
  HeldSets held;
  if (bytes.empty()) return held;
  ByteReader reader(bytes);
  if (reader.varint() != version_of_held_sets) return std::nullopt;
  while (reader.ok() && !reader.at_end()) {
    const auto kind = kind_from(reader);
    if (!kind) return std::nullopt;
    HeldSource source{*kind, text_from(reader)};
    Runs runs;
    std::uint64_t end = 0;
    for (std::uint64_t count = reader.varint(); count > 0 && reader.ok(); --count) {
      HeldRun run;
      run.span.first = end + reader.varint();
      run.span.last = run.span.first + reader.varint();
      run.readings = reader.varint();
      run.hold = reader.varint() == 0 ? Hold::waiting : Hold::set_aside;
      if (run.span.first <= end || run.span.empty()) return std::nullopt;
      end = run.span.last;
      runs.push_back(run);
    }
    if (runs.empty() || runs.size() > max_runs) return std::nullopt;
    held.runs_.emplace(std::move(source), std::move(runs));
  }
  if (!reader.ok()) return std::nullopt;
  return held;
}

}  // namespace flopwatt::store
