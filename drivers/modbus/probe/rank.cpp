#include "drivers/modbus/probe/rank.h"

#include <algorithm>
#include <optional>

namespace flopwatt::modbus {
namespace {

using Verdict = Identification::Verdict;

struct Degree {
  Confidence confidence;
  double score;
};

// What all candidates have to do with each other.
struct Field {
  std::size_t matched = 0;  // profiles that expect what the unit answers
  std::size_t most_values = 1;
  std::size_t fitting = 0;  // profiles that the unit may be, listed or not
};

std::optional<Degree> degree_of(const Candidate& candidate, const Field& field) {
  const double share = candidate.share.ratio();
  const bool fits = candidate.keys.fits;
  if (candidate.is_matched()) {
    if (fits && field.matched == 1) return Degree{Confidence::certain, 0.95 + 0.04 * share};
    if (fits) return Degree{Confidence::likely, 0.7 + 0.2 * share};
    if (candidate.identification.wide && candidate.keys.readable) return Degree{Confidence::likely, 0.5};
    return Degree{Confidence::possible, candidate.identification.wide ? 0.3 : 0.1};
  }
  if (candidate.identification.verdict == Verdict::contradicted || !fits || !candidate.keys.telling)
    return std::nullopt;
  if (candidate.identification.verdict == Verdict::text_fits)  // a maker's name alone identifies no model
    return candidate.identification.names_model ? Degree{Confidence::likely, 0.7 + 0.2 * share}
                                                : Degree{Confidence::possible, 0.3 + 0.19 * share};
  if (candidate.share.is_none()) return std::nullopt;
  // The profile that explains most of what the unit knows comes first.
  const double explained =
      static_cast<double>(candidate.share.plausible) / static_cast<double>(field.most_values);
  const double believed = candidate.identification.verdict == Verdict::refused ? 0.5 : 1;
  return Degree{Confidence::possible, 0.05 + 0.4 * share * explained * believed};
}

std::string of_how_many(std::size_t fitting) {
  if (fitting < 2) return "compare it with the name plate";
  std::string profiles = std::to_string(fitting) + " profiles fit";
  if (fitting <= max_matches) return profiles;
  return profiles + ", these are the " + std::to_string(max_matches) + " likeliest";
}

std::vector<std::string> reasons(const Candidate& candidate, const Field& field) {
  std::vector<std::string> why = candidate.identification.why;
  if (candidate.is_matched() && field.matched > 1)
    why.push_back(std::to_string(field.matched) + " profiles expect the same");
  if (candidate.identification.verdict == Verdict::refused)
    why.emplace_back("it does not answer the registers that identify this model");
  if (!candidate.keys.text.empty())
    why.push_back((candidate.keys.fits ? "plausible: " : "not plausible: ") + candidate.keys.text);
  else if (!candidate.keys.fits)
    why.emplace_back("it does not answer what this profile reads");
  if (candidate.share.all > 0)
    why.push_back(std::to_string(candidate.share.plausible) + " of " + std::to_string(candidate.share.all) +
                  " values are plausible");
  const bool by_values = !candidate.is_matched() && candidate.identification.verdict != Verdict::text_fits;
  if (by_values) why.push_back("values alone identify no model: " + of_how_many(field.fitting));
  return why;
}

}  // namespace

std::string_view name_of(Confidence confidence) {
  switch (confidence) {
    case Confidence::certain:
      return "certain";
    case Confidence::likely:
      return "likely";
    case Confidence::possible:
      break;
  }
  return "possible";
}

std::vector<ProbeMatch> rank(std::span<const Candidate> candidates) {
  Field field;
  for (const Candidate& candidate : candidates) {
    if (candidate.is_matched()) ++field.matched;
    if (candidate.keys.fits) field.most_values = std::max(field.most_values, candidate.share.plausible);
  }
  struct Ranked {
    const Candidate* candidate;
    Degree degree;
  };
  std::vector<Ranked> ranked;
  for (const Candidate& candidate : candidates) {
    if (const auto degree = degree_of(candidate, field)) ranked.push_back({&candidate, *degree});
  }
  field.fitting = ranked.size();
  std::ranges::stable_sort(ranked, std::ranges::greater{},
                           [](const Ranked& one) { return one.degree.score; });
  if (ranked.size() > max_matches) ranked.resize(max_matches);

  std::vector<ProbeMatch> matches;
  for (const auto& [candidate, degree] : ranked) {
    const Identification& said = candidate->identification;
    const MeterProfile& profile = *candidate->profile;
    matches.push_back({profile.id, 0, degree.confidence, degree.score, reasons(*candidate, field),
                       said.vendor.empty() ? profile.vendor : said.vendor,
                       said.model.empty() ? profile.model : said.model, said.serial});
  }
  return matches;
}

}  // namespace flopwatt::modbus
