#include "agent/commands/standard_output.h"

#include <unistd.h>

#include <iostream>

#include "runtime/exit_code.h"

namespace flopwatt::commands {

StandardOutput::StandardOutput() : out_(STDOUT_FILENO), before_(std::cout.rdbuf(this)) {}

StandardOutput::~StandardOutput() { std::cout.rdbuf(before_); }

int StandardOutput::finish(int exit_code) {
  out_.flush();
  if (out_.fault().empty()) return exit_code;
  std::cerr << "flopwatt: " << out_.fault() << '\n';
  return exit_code == exit_good ? exit_device : exit_code;
}

StandardOutput::int_type StandardOutput::overflow(int_type byte) {
  if (traits_type::eq_int_type(byte, traits_type::eof())) return traits_type::not_eof(byte);
  out_.text() += traits_type::to_char_type(byte);
  return out_.flush_if_large() ? byte : traits_type::eof();
}

std::streamsize StandardOutput::xsputn(const char* text, std::streamsize length) {
  out_.text().append(text, static_cast<std::size_t>(length));
  return out_.flush_if_large() ? length : 0;
}

int StandardOutput::sync() { return out_.flush() ? 0 : -1; }

}  // namespace flopwatt::commands
