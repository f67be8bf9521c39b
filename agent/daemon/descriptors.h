// How many of the process's file descriptors HTTP clients may hold: strangers must leave those that meters need.
#pragma once

#include <cstddef>
#include <cstdint>

#include "config/config.h"

namespace flopwatt::daemon {

/// Connections that the meters of `config` keep open: one for each TCP address.
[[nodiscard]] std::size_t meter_connections(const Config& config);

/// HTTP connections where the process may have `descriptors` (RLIMIT_NOFILE): what is left beside those of meters and
/// of the rest of the agent, between 8 and 256.
[[nodiscard]] std::size_t http_connections(std::uint64_t descriptors, std::size_t meters);

/// The same for this process; warns where descriptors are short.
[[nodiscard]] std::size_t http_connections(const Config& config);

}  // namespace flopwatt::daemon
