#include "config/profiles/register_limits.h"

#include <algorithm>
#include <numeric>

namespace flopwatt {
namespace {

struct Extent {
  std::uint32_t begin = 0, end = 0;  // wider than u16: the end may be 65536
};

Extent aligned(Extent extent, const ReadLimits& limits) {
  const auto step = std::lcm(std::uint32_t{limits.block}, limits.even ? 2U : 1U);
  return {extent.begin / step * step, (extent.end + step - 1) / step * step};
}

Extent extent_of(const Register& reg) {
  const std::uint32_t width = reg.width();
  const std::uint32_t other = reg.minus.value_or(reg.address);
  return {std::min<std::uint32_t>(reg.address, other), std::max<std::uint32_t>(reg.address, other) + width};
}

Extent extent_of(const ScaleRegister& scale) {
  return {scale.address, std::uint32_t{scale.address} + scale.width()};
}

std::string why_no_request(Extent used, const ReadLimits& limits) {
  const Extent request = aligned(used, limits);
  const std::string span = std::to_string(request.begin) + " to " + std::to_string(request.end - 1);
  if (request.end - request.begin > limits.max_registers)
    return "needs the registers " + span + " in one request, but max_registers is " +
           std::to_string(limits.max_registers);
  if (request.end > 65536) return "needs the registers " + span + ", but the last one is 65535";
  const auto touched = std::ranges::find_if(limits.forbidden, [&](const AddressRange& range) {
    return range.first < request.end && request.begin <= range.last;
  });
  if (touched != limits.forbidden.end())
    return "needs the registers " + span + ", but " + std::to_string(touched->first) + " to " +
           std::to_string(touched->last) + " are forbidden";
  return "";
}

}  // namespace

std::uint32_t needed_registers(const Register& reg, const ReadLimits& limits) {
  const auto length = [&](Extent used) {
    const Extent request = aligned(used, limits);
    return request.end - request.begin;
  };
  std::uint32_t needed = length(extent_of(reg));
  for (const ScaleRegister& scale : reg.scaled_by) needed = std::max(needed, length(extent_of(scale)));
  return needed;
}

std::string why_unreadable(const Register& reg, const ReadLimits& limits) {
  if (reg.width() > limits.max_registers)
    return "is " + std::to_string(reg.width()) + " registers wide, but max_registers is " +
           std::to_string(limits.max_registers);
  if (std::string reason = why_no_request(extent_of(reg), limits); !reason.empty()) return reason;
  for (const ScaleRegister& scale : reg.scaled_by) {
    const std::string reason = why_no_request(extent_of(scale), limits);
    if (!reason.empty()) return "is scaled by a register that " + reason;
  }
  return "";
}

}  // namespace flopwatt
