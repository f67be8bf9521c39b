#include "drivers/modbus/probe/probe.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>
#include <utility>

#include "drivers/modbus/probe/compare.h"
#include "drivers/modbus/probe/interview.h"
#include "drivers/modbus/sunspec/sunspec.h"
#include "drivers/modbus/wire/request_time.h"
#include "runtime/async.h"

namespace flopwatt::modbus {
namespace {

using Verdict = Identification::Verdict;

/// Reading all that a profile has is for the few that are left.
constexpr std::size_t most_read_whole = 8;
constexpr std::size_t most_whole_requests = 40;
constexpr std::size_t most_hints = 3;

constexpr Variation as_documented{};
constexpr std::array mistakes = {Variation{-1, false, false}, Variation{1, false, false},
                                 Variation{0, true, false}, Variation{0, false, true}};

std::string text_of(const Variation& variation) {
  if (variation.shift < 0) return "every address were one lower";
  if (variation.shift > 0) return "every address were one higher";
  return variation.other_word_order ? "the order of words were the other one"
                                    : "function 3 were 4 and function 4 were 3";
}

class UnitProbe {
 public:
  UnitProbe(Connection& connection, std::uint8_t unit, std::span<const MeterProfile> profiles,
            const ProbeOptions& options)
      : connection_(connection),
        profiles_(profiles),
        options_(options),
        interview_(connection, unit, {options.read, options.line, options.unit_limit}) {
    result_.unit = unit;
  }

  awaitable<Result<ProbedUnit>> run() {
    if (auto fault = co_await interview_.greet()) {
      result_.connection_lost = fault->fault_class == FaultClass::connection;
      if (result_.connection_lost && !interview_.may_come_back()) co_return std::move(*fault);
      result_.silence = fault->message;
      co_return std::move(result_);
    }
    result_.answers = true;
    stage("SunSpec");
    if (auto fault = co_await find_sunspec()) co_return std::move(*fault);
    if (result_.found.empty()) co_await find_profile();
    if (interview_.fault()) co_return *interview_.fault();
    co_await compare_best();
    if (!interview_.note().empty()) result_.hints.push_back(interview_.note());
    co_return std::move(result_);
  }

 private:
  void stage(std::string_view what) const {
    if (options_.on_stage) options_.on_stage(what);
  }

  awaitable<void> ask(std::vector<Question> questions) {
    for (const Question& question : questions) co_await interview_.ask(question);
  }

  awaitable<void> ask_keys(const MeterProfile& profile, Variation variation) {
    return ask(key_questions(profile, variation));
  }

  // A device that takes even requests only is asked for one register more where it refuses.
  awaitable<void> ask_identification() {
    for (const MeterProfile& profile : profiles_)
      for (const IdentifyingRegister& reg : profile.identify) {
        co_await interview_.ask(question_of(reg));
        if (profile.limits.even && interview_.answers().find(question_of(reg)) == nullptr)
          co_await interview_.ask(even_question_of(reg));
      }
  }

  [[nodiscard]] ReadOptions sunspec_options() const {
    constexpr std::uint16_t longest = 66;  // registers of model 1
    ReadOptions read = options_.read;
    if (options_.line) read.timeout += exchange_time(*options_.line, longest);
    return read;
  }

  awaitable<std::optional<Fault>> find_sunspec() {
    const ReadOptions read = sunspec_options();
    const auto device = co_await discover_sunspec(connection_, result_.unit, read);
    if (!device) {
      if (device.error().fault_class == FaultClass::connection) co_return device.error();
      // Some are silent where they have no registers; but it may be a SunSpec device all the same.
      result_.hints.push_back("whether it speaks SunSpec is not known: " + device.error().message);
      co_return std::nullopt;
    }
    if (!*device) co_return std::nullopt;
    std::size_t number = 1;
    for (; auto profile = sunspec_profile(**device, number); ++number) {
      profile->kind = "power-meter";
      co_await ask_keys(*profile, as_documented);
      take_sunspec(**device, *profile, number);
      if (!sunspec_) sunspec_ = *profile;
    }
    if (number > 1)
      result_.hints.emplace_back(
          "a profile of this model, where there is one (flopwatt profiles), may read finer "
          "registers than SunSpec");
    else
      result_.hints.push_back("it is a SunSpec device (" + (*device)->manufacturer + ' ' + (*device)->model +
                              ") without a meter model of 201 to 204 or 211 to 214");
    co_return std::nullopt;
  }

  void take_sunspec(const SunSpecDevice& device, const MeterProfile& profile, std::size_t number) {
    const KeyValues keys = check_keys(profile, as_documented, interview_.answers());
    ProbeMatch match;
    match.profile = "sunspec";
    match.sunspec_model = static_cast<std::uint8_t>(number);
    match.confidence = Confidence::certain;
    match.score = keys.fits ? 0.99 : 0.95;
    match.why.push_back("SunSpec marker at " + std::to_string(device.base) + " and model 1");
    match.why.push_back("meter model " + model_text(device, number));
    if (!keys.text.empty()) match.why.push_back((keys.fits ? "plausible: " : "not plausible: ") + keys.text);
    const SunSpecCommon common = sunspec_common(device, number).value_or(SunSpecCommon{});
    match.vendor = common.manufacturer;
    match.model = common.model;
    match.serial = common.serial;
    result_.found.push_back(std::move(match));
  }

  static std::string model_text(const SunSpecDevice& device, std::size_t number) {
    std::size_t meters = 0;
    for (const SunSpecModel& model : device.models)
      if (model.is_meter() && ++meters == number)
        return std::to_string(model.id) + " at " + std::to_string(model.address);
    return std::to_string(number);
  }

  awaitable<void> compare_best() {
    if (result_.found.empty() || options_.compare_limit <= std::chrono::seconds(0)) co_return;
    const std::string& id = result_.found.front().profile;
    const auto known = std::ranges::find(profiles_, id, &MeterProfile::id);
    const MeterProfile* profile = sunspec_ ? &*sunspec_ : known == profiles_.end() ? nullptr : &*known;
    if (profile == nullptr) co_return;
    stage("energy register against power");
    const auto texts = co_await compare_registers(connection_, result_.unit, *profile,
                                                  {options_.read, options_.line, options_.unit_limit},
                                                  options_.compare_limit);
    const std::string by_profile = "by the profile " + id + ' ';
    for (const std::string& text : texts) result_.hints.push_back(by_profile + text);
  }

  awaitable<void> find_profile() {
    stage("identification");
    co_await ask_identification();

    std::vector<Candidate> candidates;
    for (const MeterProfile& profile : profiles_) {
      Candidate candidate{&profile, identify(profile, interview_.answers())};
      if (candidate.identification.verdict != Verdict::contradicted)
        candidates.push_back(std::move(candidate));
    }
    stage("values");
    co_await narrow(candidates);
    co_await read_whole(candidates);
    Ranking ranking = rank(candidates);
    result_.found = std::move(ranking.matches);
    result_.note = std::move(ranking.note);
    hint_at_unranked(candidates);
    if (std::ranges::none_of(candidates, [](const Candidate& one) { return one.keys.fits; })) {
      stage("shifted addresses and other word orders");
      co_await look_for_mistakes(candidates);
    }
  }

  // A profile cannot be ranked if it has neither voltage nor frequency, or if the unit answers single values
  // only. Such profiles are named where no other profile fits.
  void hint_at_unranked(const std::vector<Candidate>& candidates) {
    if (!result_.found.empty()) return;
    for (const Candidate& candidate : candidates) {
      if (!candidate.keys.fits || result_.hints.size() >= most_hints) continue;
      if (!candidate.keys.telling)
        result_.hints.push_back(
            candidate.profile->id +
            " could be read, but has no voltage or frequency to confirm it: " + candidate.keys.text);
      else if (candidate.share.is_none())
        result_.hints.push_back("single values of the profile " + candidate.profile->id + " are plausible (" +
                                candidate.keys.text +
                                "), but the unit refuses its whole requests; if it is this model, configure "
                                "it: a refused request is split");
    }
  }

  // Where an identification is expected of some, and one of these has plausible values, the others are out.
  awaitable<void> narrow(std::vector<Candidate>& candidates) {
    const auto is_matched = [](const Candidate& candidate) { return candidate.is_matched(); };
    const auto others = std::stable_partition(candidates.begin(), candidates.end(), is_matched);
    for (auto one = candidates.begin(); one != candidates.end(); ++one) {
      const bool settled =
          one == others &&
          std::any_of(candidates.begin(), others, [](const Candidate& known) { return known.keys.fits; });
      if (settled) {
        candidates.erase(others, candidates.end());
        co_return;
      }
      co_await ask_keys(*one->profile, as_documented);
      one->keys = check_keys(*one->profile, as_documented, interview_.answers());
    }
  }

  awaitable<void> read_whole(std::vector<Candidate>& candidates) {
    std::size_t read = 0;
    for (Candidate& candidate : candidates) {
      if (!candidate.keys.fits || ++read > most_read_whole) continue;
      const MeterProfile& profile = *candidate.profile;
      std::vector<Question> questions = questions_of(plan_reads(profile.registers, profile.limits));
      if (questions.size() > most_whole_requests) questions.resize(most_whole_requests);
      co_await ask(std::move(questions));
      if (interview_.note().empty()) candidate.share = check_all(profile, interview_.answers());
    }
  }

  // An address or a word order that is wrong in a profile, or set differently at the meter, is reported as a
  // hint and never corrected silently.
  awaitable<void> look_for_mistakes(const std::vector<Candidate>& candidates) {
    for (const Candidate& candidate : candidates) {
      const MeterProfile& profile = *candidate.profile;
      for (const Variation& variation : mistakes) {
        if (result_.hints.size() >= most_hints) co_return;
        co_await ask_keys(profile, variation);
        const KeyValues keys = check_keys(profile, variation, interview_.answers());
        if (keys.fits && keys.telling)
          result_.hints.push_back("the profile " + profile.id + " would fit if " + text_of(variation) + ": " +
                                  keys.text +
                                  "; compare it with the manual, and with the settings of the meter");
      }
    }
  }

  Connection& connection_;
  std::span<const MeterProfile> profiles_;
  const ProbeOptions& options_;
  Interview interview_;
  std::optional<MeterProfile> sunspec_;  // of the unit's first meter
  ProbedUnit result_;
};

}  // namespace

awaitable<Result<ProbedUnit>> probe_unit(Connection& connection, std::uint8_t unit,
                                         std::span<const MeterProfile> profiles,
                                         const ProbeOptions& options) {
  UnitProbe probe(connection, unit, profiles, options);
  co_return co_await probe.run();
}

}  // namespace flopwatt::modbus
