// What members of a scope say against each other, or against themselves.
#pragma once

#include <span>

#include "agent/accounting/member.h"
#include "readings/scope_figures.h"

namespace flopwatt::accounting {

/// Appends to `figures.registers` and `figures.turned`. A null member is a source without a set so far.
void tell_contradictions(std::span<const Member* const> members, ScopeFigures& figures);

/// Whether the energy of the member cannot be told right.
[[nodiscard]] bool is_contradicted(const Member& member);

}  // namespace flopwatt::accounting
