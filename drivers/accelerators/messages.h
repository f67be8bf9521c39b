// What agent and guest say to each other: one JSON object a message. By hand the guest prints the same lines.
//
//   agent  {"message":"poll"}
//   guest  {"message":"hello","driver":"570.1","devices":[{"pci":…,"uuid":…,…}, …]}  at first, on changes
//          {"message":"unavailable","no_library":true,"text":…}            instead; then the guest ends
//          {"message":"device","device":0,"pci":…,"time_us":…,"power_mw":…, …}  index as in the hello
//          {"message":"device","device":1,"pci":…,"code":15,"error":…}
//          {"message":"done"}                                              after the last device
//
// A device of a hello says which numbers its readings have, and how each of them becomes a value:
//
//   "figures":[{"key":"power_mw","quantity":"power","wire":3,"scale":0.001}, …],"activity":["hmma", …]
//
// Both lists are always there. A figure without "scale" has 1, without "resolution" 0. Each device has an
// address of its own.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "drivers/accelerators/device.h"
#include "drivers/accelerators/device_reader.h"

namespace flopwatt::accelerators {

inline constexpr std::string_view poll_message = R"({"message":"poll"})";
inline constexpr std::string_view done_message = R"({"message":"done"})";

struct Hello {
  std::string driver;  ///< version of the kernel driver
  std::vector<DeviceIdentity> devices;
};

struct DeviceMessage {
  std::size_t device = 0;  ///< index in the last hello
  DeviceResult result;
};

struct DoneMessage {};

using GuestMessage = std::variant<Hello, Unavailable, DeviceMessage, DoneMessage>;

[[nodiscard]] std::string format(const Hello& hello);
[[nodiscard]] std::string format(const Unavailable& unavailable);
/// `identity` is that of the device.
[[nodiscard]] std::string format(const DeviceMessage& message, const DeviceIdentity& identity);

/// `devices`: those of the last hello. Fails, with class protocol, on anything that a guest does not say; the
/// fault's text goes on from the guest's name: "sent what is no JSON object".
[[nodiscard]] Result<GuestMessage> parse(std::string_view text, std::span<const DeviceIdentity> devices);

}  // namespace flopwatt::accelerators
