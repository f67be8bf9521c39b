#include "agent/accounting/contradictions.h"

#include <string>

#include "readings/reading_set.h"

namespace flopwatt::accounting {

void tell_contradictions(std::span<const Member* const> members, ScopeFigures& figures) {
  for (const Member* member : members) {
    if (member == nullptr) continue;
    const bool is_branch = member->branch() != 0;
    const std::string name =
        member->source().name + (is_branch ? "/" + std::to_string(member->branch()) : std::string());
    const RegisterAgreement& agreement = member->energy().agreement();
    figures.registers.push_back({name, member->source().kind, agreement.verdict(),
                                 agreement.ratio().value_or(absent), agreement.compared(), is_branch});
    if (!member->turned().is_told()) continue;
    figures.turned.push_back(member->turned().figures());
    figures.turned.back().source = name;
  }
}

bool is_contradicted(const Member& member) {
  return member.energy().agreement().verdict() == RegisterVerdict::contradicts || member.turned().is_told();
}

}  // namespace flopwatt::accounting
