// A meter served by libmodbus: an encoder that is not ours.
#pragma once

#include <modbus/modbus.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <thread>

namespace flopwatt::modbus_test {

/// Answers one client until it goes away; 300 holding and 300 input registers.
class LibmodbusServer {
 public:
  LibmodbusServer()
      : context_(modbus_new_tcp("127.0.0.1", 0)), registers_(modbus_mapping_new(0, 0, 300, 300)) {
    modbus_set_slave(context_, 1);
    listener_ = modbus_tcp_listen(context_, 1);
    sockaddr_in name{};
    socklen_t length = sizeof name;
    getsockname(listener_, reinterpret_cast<sockaddr*>(&name), &length);
    port_ = ntohs(name.sin_port);
  }
  ~LibmodbusServer() {
    if (thread_.joinable()) thread_.join();
    close(listener_);
    modbus_mapping_free(registers_);
    modbus_free(context_);
  }

  void start() { thread_ = std::thread(&LibmodbusServer::serve, this); }
  std::uint16_t port() const { return port_; }
  modbus_mapping_t& registers() { return *registers_; }

 private:
  void serve() {
    if (modbus_tcp_accept(context_, &listener_) < 0) return;
    std::uint8_t query[MODBUS_TCP_MAX_ADU_LENGTH];
    for (int size = 0; (size = modbus_receive(context_, query)) >= 0;)
      if (size > 0) modbus_reply(context_, query, size, registers_);
    modbus_close(context_);
  }

  modbus_t* context_;
  modbus_mapping_t* registers_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

}  // namespace flopwatt::modbus_test
