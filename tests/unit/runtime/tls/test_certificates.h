// A small public key infrastructure for tests, made by the openssl command as an operator would.
#pragma once

#include <doctest/doctest.h>
#include <stdlib.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace flopwatt::test {

/// A folder with an authority (ca.pem, ca.key) and what it signs. Removed at the end.
class CertificateFolder {
 public:
  explicit CertificateFolder(const std::string& authority = "Test CA") {
    std::string pattern = (std::filesystem::temp_directory_path() / "flopwatt-tls-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path = pattern;
    run("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -days 30 "
        "-subj '/CN=" +
        authority + "'");
  }
  ~CertificateFolder() { std::filesystem::remove_all(path); }
  CertificateFolder(const CertificateFolder&) = delete;
  CertificateFolder& operator=(const CertificateFolder&) = delete;

  /// NAME.key and NAME.pem, for these alternative names ("DNS:localhost,IP:127.0.0.1"); from and until as openssl
  /// writes times ("20200101000000Z").
  void sign(const std::string& name, const std::string& names, const std::string& from = "20200101000000Z",
            const std::string& until = "20490101000000Z") const {
    run("req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout " + name + ".key -out " + name +
        ".csr -subj /CN=" + name);
    write(name + ".cnf",
          "[ca]\ndefault_ca=a\n[a]\ndatabase=index\nserial=serial\nnew_certs_dir=.\ncertificate=ca."
          "pem\nprivate_key=ca.key\n"
          "default_md=sha256\npolicy=p\nunique_subject=no\nrand_serial=yes\n[p]\ncommonName=supplied\n[e]"
          "\nsubjectAltName=" +
              names + "\n");
    write("index", "");
    run("ca -batch -notext -config " + name + ".cnf -extensions e -startdate " + from + " -enddate " + until +
        " -in " + name + ".csr -out " + name + ".pem");
  }

  void write(const std::string& name, const std::string& text) const { std::ofstream(path / name) << text; }
  [[nodiscard]] std::string read(const std::string& name) const {
    std::ostringstream text;
    text << std::ifstream(path / name).rdbuf();
    return text.str();
  }
  [[nodiscard]] std::filesystem::path operator/(const std::string& name) const { return path / name; }

  void run(const std::string& arguments) const {
    const std::string command = "cd " + path.string() + " && openssl " + arguments + " >openssl.log 2>&1";
    const int status = std::system(command.c_str());
    INFO(command << ": " << read("openssl.log"));
    REQUIRE(status == 0);
  }

  std::filesystem::path path;
};

}  // namespace flopwatt::test
