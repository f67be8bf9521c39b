#include "runtime/watched_files.h"

#include <doctest/doctest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <fstream>

using namespace flopwatt;
namespace fs = std::filesystem;

namespace {

// A text of one file, "bad" being none.
class Watched {
 public:
  explicit Watched(std::chrono::milliseconds age = {}) : settle(age) {
    std::string pattern = (fs::temp_directory_path() / "flopwatt-watch-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    folder = pattern;
  }
  ~Watched() { fs::remove_all(folder); }

  void write(const std::string& text) const { std::ofstream(folder / "file") << text; }

  std::optional<Fault> refresh() {
    std::optional<Fault> fault;
    asio::io_context loop{1};
    auto wait = [&]() -> awaitable<void> {
      const auto done = co_await files.refresh();
      if (!done) fault = done.error();
    };
    asio::co_spawn(loop, wait, [](const std::exception_ptr& failure) { CHECK_FALSE(failure); });
    loop.run();
    return fault;
  }
  [[nodiscard]] std::string text() const { return files.product() ? *files.product() : "nothing"; }

  std::chrono::milliseconds settle;
  fs::path folder;
  std::atomic<int> makings{0};
  WatchedFiles<std::string> files{"the test",
                                  [this] {
                                    ++makings;
                                    SmallFile file = read_small_file(folder / "file", 1024);
                                    WatchedFiles<std::string>::Made made{
                                        Fault{FaultClass::connection, file.failure, 0},
                                        {{folder / "file", file.stamp}}};
                                    if (file.text == "bad")
                                      made.product = Fault{FaultClass::connection, "bad", 0};
                                    else if (file.failure.empty())
                                      made.product = std::make_shared<const std::string>(file.text);
                                    return made;
                                  },
                                  settle};
};

}  // namespace

TEST_CASE("what is made of files is made again when they change, and only then") {
  Watched watched;
  REQUIRE(watched.refresh().has_value());
  CHECK(watched.text() == "nothing");
  watched.write("one");
  CHECK_FALSE(watched.refresh().has_value());
  CHECK(watched.text() == "one");
  const int makings = watched.makings;
  for (int i = 0; i < 5; ++i) CHECK_FALSE(watched.refresh().has_value());
  CHECK(watched.makings == makings);
  watched.write("two");
  CHECK_FALSE(watched.refresh().has_value());
  CHECK(watched.text() == "two");
}

TEST_CASE("files that are wrong, or gone, leave the old product, and are tried until they are right") {
  Watched watched;
  watched.write("one");
  REQUIRE(watched.files.load().has_value());
  watched.write("bad");
  CHECK_FALSE(watched.refresh().has_value());
  CHECK(watched.text() == "one");
  fs::remove(watched.folder / "file");
  CHECK_FALSE(watched.refresh().has_value());
  CHECK(watched.text() == "one");
  const int makings = watched.makings;
  CHECK_FALSE(watched.refresh().has_value());
  CHECK(watched.makings == makings + 1);
  watched.write("two");
  CHECK_FALSE(watched.refresh().has_value());
  CHECK(watched.text() == "two");
}

TEST_CASE("a file that is put in the place of another counts, though it has the same size and time") {
  Watched watched;
  watched.write("one");
  REQUIRE(watched.files.load().has_value());
  std::ofstream(watched.folder / "next") << "two";
  fs::last_write_time(watched.folder / "next", fs::last_write_time(watched.folder / "file"));
  fs::rename(watched.folder / "next", watched.folder / "file");
  CHECK_FALSE(watched.refresh().has_value());
  CHECK(watched.text() == "two");
}

TEST_CASE(
    "a file that does not answer stops nobody: the product stays, and the answer is taken up when it comes") {
  std::atomic<bool> hangs{false};
  const auto make = [&hangs]() -> WatchedFiles<int>::Made {
    while (hangs) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return {std::make_shared<const int>(1), {{"/nowhere", {1, 1, 1, 1, 1}}}};  // always changed
  };
  WatchedFiles<int> files("the test", make, {});
  REQUIRE(files.load().has_value());
  const auto before = files.product();
  hangs = true;
  asio::io_context loop{1};
  bool ended = false;
  auto twice = [&]() -> awaitable<void> {
    CHECK((co_await files.refresh()).has_value());
    CHECK(files.product() == before);
    hangs = false;
    CHECK((co_await files.refresh()).has_value());
    ended = true;
  };
  asio::co_spawn(loop, twice, [](const std::exception_ptr& failure) { CHECK_FALSE(failure); });
  loop.run();
  CHECK(ended);
  CHECK(files.product() != before);
}
