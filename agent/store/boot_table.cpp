#include "agent/store/boot_table.h"

#include <algorithm>
#include <fstream>
#include <utility>

#include "agent/store/checksum.h"

namespace flopwatt::store {
namespace {

std::int64_t checksum(std::string_view uuid, std::int64_t origin_us) {
  return Checksum().add(uuid).add(static_cast<std::uint64_t>(origin_us)).value();
}

}  // namespace

BootTable::BootTable(Database& database, std::string boot_uuid)
    : database_(database), uuid_(std::move(boot_uuid)) {}

std::int64_t BootTable::current(Moment time, const Newest* newest) {
  if (current_ != 0) return current_;
  Statement select(database_, "SELECT id FROM boot WHERE uuid = ?1");
  select.bind(1, std::string_view(uuid_));
  if (select.step()) return current_ = select.integer(0);
  const std::int64_t log_us =
      newest == nullptr ? time.wall_us
                        : newest->log_us + std::max<std::int64_t>(0, time.wall_us - newest->wall_us);
  const std::int64_t origin = log_us - time.monotonic_us;
  Statement insert(database_, "INSERT INTO boot(uuid, origin_us, crc) VALUES (?1, ?2, ?3) RETURNING id");
  insert.bind(1, std::string_view(uuid_));
  insert.bind(2, origin);
  insert.bind(3, checksum(uuid_, origin));
  if (!insert.step()) return 0;
  current_ = insert.integer(0);
  insert.run();
  origins_[current_] = origin;
  return current_;
}

std::int64_t BootTable::log_us(BootTime time) {
  const auto known = origins_.find(time.boot);
  if (known != origins_.end()) return known->second + time.monotonic_us;
  Statement select(database_, "SELECT uuid, origin_us, crc FROM boot WHERE id = ?1");
  select.bind(1, time.boot);
  if (!select.step() || select.integer(2) != checksum(select.text(0), select.integer(1))) {
    database_.fail_as_damaged("boot " + std::to_string(time.boot) + " is missing, or its checksum is wrong");
    return 0;
  }
  return (origins_[time.boot] = select.integer(1)) + time.monotonic_us;
}

void BootTable::forget() {
  current_ = 0;
  origins_.clear();
}

Result<std::string> read_boot_uuid() {
  constexpr const char* path = "/proc/sys/kernel/random/boot_id";
  std::ifstream file(path);
  std::string uuid;
  if (!std::getline(file, uuid) || uuid.empty())
    return Fault{FaultClass::device, std::string("cannot read the boot's id from ") + path + "; mount /proc",
                 0};
  return uuid;
}

}  // namespace flopwatt::store
