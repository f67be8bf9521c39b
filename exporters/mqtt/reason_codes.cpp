#include "exporters/mqtt/reason_codes.h"

extern "C" {
#include <MQTTReasonCodes.h>  // says nothing of C++ itself
}

namespace flopwatt::mqtt {
namespace {

constexpr std::string_view check_credentials =
    "; check `username`, `password_file` and the broker's access list";

}  // namespace

Consequence consequence_of(int reason_code) {
  const auto code = static_cast<ReasonCode>(reason_code);
  if (code < ReasonCode::unspecified_error) return {};
  switch (code) {
    case ReasonCode::bad_user_name_or_password:
      return {
          .refused = true, .longest_pause = true, .advice = check_credentials, .answer = Answer::refused_now};
    case ReasonCode::not_authorized:
      return {.refused = true,
              .longest_pause = true,
              .advice = check_credentials,
              .answer = Answer::refused_for_good};
    case ReasonCode::topic_name_invalid:
    case ReasonCode::payload_format_invalid:
      return {.refused = true, .answer = Answer::refused_for_good};
    case ReasonCode::unsupported_protocol_version:
      return {.refused = true,
              .advice = "; it does not speak this version of MQTT: write `protocol: auto`",
              .answer = Answer::refused_now};
    case ReasonCode::use_another_server:
    case ReasonCode::server_moved:
      return {.refused = true,
              .advice = "; write the broker that takes its place in `broker`",
              .answer = Answer::refused_now};
    case ReasonCode::session_taken_over:
      return {.refused = true,
              .advice = "; another client uses this client id: end it, or give this exporter another `name`",
              .answer = Answer::refused_now};
    case ReasonCode::packet_too_large:
      return {.refused = true,
              .advice = "; raise the largest packet that the broker takes",
              .answer = Answer::too_large};
    default:
      return {.refused = true, .answer = Answer::refused_now};
  }
}

std::string text_of(int reason_code) {
  if (reason_code == connection_closed) return "the broker closes the connection at such a message";
  const char* name = MQTTReasonCode_toString(static_cast<MQTTReasonCodes>(reason_code));
  std::string text = name != nullptr ? name : "unknown reason";
  return text + " (reason code " + std::to_string(reason_code) + ")";
}

std::size_t refusal_label_of(int reason_code) {
  switch (static_cast<ReasonCode>(reason_code)) {
    case ReasonCode::unspecified_error:
      return 0;
    case ReasonCode::implementation_specific_error:
      return 1;
    case ReasonCode::not_authorized:
      return 2;
    case ReasonCode::topic_name_invalid:
      return 3;
    case ReasonCode::packet_identifier_in_use:
      return 4;
    case ReasonCode::packet_too_large:
      return 5;
    case ReasonCode::quota_exceeded:
      return 6;
    case ReasonCode::payload_format_invalid:
      return 7;
    default:
      return reason_code == connection_closed ? 8 : 9;
  }
}

}  // namespace flopwatt::mqtt
