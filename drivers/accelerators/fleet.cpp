#include "drivers/accelerators/fleet.h"

#include <algorithm>
#include <utility>

#include "readings/pci_address.h"
#include "runtime/log.h"

namespace flopwatt::accelerators {
namespace {

using std::chrono::duration_cast;

std::chrono::microseconds since(SteadyTime begun) {
  return duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - begun);
}

}  // namespace

std::chrono::microseconds Beat::lateness() const {
  return duration_cast<std::chrono::microseconds>(begun - due);
}

Fleet::Fleet(const Vendor& vendor, AcceleratorConfig config, std::vector<NameOverride> names,
             VendorTable table, NumberOf number_of, IntegratedEnergies& energies)
    : vendor_(vendor),
      config_(std::move(config)),
      table_(std::move(table)),
      names_(std::move(names)),
      number_of_(std::move(number_of)),
      energies_(energies) {}

std::string Fleet::name_for(const std::string& pci, const std::vector<NameOverride>& names) const {
  const std::string numbered = std::string(vendor_.keys.name) + std::to_string(number_of_(pci));
  const auto chosen =
      std::ranges::find(names, pci, [](const NameOverride& name) { return normal_pci(name.pci); });
  return chosen == names.end() ? numbered : chosen->name;
}

bool Fleet::take_names(const std::vector<NameOverride>& names) {
  const bool hold = std::ranges::all_of(members_, [&](const Member& member) {
    return member.accelerator.source()->name == name_for(member.pci, names);
  });
  if (hold) names_ = names;
  return hold;
}

Fleet::Member& Fleet::find_or_add(const DeviceIdentity& identity, bool& is_new) {
  const auto known = std::ranges::find(members_, identity.pci, &Member::pci);
  is_new = known == members_.end();
  if (!is_new) return *known;
  return members_.emplace_back(Member{
      .accelerator =
          Accelerator(vendor_, config_, table_, name_for(identity.pci, names_), energies_[identity.pci]),
      .pci = identity.pci});
}

void Fleet::bind(const Hello& hello, Intake& intake) {
  // Those that are seen for the first time are numbered in the order of their addresses.
  std::vector<std::string> addresses;
  for (const DeviceIdentity& identity : hello.devices) addresses.push_back(identity.pci);
  std::ranges::sort(addresses);
  for (const std::string& pci : addresses) (void)number_of_(pci);
  by_device_.clear();
  for (const DeviceIdentity& identity : hello.devices) {
    bool is_new = false;
    Member& member = find_or_add(identity, is_new);
    by_device_.push_back(&member);
    const SourcePtr before = member.accelerator.source();
    if (before && member.accelerator.identity() == identity && before->identity.driver == hello.driver)
      continue;
    member.accelerator.describe(identity, hello.driver);
    const SourcePtr& source = member.accelerator.source();
    if (is_new)
      member.id = intake.add(source);
    else
      intake.describe(member.id, source);
    log::info(
        is_new ? "accelerator found" : "accelerator has another identity",
        {{"source", source->name}, {"model", identity.name}, {"uuid", identity.uuid}, {"pci", identity.pci}});
    if (const std::string& reason = member.accelerator.no_work_reason(); !reason.empty())
      log::warn("the work of this accelerator is not metered by its pipes",
                {{"source", source->name}, {"reason", reason}});
  }
}

void Fleet::remove_sources(Intake& intake) {
  for (const Member& member : members_) intake.remove(member.id);
  by_device_.clear();
  members_.clear();
}

void Fleet::begin_poll() {
  for (Member& member : members_) member.answered = false;
}

void Fleet::answer(const DeviceMessage& message, const Beat& beat, Intake& intake) {
  Member& member = *by_device_.at(message.device);
  member.answered = true;
  if (message.result) {
    intake.accept(member.id, member.accelerator.make_set(*message.result), beat.lateness(),
                  since(beat.begun));
  } else {
    const DeviceFailure& failure = message.result.error();
    intake.fail(member.id, Fault{FaultClass::device, failure.text, failure.code}, beat.lateness(),
                since(beat.begun));
  }
}

void Fleet::fail_the_rest(const Fault& fault, const Beat& beat, Intake& intake) {
  for (Member& member : members_)
    if (!member.answered) intake.fail(member.id, fault, beat.lateness(), since(beat.begun));
}

std::string Fleet::why_absent(SourceId id, Channel channel) const {
  const auto member = std::ranges::find(members_, id, &Member::id);
  return member == members_.end() ? "" : member->accelerator.why_absent(channel);
}

void Fleet::skip(std::uint64_t beats, Intake& intake) {
  for (const Member& member : members_) intake.skip(member.id, beats);
}

}  // namespace flopwatt::accelerators
