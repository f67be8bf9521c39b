// A driver over some meters, without an agent.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "drivers/modbus/driver.h"
#include "runtime/async.h"

namespace flopwatt::modbus_test {

using namespace std::chrono_literals;
using std::chrono::microseconds;

inline Register value_at(std::uint16_t address, Channel channel, Wire wire = Wire::u16, double scale = 1) {
  Register reg;
  reg.channel = channel;
  reg.address = address;
  reg.wire = wire;
  reg.scale = scale;
  return reg;
}

// Keeps what a driver hands in.
class DeliveryRecord final : public Intake {
 public:
  struct Entry {
    SourcePtr source{};
    std::vector<ReadingSet> sets{};
    std::vector<Fault> faults{};
    std::uint64_t skipped = 0;
    std::vector<microseconds> lateness{};
    bool removed = false;
    int described = 0;

    std::size_t polls() const { return sets.size() + faults.size(); }
    microseconds most_late() const { return *std::ranges::max_element(lateness); }
    auto times_later_than(microseconds limit) const {
      return std::ranges::count_if(lateness, [limit](microseconds late) { return late > limit; });
    }
  };

  std::function<void()> on_poll = [] {};

  SourceId add(SourcePtr source) override {
    entries_.push_back({.source = std::move(source), .sets = {}, .faults = {}, .lateness = {}});
    return static_cast<SourceId>(entries_.size() - 1);
  }
  void describe(SourceId id, SourcePtr source) override {
    entries_.at(id).source = std::move(source);
    ++entries_.at(id).described;
  }
  void accept(SourceId id, ReadingSet set, microseconds lateness, microseconds duration) override {
    CHECK(duration >= 0us);
    entries_.at(id).sets.push_back(std::move(set));
    polled(id, lateness);
  }
  void fail(SourceId id, Fault fault, microseconds lateness, microseconds) override {
    entries_.at(id).faults.push_back(std::move(fault));
    polled(id, lateness);
  }
  void remove(SourceId id) override {
    CHECK_FALSE(entries_.at(id).removed);
    entries_.at(id).removed = true;
  }
  void skip(SourceId id, std::uint64_t beats) override { entries_.at(id).skipped += beats; }

  // The newest of that name; an empty one before there is any.
  const Entry& operator[](const std::string& name) const {
    static const Entry none{};
    const auto found = std::ranges::find(entries_.rbegin(), entries_.rend(), name,
                                         [](const Entry& entry) { return entry.source->name; });
    return found == entries_.rend() ? none : *found;
  }
  const std::vector<Entry>& entries() const { return entries_; }

 private:
  void polled(SourceId id, microseconds lateness) {
    CHECK(lateness >= 0us);
    CHECK_FALSE(entries_.at(id).removed);
    entries_.at(id).lateness.push_back(lateness);
    on_poll();
  }

  std::vector<Entry> entries_;
};

// A driver over some meters, run until the test has seen what it waits for.
struct Rack {
  asio::io_context io{1};
  Config config;
  DeliveryRecord ledger;
  std::unique_ptr<modbus::ModbusDriver> driver;

  MeterConfig& add(const std::string& name, const ModbusAddress& address, std::uint8_t unit = 1) {
    MeterConfig meter;
    meter.name = name;
    meter.address = address;
    meter.bus = "row-a";
    meter.unit_id = unit;
    meter.interval = 100ms;
    meter.timeout = 100ms;
    meter.profile.registers = {value_at(10, {Quantity::energy_import, Place::whole, 0}),
                               value_at(200, {Quantity::voltage, Place::l1, 0}, Wire::u16, 0.1)};
    config.meters.push_back(meter);
    return config.meters.back();
  }

  /// False: `enough` did not become true within `limit`.
  bool run_until(const std::function<bool()>& enough, std::chrono::milliseconds limit = 10s) {
    driver = modbus::make_driver(config);
    asio::cancellation_signal cancel;
    bool seen = false, ended = false;
    ledger.on_poll = [&] {
      if (seen || !enough()) return;
      seen = true;
      asio::post(io, [&] { cancel.emit(asio::cancellation_type::terminal); });
    };
    const auto keep = [&](const std::exception_ptr&) {
      ended = true;
      io.stop();
    };
    asio::co_spawn(io, driver->run(ledger), asio::bind_cancellation_slot(cancel.slot(), keep));
    io.run_for(limit);
    if (!ended) {
      io.restart();
      cancel.emit(asio::cancellation_type::terminal);
      io.run_for(1s);
    }
    CHECK(ended);
    return seen;
  }
};

}  // namespace flopwatt::modbus_test
