#include "drivers/modbus/wire/serial_port.h"

#include <fcntl.h>
#include <modbus/modbus-rtu.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <termios.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "config/profiles/serial_time.h"
#include "runtime/clock.h"

namespace flopwatt::modbus {
namespace {

using namespace std::chrono_literals;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

// Of a line behind a USB adapter, which hands bytes on in pieces; longer where a device was about to speak.
constexpr milliseconds shortest_silence = 20ms;
constexpr milliseconds silence_after_bytes = 50ms;

char letter_of(Parity parity) {
  switch (parity) {
    case Parity::even:
      return 'E';
    case Parity::odd:
      return 'O';
    case Parity::none:
      break;
  }
  return 'N';
}

// The lowest number above the standard ones; none where it is beyond what select() can wait for.
int selectable_copy_of(const Descriptor& descriptor) {
  const int copy = ::fcntl(descriptor.get(), F_DUPFD_CLOEXEC, 3);
  if (copy < FD_SETSIZE) return copy;
  ::close(copy);
  return -1;
}

// Until something is to be read from one of them, or the other end is gone: which of them, nullopt for none.
template <std::size_t n>
std::optional<pollfd> wait_for(std::array<pollfd, n> watched, SteadyTime deadline) {
  for (;;) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now());
    const int ready = ::poll(watched.data(), n, static_cast<int>(std::max(left, 0ms).count()));
    if (ready == 0) return std::nullopt;
    if (ready < 0) continue;  // a signal; nothing else can go wrong
    for (const pollfd& one : watched)
      if (one.revents != 0) return one;
  }
}

}  // namespace

SerialPort::SerialPort(std::string path, const SerialSettings& settings)
    : path_(std::move(path)),
      settings_(settings),
      null_(::open("/dev/null", O_RDWR | O_CLOEXEC)),
      slot_(selectable_copy_of(null_)),
      interrupt_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

SerialPort::Outcome SerialPort::transact(const ReadRequest& request, SteadyTime deadline) {
  Outcome outcome;
  if (interrupted_) close();
  if (!context_) {
    if (auto reason = open()) {
      outcome.fault = FaultClass::connection;
      outcome.reason = std::move(*reason);
      return outcome;
    }
  }
  ask(request, deadline, outcome);
  return outcome;
}

std::optional<std::string> SerialPort::open() {
  if (!slot_ || !interrupt_)
    return "no file descriptor below 1024 is left for the serial line " + path_ +
           "; restart the agent, or let it poll fewer meters";
  // The lock comes before libmodbus touches the settings of a line that another program uses.
  lock_ = Descriptor(::open(path_.c_str(), O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC));
  if (lock_ && ::flock(lock_.get(), LOCK_EX | LOCK_NB) == 0)
    context_.reset(modbus_new_rtu(path_.c_str(), static_cast<int>(settings_.baud),
                                  letter_of(settings_.parity), 8, settings_.stop_bits));
  if (!context_ || modbus_connect(context_.get()) != 0) {
    std::string reason = cannot_open(errno);
    context_.reset();
    lock_.reset();
    return reason;
  }
  device_ = modbus_get_socket(context_.get());
  ::ioctl(device_, TIOCEXCL);  // for those that know of no lock
  ::dup3(device_, slot_.get(), O_CLOEXEC);
  modbus_set_socket(context_.get(), slot_.get());
  constexpr auto gap = std::chrono::duration_cast<microseconds>(byte_gap).count();
  modbus_set_response_timeout(context_.get(), 0, gap);
  modbus_set_byte_timeout(context_.get(), 0, gap);
  ::tcflush(device_, TCIOFLUSH);
  return std::nullopt;
}

std::string SerialPort::cannot_open(int error) const {
  const std::string tried = "opening " + path_ + ": ";
  switch (error) {
    case EWOULDBLOCK:
    case EBUSY:
      return path_ +
             " is owned by another program; stop it, or, if it is a flopwatt agent, see what it reads there: "
             "flopwatt read with its configuration";
    case ENOENT:
    case ENODEV:
    case ENXIO:
    case EIO:
      return tried + "there is no such device (" + modbus_strerror(error) +
             "); check the path and that the adapter is plugged in";
    case EACCES:
    case EPERM:
      return tried + "permission denied; let the agent's user be of the device's group, often dialout";
    case ENOTTY:
      return tried + "this is no serial line; check the path";
    default:
      return tried + modbus_strerror(error) + "; check the device and its settings";
  }
}

void SerialPort::close() {
  if (context_) {
    ::dup3(null_.get(), slot_.get(), O_CLOEXEC);
    ::ioctl(device_, TIOCNXCL);
    ::tcflush(device_, TCIOFLUSH);  // else closing waits for what a dead adapter does not send
    modbus_set_socket(context_.get(), device_);
    modbus_close(context_.get());
    context_.reset();
    lock_.reset();
  }
  interrupted_ = false;
  eventfd_t ignored = 0;
  ::eventfd_read(interrupt_.get(), &ignored);
}

void SerialPort::interrupt() {
  ::dup3(null_.get(), slot_.get(), O_CLOEXEC);
  ::eventfd_write(interrupt_.get(), 1);
  interrupted_ = true;  // last: the reader of it may open the port again
}

void SerialPort::ask(const ReadRequest& request, SteadyTime deadline, Outcome& outcome) {
  bytes_came_ = false;
  ::tcflush(slot_.get(), TCIFLUSH);
  modbus_set_slave(context_.get(), request.unit);
  RequestBody body = encode_body(request);
  outcome.sent = now();
  if (modbus_send_raw_request(context_.get(), body.data(), body.size()) < 0) return lost(outcome, errno);
  if (!wait_for_answer(deadline, outcome)) return;
  bytes_came_ = true;
  receive(request, outcome);
  outcome.received = now();
}

bool SerialPort::wait_for_answer(SteadyTime deadline, Outcome& outcome) {
  const std::array<pollfd, 2> watched = {{{interrupt_.get(), POLLIN, 0}, {slot_.get(), POLLIN, 0}}};
  const auto event = wait_for(watched, deadline);
  if (event && event->fd == slot_.get() && (event->revents & (POLLHUP | POLLERR | POLLNVAL)) == 0)
    return true;
  if (event && event->fd == slot_.get() && !interrupted_) {
    lost(outcome, EIO);
    return false;
  }
  outcome.fault = FaultClass::timeout;
  outcome.reason = "no answer";
  if (was_replaced()) close();
  return false;
}

void SerialPort::receive(const ReadRequest& request, Outcome& outcome) {
  const int size = modbus_receive_confirmation(context_.get(), frame_.data());
  const int error = errno;
  outcome.garbled = true;
  if (interrupted_ || (size < 0 && error == ETIMEDOUT)) {
    outcome.fault = FaultClass::timeout;
    outcome.reason = "only a part of an answer";
  } else if (size < 0 && error == EMBBADCRC) {
    outcome.fault = FaultClass::crc;
    outcome.reason = "the answer's checksum is wrong; check wiring, termination, baud rate and parity";
  } else if (size < 0 && error == EMBBADDATA) {
    outcome.fault = FaultClass::protocol;
    outcome.reason = "what came is no Modbus frame; check baud rate and parity";
  } else if (size < 0) {
    lost(outcome, error);
  } else if (size == 0) {  // libmodbus: a frame of another unit; its checksum was not looked at
    outcome.fault = FaultClass::protocol;
    outcome.reason = mismatch({Reply::Kind::wrong_unit, frame_[0], {}}, request);
  } else {
    outcome.reply = decode_rtu_reply(std::span(frame_).first(static_cast<std::size_t>(size)), request);
    const bool fits =
        outcome.reply.kind == Reply::Kind::registers || outcome.reply.kind == Reply::Kind::exception;
    outcome.garbled = !fits;
    if (fits) return;
    outcome.fault = FaultClass::protocol;
    outcome.reason = mismatch(outcome.reply, request);
  }
}

void SerialPort::lost(Outcome& outcome, int error) {
  outcome.fault = FaultClass::connection;
  outcome.garbled = false;
  outcome.reason = "the serial line " + path_ + " broke (" + modbus_strerror(error) +
                   "); check that the adapter is plugged in";
  close();
}

void SerialPort::recover() {
  microseconds silence = std::max<microseconds>(shortest_silence, frame_silence(settings_));
  if (bytes_came_) silence = std::max<microseconds>(silence, silence_after_bytes);
  if (interrupted_) {
    close();
    if (open()) return;  // the next transaction tries again, and reports the fault
  }
  const SteadyTime end = steady_clock::now() + longest_recovery;
  const std::array<pollfd, 2> watched = {{{interrupt_.get(), POLLIN, 0}, {slot_.get(), POLLIN, 0}}};
  while (context_ && !interrupted_ && steady_clock::now() < end) {
    const auto event = wait_for(watched, std::min<SteadyTime>(end, steady_clock::now() + silence));
    if (!event || event->revents != POLLIN) return;
    ::tcflush(slot_.get(), TCIFLUSH);
  }
}

// The adapter was plugged in again while the old one seems to live: its path leads elsewhere now.
bool SerialPort::was_replaced() const {
  struct stat named {};
  struct stat opened {};
  if (::fstat(device_, &opened) != 0 || ::stat(path_.c_str(), &named) != 0) return true;
  return named.st_dev != opened.st_dev || named.st_ino != opened.st_ino || named.st_rdev != opened.st_rdev;
}

}  // namespace flopwatt::modbus
