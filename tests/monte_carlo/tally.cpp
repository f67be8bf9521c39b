#include "tests/monte_carlo/tally.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>

namespace flopwatt::monte_carlo {
namespace {

double per_cent(std::size_t part, std::size_t whole) {
  return whole == 0 ? 0 : 100 * static_cast<double>(part) / static_cast<double>(whole);
}

// In [v (1 - u), v (1 + u)], with v = truth x (1 + error).
bool is_inside(const Outcome& outcome) {
  return std::abs(outcome.error) <= (1 + outcome.error) * outcome.uncertainty;
}

}  // namespace

void Tally::add(const Outcome& outcome) {
  ++windows;
  if (outcome.has_figure) published.push_back(outcome);
}

void Tally::add(const Tally& other) {
  windows += other.windows;
  published.insert(published.end(), other.published.begin(), other.published.end());
}

double Tally::inside() const {
  return per_cent(static_cast<std::size_t>(std::ranges::count_if(published, is_inside)), published.size());
}

double Tally::inside(bool is_closed) const {
  const auto of_kind = [&](const Outcome& one) { return one.is_closed == is_closed; };
  const auto held = [&](const Outcome& one) { return of_kind(one) && is_inside(one); };
  return per_cent(static_cast<std::size_t>(std::ranges::count_if(published, held)),
                  static_cast<std::size_t>(std::ranges::count_if(published, of_kind)));
}

double Tally::with_figure() const { return per_cent(published.size(), windows); }

double Tally::mean_uncertainty() const {
  double sum = 0;
  for (const Outcome& one : published) sum += one.uncertainty;
  return published.empty() ? 0 : 100 * sum / static_cast<double>(published.size());
}

double Tally::bias() const {
  double sum = 0;
  for (const Outcome& one : published) sum += one.error;
  return published.empty() ? 0 : 100 * sum / static_cast<double>(published.size());
}

double Tally::half_width_95() const {
  if (published.empty()) return 0;
  std::vector<double> needed;
  for (const Outcome& one : published) needed.push_back(std::abs(one.error) / (1 + one.error));
  std::ranges::sort(needed);
  const auto rank = static_cast<std::size_t>(std::ceil(0.95 * static_cast<double>(needed.size())));
  return 100 * needed.at(std::max<std::size_t>(rank, 1) - 1);
}

std::string table_head() {
  std::string head = "                                        ";
  for (const int length : window_lengths_s) {
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), " | %3d s   n inside%%    u%%  h95%%  bias%% fig%%", length);
    head += text.data();
  }
  return head;
}

std::string table_line(const std::string& name, const Tallies& tallies) {
  std::array<char, 96> text{};
  std::snprintf(text.data(), text.size(), "%-40s", name.c_str());
  std::string line = text.data();
  for (const Tally& tally : tallies) {
    if (tally.published.size() < fewest_windows)
      std::snprintf(text.data(), text.size(), " | %9zu       -     -     -      - %4.0f",
                    tally.published.size(), tally.with_figure());
    else
      std::snprintf(text.data(), text.size(), " | %9zu %7.1f %5.1f %5.1f %+6.1f %4.0f",
                    tally.published.size(), tally.inside(), tally.mean_uncertainty(), tally.half_width_95(),
                    tally.bias(), tally.with_figure());
    line += text.data();
  }
  return line;
}

}  // namespace flopwatt::monte_carlo
