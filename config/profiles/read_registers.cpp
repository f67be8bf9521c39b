#include "config/profiles/read_registers.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "config/profiles/read_register_type.h"
#include "config/profiles/read_scaling.h"
#include "config/profiles/register_limits.h"
#include "config/profiles/units.h"
#include "config/yaml/map_reader.h"
#include "config/yaml/nearest.h"

namespace flopwatt {
namespace {

// One entry of the list; of a range of branches all of them.
struct Entry {
  Placement placement;
  Register first;  // its channel only where published
  std::uint16_t stride = 0;
  std::vector<std::uint16_t> scale_strides;  // of first.scaled_by
  Position at;

  // The register of the `offset`th branch.
  [[nodiscard]] Register branch(std::uint16_t offset) const {
    const auto moved = [offset](std::uint16_t address, std::uint16_t by) {
      return static_cast<std::uint16_t>(address + offset * by);
    };
    Register reg = first;
    reg.address = moved(reg.address, stride);
    if (reg.minus) reg.minus = moved(*reg.minus, stride);
    for (std::size_t i = 0; i < reg.scaled_by.size(); ++i)
      reg.scaled_by[i].address = moved(reg.scaled_by[i].address, scale_strides[i]);
    if (reg.channel.place == Place::branch)
      reg.channel.branch = static_cast<std::uint16_t>(reg.channel.branch + offset);
    return reg;
  }
};

// The factor from the unit of the entry to the held unit, 1 where none is written. `placement`
// may be unknown (nullptr).
double read_unit(MapReader& map, const Placement* placement) {
  const YamlNode* node = map.find("unit");
  if (node == nullptr || placement == nullptr) return 1.0;
  const std::string* unit = text_of(*node, "unit", map.report());
  if (unit == nullptr) return 1.0;
  const std::optional<double> factor = unit_factor(*unit, placement->unit());
  if (!factor)
    map.report().error(node->at, "unit: '" + unit->substr(0, 60) + "' is no unit of " +
                                     std::string(placement->quantity) + "; write " +
                                     list_words(units_for(placement->unit())));
  return factor.value_or(1.0);
}

void read_minus(MapReader& map, Entry& entry) {
  const YamlNode* node = map.find("minus");
  std::int64_t address = 0;
  if (!map.read_integer("minus", {0, 65535}, address)) return;
  const std::int64_t last =
      address + std::int64_t{entry.placement.branches - 1} * entry.stride + entry.first.width();
  if (last > 65536)
    map.report().error(node->at, "minus: a value of " + std::to_string(entry.first.width()) +
                                     " registers does not fit there; the last register is 65535");
  entry.first.minus = static_cast<std::uint16_t>(address);
}

void read_stride_of(MapReader& map, Entry& entry) {
  const std::size_t errors_before = map.report().error_count();
  entry.stride = read_stride(map, entry.placement.branches, entry.first.address, entry.first.width());
  if (entry.placement.branches > 1 && entry.stride == 0 && map.report().error_count() == errors_before)
    map.report().error(entry.at,
                       "a range of branches needs the key 'stride': how far the register of the "
                       "next branch is away");
}

std::optional<Entry> read_entry(const YamlNode& node, Unpublished unpublished, Reporter& report) {
  const std::size_t errors_before = report.error_count();
  MapReader map(node, "a register", report);
  Entry entry;
  entry.at = node.at;
  const std::optional<Placement> placement = read_placement(map, unpublished);
  if (placement) entry.placement = *placement;
  const std::optional<RegisterPlace> place = read_register_place(map, {.mod10k = true});
  Register& reg = entry.first;
  if (place) {
    reg.address = place->address;
    reg.function = place->function;
    reg.wire = place->wire;
    reg.word_order = place->word_order;
    reg.encoding = place->encoding;
  }
  reg.channel = entry.placement.channel;
  if (placement)
    read_stride_of(map, entry);
  else
    (void)map.find("stride");
  read_minus(map, entry);
  for (ScaleEntry& scale : read_scaled_by(map, entry.placement.branches)) {
    reg.scaled_by.push_back(std::move(scale.scale));
    entry.scale_strides.push_back(scale.stride);
  }
  const double scale = read_scale(map);
  const double factor = read_unit(map, placement ? &*placement : nullptr);
  reg.scale = scale * factor;
  double resolution = 0;
  map.read_number("resolution", {0, 1e12}, resolution);
  reg.resolution = resolution * factor;
  if (place)
    reg.unavailable = read_unavailable(map, *place);
  else
    (void)map.find("unavailable");
  map.read_bool("alone", reg.alone);
  map.finish();
  if (report.error_count() != errors_before) return std::nullopt;
  return entry;
}

// The entries of one list, each checked against those before it.
class RegisterBook {
 public:
  RegisterBook(const ReadLimits& limits, Reporter& report) : limits_(limits), report_(report) {}

  void add(const Entry& entry) {
    for (std::uint16_t offset = 0; offset < entry.placement.branches; ++offset)
      if (!add_one(entry, offset)) return;  // the other branches would only repeat it
    if (entry.placement.unpublished != nullptr)
      list_.unread.push_back({std::string(entry.placement.quantity), entry.placement.place,
                              entry.first.address, std::string(entry.placement.unpublished->reason)});
  }

  // Once all are there.
  RegisterList finish() {
    for (const Placed& one : placed_)
      if (one.is_read) check_helpers(one);
    return std::move(list_);
  }

 private:
  struct Placed {
    std::string name;
    Position at;
    Register reg;
    bool is_read = true;
  };

  bool fail(Position at, const std::string& message) {
    report_.error(at, message);
    return false;
  }

  static std::string in_line(Position at) { return " (line " + std::to_string(at.line) + ")"; }

  static std::uint32_t key_of(std::uint8_t function, std::uint32_t address) {
    return (std::uint32_t{function} << 16U) | address;
  }

  bool add_one(const Entry& entry, std::uint16_t offset) {
    if (placed_.size() >= most_registers)
      return fail(entry.at, "registers: more than " + std::to_string(most_registers) +
                                " with their branches; take some out");
    Placed added{entry.placement.name(offset), entry.at, entry.branch(offset),
                 entry.placement.row != nullptr};
    const auto same = names_.find(added.name);
    if (same != names_.end())
      return fail(added.at, added.name + " is given twice" + in_line(placed_[same->second].at) +
                                "; keep the finer one");
    if (added.is_read)
      if (const std::string reason = why_unreadable(added.reg, limits_); !reason.empty())
        return fail(added.at, added.name + ' ' + reason);
    if (const Placed* other = overlapped(added))
      return fail(added.at, added.name + " at " + std::to_string(added.reg.address) + " overlaps " +
                                other->name + " at " + std::to_string(other->reg.address) +
                                in_line(other->at));
    for (std::uint32_t i = 0; i < added.reg.width(); ++i)
      used_.try_emplace(key_of(added.reg.function, added.reg.address + i), placed_.size());
    names_.emplace(added.name, placed_.size());
    if (added.is_read) list_.registers.push_back(added.reg);
    placed_.push_back(std::move(added));
    return true;
  }

  // What has one of its registers already. A difference may be listed beside what it is taken of.
  [[nodiscard]] const Placed* overlapped(const Placed& added) const {
    for (std::uint32_t i = 0; i < added.reg.width(); ++i) {
      const auto found = used_.find(key_of(added.reg.function, added.reg.address + i));
      if (found == used_.end()) continue;
      const Placed& other = placed_[found->second];
      const bool same = other.reg.address == added.reg.address && other.reg.width() == added.reg.width();
      const bool of_difference = (!other.is_read && added.reg.minus) || (!added.is_read && other.reg.minus);
      if (!same || !of_difference) return &other;
    }
    return nullptr;
  }

  // `minus` and scale registers are no values by themselves.
  void check_helpers(const Placed& one) {
    if (one.reg.minus) check_helper(one, "minus", one.reg.function, *one.reg.minus, one.reg.width());
    for (const ScaleRegister& scale : one.reg.scaled_by)
      check_helper(one, "scaled_by", scale.function, scale.address, scale.width());
  }

  void check_helper(const Placed& one, std::string_view key, std::uint8_t function, std::uint16_t address,
                    std::uint16_t width) {
    for (std::uint32_t i = 0; i < width; ++i) {
      const auto found = used_.find(key_of(function, address + i));
      if (found == used_.end() || !placed_[found->second].is_read) continue;
      const Placed& other = placed_[found->second];
      report_.error(one.at, std::string(key) + ": " + std::to_string(address) + " of " + one.name +
                                " overlaps " + other.name + " at " + std::to_string(other.reg.address) +
                                in_line(other.at));
      return;
    }
  }

  const ReadLimits& limits_;
  Reporter& report_;
  std::vector<Placed> placed_;
  std::map<std::string, std::size_t> names_;   // index into placed_
  std::map<std::uint32_t, std::size_t> used_;  // function and address: index into placed_
  RegisterList list_;
};

}  // namespace

RegisterList read_registers(const YamlNode& list, const ReadLimits& limits, Unpublished unpublished,
                            Reporter& report) {
  const std::vector<YamlNode>& items = items_of(list, "registers", report);
  if (list.is_list() && (items.empty() || items.size() > most_registers)) {
    report.error(list.at, "registers: write 1 to " + std::to_string(most_registers) + " registers");
    return {};
  }
  const std::size_t errors_before = report.error_count();
  RegisterBook book(limits, report);
  for (const YamlNode& item : items)
    if (const std::optional<Entry> entry = read_entry(item, unpublished, report)) book.add(*entry);
  RegisterList result = book.finish();
  if (list.is_list() && result.registers.empty() && report.error_count() == errors_before)
    report.error(list.at,
                 "registers: nothing of it is published, so nothing would be read; give at least one "
                 "of active_power, energy_import, voltage ...");
  return result;
}

}  // namespace flopwatt
