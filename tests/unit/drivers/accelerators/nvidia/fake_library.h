// Drives the stand-in library of fake_nvml/ through its script file.
#pragma once

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace flopwatt::nvidia {

/// The script of this process and the guests that it starts, from here to the end of the test.
class FakeScript {
 public:
  FakeScript()
      : path_(std::filesystem::temp_directory_path() /
              ("fake-nvml-" + std::to_string(::getpid()) + ".script")) {
    ::setenv("FAKE_NVML_SCRIPT", path_.c_str(), 1);
    says("");
  }
  FakeScript(const FakeScript&) = delete;
  FakeScript& operator=(const FakeScript&) = delete;
  ~FakeScript() { std::filesystem::remove(path_); }

  /// Replaces the script at one blow.
  void says(const std::string& text) const {
    const std::string fresh = path_.string() + ".new";
    std::ofstream(fresh) << text;
    std::filesystem::rename(fresh, path_);
  }

 private:
  std::filesystem::path path_;
};

}  // namespace flopwatt::nvidia
