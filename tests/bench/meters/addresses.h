// What the meters' server and its clients agree on: where meter i listens. Loopback only.
#pragma once

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <cstddef>
#include <cstdint>

namespace bench {

inline constexpr std::size_t meters_of_subnet = 250;

/// 127.1.<number / 250>.<1 + number % 250>
inline sockaddr_in meter_address(std::size_t number, std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(static_cast<std::uint32_t>(
      127U << 24 | 1U << 16 | number / meters_of_subnet << 8 | (1 + number % meters_of_subnet)));
  return address;
}

inline void set_no_delay(int descriptor) {
  const int on = 1;
  setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

inline void raise_descriptor_limit() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace bench
