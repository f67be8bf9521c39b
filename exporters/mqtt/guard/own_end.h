// Who is at the other end of a connection over the loopback interface.
#pragma once

#include <boost/asio/ip/tcp.hpp>

namespace flopwatt::mqtt {

/// Whether a descriptor of this process is the other end of `accepted`: any user of this machine can connect to a
/// port of 127.0.0.1. A process that looks so has given the connection to itself. Any thread.
[[nodiscard]] bool is_own_end(const boost::asio::ip::tcp::socket& accepted);

}  // namespace flopwatt::mqtt
