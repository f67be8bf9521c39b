#include "agent/store/exporter_table.h"

#include "agent/store/bytes.h"
#include "agent/store/checksum.h"

namespace flopwatt::store {
namespace {

Bytes pack_ranges(const DeliveryMarks& marks) {
  Bytes bytes;
  std::uint64_t end = marks.low();
  for (const Span& range : marks.ranges()) {
    put_varint(bytes, range.first - end);
    put_varint(bytes, range.last - range.first);
    end = range.last;
  }
  return bytes;
}

DeliveryMarks unpack_marks(std::uint64_t low, std::span<const std::uint8_t> bytes) {
  std::vector<Span> ranges;
  std::uint64_t end = low;
  for (ByteReader reader(bytes); !reader.at_end();) {
    const std::uint64_t first = end + reader.varint();
    const std::uint64_t last = first + reader.varint();
    if (!reader.ok()) break;
    ranges.push_back({first, last});
    end = last;
  }
  return {low, ranges};
}

Checksum checksum_of_counts(std::string_view name, const Exporter& exporter,
                            std::span<const std::uint8_t> ranges) {
  const ExporterRecord& record = exporter.record;
  return Checksum()
      .add(name)
      .add(exporter.registered)
      .add(record.marks.low())
      .add(record.delivered)
      .add(record.dropped)
      .add(ranges);
}

std::uint32_t checksum_of_version_1(std::string_view name, const Exporter& exporter,
                                    std::span<const std::uint8_t> ranges) {
  return checksum_of_counts(name, exporter, ranges).value();
}

std::uint32_t checksum(std::string_view name, const Exporter& exporter, std::span<const std::uint8_t> ranges,
                       std::span<const std::uint8_t> held) {
  return checksum_of_counts(name, exporter, ranges).add(exporter.record.left_out).add(held).value();
}

/// Whether the table is of version 2. A file that was set aside may be of an older one.
bool has_held_sets(Database& database) {
  return database.integer("SELECT count(*) FROM pragma_table_info('exporter') WHERE name = 'held'") > 0;
}

}  // namespace

Exporters load_exporters(Database& database, std::size_t* damaged) {
  const bool version_1 = !has_held_sets(database);
  Exporters exporters;
  Statement select(database, version_1 ? "SELECT name, registered, low, ranges, delivered, dropped, crc, 0, "
                                         "x'' FROM exporter"
                                       : "SELECT name, registered, low, ranges, delivered, dropped, crc, "
                                         "left_out, held FROM exporter");
  while (select.step()) {
    Exporter exporter;
    exporter.registered = select.natural(1);
    exporter.record.marks = unpack_marks(select.natural(2), select.bytes(3));
    exporter.record.delivered = select.natural(4);
    exporter.record.dropped = select.natural(5);
    exporter.record.left_out = select.natural(7);
    const std::string name = select.text(0);
    auto held = HeldSets::unpacked(select.bytes(8));
    const std::uint32_t crc = version_1 ? checksum_of_version_1(name, exporter, select.bytes(3))
                                        : checksum(name, exporter, select.bytes(3), select.bytes(8));
    if (held && select.natural(6) == crc) {
      exporter.record.held = std::move(*held);
      exporters.emplace(name, std::move(exporter));
    } else if (damaged != nullptr) {
      ++*damaged;
    } else {
      database.fail_as_damaged("the checksum of exporter " + name + " is wrong");
    }
  }
  return exporters;
}

void save_exporter(Database& database, const std::string& name, const Exporter& exporter) {
  const Bytes ranges = pack_ranges(exporter.record.marks);
  const Bytes held = exporter.record.held.packed();
  Statement save(
      database,
      "INSERT OR REPLACE INTO exporter(name, registered, low, ranges, delivered, dropped, left_out, "
      "held, crc) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)");
  save.bind(1, std::string_view(name));
  save.bind(2, static_cast<std::int64_t>(exporter.registered));
  save.bind(3, static_cast<std::int64_t>(exporter.record.marks.low()));
  save.bind(4, std::span<const std::uint8_t>(ranges));
  save.bind(5, static_cast<std::int64_t>(exporter.record.delivered));
  save.bind(6, static_cast<std::int64_t>(exporter.record.dropped));
  save.bind(7, static_cast<std::int64_t>(exporter.record.left_out));
  save.bind(8, std::span<const std::uint8_t>(held));
  save.bind(9, std::int64_t{checksum(name, exporter, ranges, held)});
  save.run();
}

void take_over_exporters_of_version_1(Database& database) {
  if (has_held_sets(database)) return;  // only the header says that it is of version 1
  const Exporters exporters = load_exporters(database);
  database.run(
      "ALTER TABLE exporter ADD COLUMN left_out INTEGER NOT NULL DEFAULT 0;"
      "ALTER TABLE exporter ADD COLUMN held BLOB NOT NULL DEFAULT x''");
  for (const auto& [name, exporter] : exporters) save_exporter(database, name, exporter);
}

void forget_exporter(Database& database, const std::string& name) {
  Statement remove(database, "DELETE FROM exporter WHERE name = ?1");
  remove.bind(1, std::string_view(name));
  remove.run();
}

}  // namespace flopwatt::store
