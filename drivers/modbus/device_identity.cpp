#include "drivers/modbus/device_identity.h"

#include <algorithm>
#include <utility>

#include "config/profiles/invert.h"
#include "config/profiles/put_register.h"
#include "drivers/modbus/fault_text.h"
#include "drivers/modbus/registers/decode.h"
#include "readings/reading_set.h"
#include "runtime/text/number_text.h"

namespace flopwatt::modbus {

void DeviceIdentity::describe(Identity& identity) const {
  identity.vendor = profile().vendor;
  identity.model = profile().model;
  identity.serial = serial_;
}

const MeterProfile& DeviceIdentity::profile() const { return models_ ? models_->profile : config_.profile; }

bool DeviceIdentity::begin_session(std::uint64_t opening) {
  return std::exchange(session_, opening) != opening;
}

const IdentifyingRegister* DeviceIdentity::unread_serial_number() const {
  if (serial_read_) return nullptr;
  const auto is_serial = [](const IdentifyingRegister& reg) { return reg.meaning == "serial number"; };
  const auto found = std::ranges::find_if(config_.profile.identify, is_serial);
  return found == config_.profile.identify.end() ? nullptr : &*found;
}

void DeviceIdentity::take_serial_number(const Result<Answer>& answer) {
  const IdentifyingRegister* place = unread_serial_number();
  serial_read_ = true;
  if (place == nullptr || !answer) return;
  if (place->text_registers > 0) {
    serial_ = text_of_registers(answer->registers);
    return;
  }
  Register plain;
  plain.wire = place->wire;
  plain.word_order = place->word_order;
  const double number = decode_raw(answer->registers, plain);
  if (is_known(number) && number != 0) append_number(serial_, number);
}

bool DeviceIdentity::wants_search(std::uint64_t opening, bool failing) const {
  if (!config_.profile.sunspec) return false;
  return !models_ || search_again_ || (failing && models_->found_on != opening);
}

Result<bool> DeviceIdentity::take_search(const std::optional<SunSpecDevice>& device, std::uint64_t opening) {
  search_again_ = false;
  const std::optional<Models> before = std::exchange(models_, std::nullopt);
  if (!device) return no_sunspec(config_.name, config_.unit_id, config_.address.text());
  auto profile = sunspec_profile(*device, config_.sunspec_model);
  if (!profile) {
    const auto meters = std::ranges::count_if(device->models, &SunSpecModel::is_meter);
    return no_sunspec_model(config_.name, config_.sunspec_model, static_cast<std::size_t>(meters));
  }
  if (config_.invert) profile->registers = inverted(std::move(profile->registers));
  for (const Register& own : config_.profile.registers) put_register(profile->registers, own);
  models_ = {*device, std::move(*profile), opening};
  if (before && before->device == *device) return false;
  const auto common = sunspec_common(*device, config_.sunspec_model);
  serial_ = common ? common->serial : "";
  session_.reset();
  return true;
}

}  // namespace flopwatt::modbus
