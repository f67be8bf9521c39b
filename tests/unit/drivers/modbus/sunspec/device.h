// A device with a SunSpec chain, in memory: registers that a test writes, and how it answers for those that
// there are not. Offsets are literals of sunspec/models, on purpose not those of the implementation.
#pragma once

#include <bit>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <exception>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "drivers/modbus/sunspec/sunspec.h"
#include "drivers/modbus/wire/connection.h"
#include "runtime/async.h"

namespace flopwatt::modbus_test {

/// The registers of a device; those that are not in it do not exist.
class Registers {
 public:
  Registers& put(unsigned address, std::initializer_list<int> words) {
    for (const int word : words) words_[address++] = static_cast<std::uint16_t>(word);
    return *this;
  }

  Registers& fill(unsigned address, unsigned count, int word = 0) {
    for (unsigned i = 0; i < count; ++i) put(address + i, {word});
    return *this;
  }

  Registers& u32(unsigned address, std::uint32_t value) {
    return put(address, {static_cast<int>(value >> 16), static_cast<int>(value & 0xFFFF)});
  }

  Registers& f32(unsigned address, float value) { return u32(address, std::bit_cast<std::uint32_t>(value)); }

  Registers& text(unsigned address, unsigned count, std::string text, char padding = '\0') {
    text.resize(std::size_t{2} * count, padding);
    for (unsigned i = 0; i < count; ++i)
      put(address + i, {static_cast<unsigned char>(text[std::size_t{2} * i]) << 8 |
                        static_cast<unsigned char>(text[std::size_t{2} * i + 1])});
    return *this;
  }

  Registers& marker(unsigned base) { return put(base, {0x5375, 0x6E53}); }

  /// A whole model 1 of L registers; returns the address behind it.
  unsigned common(unsigned address, const std::string& maker, const std::string& model,
                  const std::string& serial, unsigned length = 66) {
    put(address, {1, static_cast<int>(length)}).fill(address + 2, length);
    text(address + 2, 16, maker).text(address + 18, 16, model).text(address + 34, 8, "opt");
    text(address + 42, 8, "1.2.3").text(address + 50, 16, serial);
    return address + 2 + length;
  }

  /// Another model, full of `word`; returns the address behind it.
  unsigned model(unsigned address, int id, unsigned length, int word = 0x8000) {
    put(address, {id, static_cast<int>(length)}).fill(address + 2, length, word);
    return address + 2 + length;
  }

  Registers& end(unsigned address) { return put(address, {0xFFFF, 0}); }

  /// 2 bytes each; nullopt where one of them does not exist.
  [[nodiscard]] std::optional<std::vector<std::uint8_t>> read(unsigned address, unsigned count) const {
    std::vector<std::uint8_t> bytes;
    for (unsigned i = 0; i < count; ++i) {
      const auto word = words_.find(address + i);
      if (word == words_.end()) return std::nullopt;
      bytes.push_back(static_cast<std::uint8_t>(word->second >> 8));
      bytes.push_back(static_cast<std::uint8_t>(word->second));
    }
    return bytes;
  }

 private:
  std::map<unsigned, std::uint16_t> words_;
};

/// The way to that device.
class SunSpecLine final : public modbus::Connection {
 public:
  explicit SunSpecLine(Registers registers, std::uint8_t function = 3)
      : registers_(std::move(registers)), function_(function) {}

  /// What is answered where there is nothing at an address: exception 2, unless told otherwise.
  std::map<unsigned, Fault> faults{};
  std::optional<Fault> otherwise{};
  std::vector<modbus::ReadRequest> requests{};

  boost::asio::awaitable<void> watch() override { co_return; }

  boost::asio::awaitable<Result<modbus::Answer>> read(const modbus::ReadRequest& request,
                                                      const modbus::ReadOptions&) override {
    requests.push_back(request);
    if (const auto fault = faults.find(request.address); fault != faults.end()) co_return fault->second;
    const auto found = static_cast<std::uint8_t>(request.function) == function_
                           ? registers_.read(request.address, request.count)
                           : std::nullopt;
    if (!found) co_return otherwise.value_or(Fault{FaultClass::exception, "no such register", 2});
    answer_ = *found;
    co_return modbus::Answer{{}, {}, answer_};
  }

  void close() override {}
  [[nodiscard]] SteadyTime retry_at() const override { return {}; }

  /// What discover_sunspec finds on it.
  Result<std::optional<modbus::SunSpecDevice>> discover(std::uint8_t unit = 1) {
    boost::asio::io_context io(1);
    std::exception_ptr failure;
    boost::asio::co_spawn(io, walk(unit), [&](const std::exception_ptr& thrown) { failure = thrown; });
    io.run();
    if (failure) std::rethrow_exception(failure);
    return found_.value();
  }

 private:
  boost::asio::awaitable<void> walk(std::uint8_t unit) {
    found_ = co_await modbus::discover_sunspec(*this, unit, {});
  }

  Registers registers_;
  std::uint8_t function_;
  std::vector<std::uint8_t> answer_;
  std::optional<Result<std::optional<modbus::SunSpecDevice>>> found_;
};

}  // namespace flopwatt::modbus_test
