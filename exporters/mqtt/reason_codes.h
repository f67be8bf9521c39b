// The reason codes of MQTT 5 (OASIS MQTT 5.0, section 2.4), and what follows from a broker's answer:
//
//   answer to a message        its sets                              its topic
//   below 0x80                 delivered                             goes on
//   0x87, 0x90, 0x99           set aside                             rests: to the next connection, or 10 minutes
//   0x95, several objects      sent again in arrays of half the size goes on
//   0x95, a single object      set aside                             goes on
//   all others                 wait                                  rests for a while: 1 s to 30 s
//
//   CONNACK or DISCONNECT      next attempt to connect   what the user reads
//   0x86, 0x87                 after the longest pause   the reason, and what to check
//   all others                 after the usual pause     the reason, with advice where there is one
#pragma once

#include <array>
#include <string>
#include <string_view>

namespace flopwatt::mqtt {

/// Those that the exporter knows by name.
enum class ReasonCode : int {
  success = 0x00,
  no_matching_subscribers = 0x10,
  unspecified_error = 0x80,  ///< from here on all are refusals
  implementation_specific_error = 0x83,
  unsupported_protocol_version = 0x84,
  bad_user_name_or_password = 0x86,
  not_authorized = 0x87,
  session_taken_over = 0x8E,
  topic_name_invalid = 0x90,
  packet_identifier_in_use = 0x91,
  packet_too_large = 0x95,  ///< also found before the message is sent, by the broker's Maximum Packet Size
  quota_exceeded = 0x97,
  payload_format_invalid = 0x99,
  retain_not_supported = 0x9A,
  qos_not_supported = 0x9B,
  use_another_server = 0x9C,
  server_moved = 0x9D,
};

/// What becomes of the sets of a message.
enum class Answer : unsigned char { taken, refused_now, refused_for_good, too_large };

struct Consequence {
  bool refused = false;  ///< false also for numbers that are no reason codes, as Paho's own failures
  bool longest_pause = false;
  std::string_view advice{};  ///< follows the reason in a CONNACK or DISCONNECT: "; check …"
  Answer answer = Answer::taken;
};

[[nodiscard]] Consequence consequence_of(int reason_code);

/// "Not authorized (reason code 135)"
[[nodiscard]] std::string text_of(int reason_code);

/// The label `reason` of flopwatt_exporter_refusals_total: one for each code that answers a PUBLISH, one for
/// connections that were closed at a message, and one for all other codes.
inline constexpr std::array<std::string_view, 10> refusal_labels = {
    "unspecified_error",        "implementation_specific_error",
    "not_authorized",           "topic_name_invalid",
    "packet_identifier_in_use", "packet_too_large",
    "quota_exceeded",           "payload_format_invalid",
    "connection_closed",        "other"};
/// In place of a reason code: the broker closes the connection at the message.
inline constexpr int connection_closed = -100;
/// Index in refusal_labels.
[[nodiscard]] std::size_t refusal_label_of(int reason_code);

}  // namespace flopwatt::mqtt
