// What agent and guest say to each other: one JSON object a message. By hand the guest prints the same lines.
//   agent: {"message":"poll"}
//   guest: {"message":"hello","driver":"570.1","devices":[{"pci":...,"uuid":...}, ...]}   at first and on
//   changes
//          {"message":"unavailable","no_library":true,"text":...}                          instead, then it
//          ends
//          {"message":"device","device":0,"pci":...,"time_us":..., ...}                    index as in the
//          hello
//          {"message":"device","device":1,"pci":...,"code":15,"error":...}
//          {"message":"done"}                                                              after the last
//          device
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "drivers/accelerators/device.h"

namespace flopwatt::nvidia {

inline constexpr std::string_view poll_message = R"({"message":"poll"})";
inline constexpr std::string_view done_message = R"({"message":"done"})";

struct Hello {
  std::string driver;  ///< version of the kernel driver
  std::vector<DeviceIdentity> devices;
};

/// The library cannot be used; the guest ends.
struct Unavailable {
  bool no_library = false;  ///< there is none, as on a machine without NVIDIA devices
  std::string text;
  int code = 0;
};

struct DeviceMessage {
  std::size_t device = 0;  ///< index in the last hello
  DeviceResult result;
};

struct DoneMessage {};

using GuestMessage = std::variant<Hello, Unavailable, DeviceMessage, DoneMessage>;

[[nodiscard]] std::string format(const Hello& hello);
[[nodiscard]] std::string format(const Unavailable& unavailable);
/// `pci` is for the human reader.
[[nodiscard]] std::string format(const DeviceMessage& message, const std::string& pci);

/// Fails, with class protocol, on anything that the guest does not say.
[[nodiscard]] Result<GuestMessage> parse(std::string_view text);

}  // namespace flopwatt::nvidia
