// What the tests of the store share: a directory of their own, sources of every shape, and sets of them.
#pragma once

#include <doctest/doctest.h>
#include <sqlite3.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "agent/store/checksum.h"
#include "agent/store/store.h"

namespace flopwatt::store::testing {

namespace fs = std::filesystem;

class Directory {
 public:
  Directory() {
    // In memory where that is possible: thousands of commits need not wait for a disk.
    const fs::path parent =
        ::access("/dev/shm", W_OK) == 0 ? fs::path("/dev/shm") : fs::temp_directory_path();
    std::string pattern = (parent / "flopwatt-store-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp");
    path_ = pattern;
  }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  ~Directory() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  [[nodiscard]] const fs::path& path() const { return path_; }
  [[nodiscard]] fs::path store() const { return path_ / "flopwatt.db"; }

  /// Names in it that contain the text.
  [[nodiscard]] std::vector<std::string> names_with(const std::string& text) const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(path_))
      if (entry.path().filename().string().find(text) != std::string::npos)
        names.push_back(entry.path().string());
    return names;
  }

 private:
  fs::path path_;
};

/// Later than any clock of today says, so that no clock can stand in for it.
inline constexpr std::uint64_t first_seq = 4'000'000'000'000'000;
inline constexpr std::int64_t start_wall_us = 1'790'000'000'000'000;
inline constexpr std::int64_t second = 1'000'000;

inline Settings settings_for(const fs::path& path, std::vector<std::string> exporters = {}) {
  Settings settings;
  settings.path = path;
  settings.exporters = std::move(exporters);
  settings.first_seq = first_seq;
  return settings;
}

inline std::unique_ptr<Store> open_or_fail(const Settings& settings) {
  auto store = Store::open(settings);
  if (!store) throw std::runtime_error(store.error().message);
  return std::move(*store);
}

template <class T>
T value_or_fail(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return std::move(*result);
}

/// The layout of a three-phase meter whose registers are f32, 26 of them.
inline SourcePtr meter_source(const std::string& name) {
  using enum Quantity;
  auto source = std::make_shared<Source>();
  source->kind = SourceKind::meter;
  source->name = name;
  source->identity = {"Eastron", "SDM630", "123456", "eastron-sdm630",  "0.5", "A",
                      "",        "",       "",       EnergySource::none};
  source->interval = source->effective_period = std::chrono::seconds(1);
  source->accuracy = 0.005;
  const auto add = [&](Quantity quantity, std::initializer_list<Place> places, double scale = 1.0) {
    for (const Place place : places) source->fields.push_back({{quantity, place, 0}, Wire::f32, scale, 0.0});
  };
  add(active_power, {Place::whole, Place::l1, Place::l2, Place::l3});
  add(apparent_power, {Place::whole, Place::whole, Place::whole, Place::whole});
  add(reactive_power, {Place::whole, Place::whole, Place::whole, Place::whole});
  add(power_factor, {Place::whole});
  add(frequency, {Place::whole});
  add(voltage, {Place::l1, Place::l2, Place::l3, Place::l1_l2, Place::l2_l3, Place::l3_l1});
  add(current, {Place::l1, Place::l2, Place::l3, Place::n});
  add(energy_import, {Place::whole}, 1000.0);
  add(energy_export, {Place::whole}, 1000.0);
  return source;
}

inline ReadingSet set_of(SourcePtr source, std::int64_t at_us, std::vector<double> values) {
  return {std::move(source), {start_wall_us + at_us, 5'000 * second + at_us}, 1'500, std::move(values)};
}

/// A set with plausible, changing values: every one of them a float times the field's scale.
inline ReadingSet measured_set(const SourcePtr& source, std::int64_t at_us, std::mt19937_64& random) {
  std::uniform_real_distribution<float> value(1.0F, 5000.0F);
  std::vector<double> values;
  for (const Field& field : source->fields) values.push_back(held_value(double{value(random)}, field.scale));
  return set_of(source, at_us, std::move(values));
}

/// `count` sets, one a second from `from_second`, each with three known values of four.
inline Commit small_commit(const SourcePtr& source, std::int64_t from_second, std::size_t count) {
  Commit commit;
  for (std::size_t i = 0; i < count; ++i) {
    const std::int64_t at = from_second + static_cast<std::int64_t>(i);
    commit.sets.push_back(set_of(source, at * second, {static_cast<double>(at), 2.5, absent, 7.25}));
  }
  return commit;
}
inline constexpr std::uint64_t small_set_readings = 3;

inline SourcePtr small_source(const std::string& name = "pdu-a") {
  auto source = std::make_shared<Source>();
  source->kind = SourceKind::meter;
  source->name = name;
  source->fields = {{{Quantity::active_power, Place::whole, 0}, Wire::f32, 1.0, 0.0},
                    {{Quantity::voltage, Place::l1, 0}, Wire::u16, 0.1, 0.1},
                    {{Quantity::voltage, Place::l2, 0}, Wire::u16, 0.1, 0.1},
                    {{Quantity::energy_import, Place::whole, 0}, Wire::f64, 1.0, 0.0}};
  return source;
}

/// One statement on a store that no agent holds; returns the first column of the first row.
inline std::string sql(const fs::path& path, const std::string& text) {
  sqlite3* handle = nullptr;
  sqlite3_open(path.c_str(), &handle);
  std::string value;
  char* error = nullptr;
  sqlite3_exec(
      handle, text.c_str(),
      [](void* out, int, char** columns, char**) {
        if (columns[0] != nullptr) *static_cast<std::string*>(out) = columns[0];
        return 0;
      },
      &value, &error);
  const std::string message = error == nullptr ? "" : error;
  sqlite3_free(error);
  sqlite3_close(handle);
  if (!message.empty()) throw std::runtime_error(message);
  return value;
}

/// Makes the rows that are in a closed store rows of another boot than this one.
inline void pretend_reboot(const fs::path& path) {
  const std::string uuid = "an earlier boot";
  const auto origin = static_cast<std::uint64_t>(std::stoll(sql(path, "SELECT origin_us FROM boot")));
  sql(path, "UPDATE boot SET uuid = '" + uuid +
                "', crc = " + std::to_string(Checksum().add(uuid).add(origin).value()));
}

inline std::string file_text(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline void write_file(const fs::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
}

}  // namespace flopwatt::store::testing
