// The reason codes of MQTT 5 (OASIS MQTT 5.0, section 2.4), and what follows from a broker's answer:
//
//   code          sets of the publish() call   next attempt to connect (*)   what the user reads
//   below 0x80    delivered                                                  nothing
//   0x86, 0x87    handed in again              after the longest pause       the reason, and what to check
//   all others    handed in again              after the usual pause         the reason
//
// (*) where the broker refuses a CONNECT with the code, or sends it in a DISCONNECT
#pragma once

#include <string>
#include <string_view>

namespace flopwatt::mqtt {

/// Those that the exporter knows by name.
enum class ReasonCode : int {
  success = 0x00,
  no_matching_subscribers = 0x10,
  unspecified_error = 0x80,  ///< from here on all are refusals
  bad_user_name_or_password = 0x86,
  not_authorized = 0x87,
  packet_too_large = 0x95,  ///< found before the message is sent, by the broker's Maximum Packet Size
};

struct Consequence {
  bool refused = false;  ///< false also for numbers that are no reason codes, as Paho's own failures
  bool longest_pause = false;
  std::string_view advice{};  ///< follows the reason of a refused CONNECT: "; check …"
};

[[nodiscard]] Consequence consequence_of(int reason_code);

/// "Not authorized (reason code 135)"
[[nodiscard]] std::string text_of(int reason_code);

}  // namespace flopwatt::mqtt
