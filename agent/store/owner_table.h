// The table `owner`: the node whose agent writes the file.
#pragma once

#include <string>

#include "agent/store/database.h"

namespace flopwatt::store {

[[nodiscard]] bool has_owner_table(Database& database);
/// "": not known, or its checksum is wrong.
[[nodiscard]] std::string load_owner(Database& database);
/// Makes the table where there is none. Nothing is written where `node` is there already, or is "".
void save_owner(Database& database, const std::string& node);

}  // namespace flopwatt::store
