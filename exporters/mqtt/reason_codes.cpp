#include "exporters/mqtt/reason_codes.h"

extern "C" {
#include <MQTTReasonCodes.h>  // says nothing of C++ itself
}

namespace flopwatt::mqtt {

Consequence consequence_of(int reason_code) {
  const auto code = static_cast<ReasonCode>(reason_code);
  if (code < ReasonCode::unspecified_error) return {};
  switch (code) {
    case ReasonCode::bad_user_name_or_password:
    case ReasonCode::not_authorized:
      return {.refused = true,
              .longest_pause = true,
              .advice = "; check `username`, `password_file` and the broker's access list"};
    default:
      return {.refused = true};
  }
}

std::string text_of(int reason_code) {
  const char* name = MQTTReasonCode_toString(static_cast<MQTTReasonCodes>(reason_code));
  std::string text = name != nullptr ? name : "unknown reason";
  return text + " (reason code " + std::to_string(reason_code) + ")";
}

}  // namespace flopwatt::mqtt
