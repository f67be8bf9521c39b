#include "agent/commands/read/survey.h"

#include <doctest/doctest.h>

using namespace flopwatt;
using namespace flopwatt::commands;
using namespace std::chrono_literals;

namespace {

SourcePtr source(SourceKind kind, const char* name, std::vector<Field> fields) {
  auto made = std::make_shared<Source>();
  made->kind = kind;
  made->name = name;
  made->identity.vendor = "NVIDIA";
  made->identity.model = "NVIDIA H100";
  made->fields = std::move(fields);
  return made;
}

SourcePtr plain_meter() {
  return source(SourceKind::meter, "pdu-a",
                {{.channel = {Quantity::active_power}, .wire = Wire::f32},
                 {.channel = {Quantity::frequency}, .wire = Wire::f32}});
}

SourcePtr accelerator() {
  return source(SourceKind::accelerator, "nvidia0",
                {{.channel = {Quantity::power}, .wire = Wire::f32},
                 {.channel = {Quantity::pipe_work}, .wire = Wire::f64}});
}

ReadingSet set(const SourcePtr& of, std::vector<double> values) {
  return {.source = of, .time = {1'700'000'000'000'000, 1'000'000}, .values = std::move(values)};
}

const Survey::WhyAbsent nobody_knows = [](SourceId, Channel) { return std::string(); };

}  // namespace

TEST_CASE("a meter has answered after one poll, an accelerator after two, either with a failure") {
  Survey survey;
  CHECK(survey.complete());
  const SourcePtr pdu = plain_meter(), gpu = accelerator();
  const SourceId a = survey.add(pdu), b = survey.add(gpu);
  CHECK_FALSE(survey.complete());
  survey.accept(a, set(pdu, {100, 50}), 0us, 1ms);
  CHECK_FALSE(survey.complete());
  survey.accept(b, set(gpu, {700, 0}), 0us, 1ms);
  CHECK_FALSE(survey.complete());
  survey.accept(b, set(gpu, {710, 1e15}), 0us, 1ms);
  CHECK(survey.complete());
  survey.accept(a, set(pdu, {200, 50}), 0us, 1ms);  // once means once

  const auto reports = survey.reports(nobody_knows, "late");
  REQUIRE(reports.size() == 2);
  CHECK(find_figure(reports[0].figures, "active_power_w")->to_number<double>() == 100);
  CHECK(reports[0].missing.empty());
  CHECK(reports[1].description == "NVIDIA H100");
  CHECK(find_figure(reports[1].figures, "power_w")->to_number<double>() == 710);
  CHECK(find_figure(reports[1].figures, "flop_total")->to_number<double>() == 1e15);
  CHECK(find_figure(reports[1].figures, "method")->as_string() == "pipe");
}

TEST_CASE("a second sample that fails leaves the first; without any the source is down") {
  Survey survey;
  const SourcePtr gpu = accelerator();
  const SourceId id = survey.add(gpu);
  survey.accept(id, set(gpu, {700, 0}), 0us, 1ms);
  survey.fail(id, {FaultClass::device, "lost"}, 0us, 1ms);
  CHECK(survey.complete());
  CHECK(survey.reports(nobody_knows, "late")[0].up());

  const SourceId silent = survey.add(plain_meter());
  survey.fail(silent, {FaultClass::timeout, "no answer"}, 0us, 1s);
  const auto down = survey.reports(nobody_knows, "late")[1];
  CHECK(down.fault == "no answer");
  REQUIRE(down.missing.size() == 2);
  CHECK(down.missing[0].reason == "no answer");

  survey.add(plain_meter());
  CHECK_FALSE(survey.complete());
  CHECK(survey.reports(nobody_knows, "late")[2].fault == "late");
}

TEST_CASE("a figure that is missing has its driver's reason, else what is known of the kind of source") {
  Survey survey;
  const SourcePtr pdu = plain_meter(), gpu = accelerator();
  const SourceId id = survey.add(pdu);
  survey.accept(id, set(pdu, {100, absent}), 0us, 1ms);
  const SourceId card = survey.add(gpu);
  survey.accept(card, set(gpu, {700, absent}), 0us, 1ms);
  const auto why = [id](SourceId asked, Channel channel) {
    return asked == id && channel.quantity == Quantity::frequency ? "exception 2" : "";
  };
  const auto reports = survey.reports(why, "late");
  REQUIRE(reports[0].missing.size() == 1);
  CHECK(reports[0].missing[0].key == "frequency_hz");
  CHECK(reports[0].missing[0].reason == "exception 2");
  for (const Missing& missing : reports[1].missing) CHECK_FALSE(missing.reason.empty());
  survey.remove(id);
  survey.remove(card);
  CHECK(survey.reports(why, "late").empty());
}
