#include "runtime/version.h"

namespace flopwatt {

const std::string_view version = FLOPWATT_VERSION;
const std::string_view revision = FLOPWATT_REVISION;

}  // namespace flopwatt
