#include "exporters/prometheus/endpoint.h"

#include <doctest/doctest.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/json.hpp>
#include <deque>
#include <fstream>
#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "runtime/async.h"
#include "tests/unit/exporters/prometheus/synthetic_snapshot.h"
#include "tests/unit/runtime/http/http_client.h"

using namespace flopwatt;
using namespace std::chrono_literals;
using flopwatt::prometheus::Endpoint;
using test::Answer;
using test::HttpClient;
using Clock = std::chrono::steady_clock;

namespace {

// The agent as the endpoint sees it: answers with one snapshot, when it is let.
struct Agent {
  std::atomic<int> questions{0};
  std::atomic<bool> answers{true};
  Snapshot snapshot = test::synthetic_snapshot();

  awaitable<SnapshotPtr> ask(SnapshotDetail detail) {
    ++questions;
    while (!answers) co_await sleep_until(Clock::now() + 1ms);
    auto answer = std::make_shared<Snapshot>(snapshot);
    if (detail == SnapshotDetail::status) answer->sources.front().missing = {{"frequency_hz", "exception 2"}};
    co_return answer;
  }
};

class Running {
 public:
  explicit Running(Agent& agent)
      : endpoint_(io_.get_executor(), [&agent](SnapshotDetail detail) { return agent.ask(detail); },
                  {.per_address = 256}) {
    const auto ports = endpoint_.listen({{.host = "127.0.0.1", .port = 0}, {.host = "", .port = 0}});
    REQUIRE(ports.has_value());
    REQUIRE(ports->size() == 2);
    port = ports->front();
    other_port = ports->back();
    auto on_end = [this](const std::exception_ptr&) { ended_.set_value(); };
    asio::co_spawn(io_, endpoint_.run(), asio::bind_cancellation_slot(cancel_.slot(), std::move(on_end)));
    thread_ = std::thread([this] { io_.run(); });
  }
  ~Running() {
    asio::post(io_, [this] { cancel_.emit(asio::cancellation_type::terminal); });
    CHECK(ended_.get_future().wait_for(1s) == std::future_status::ready);
    io_.stop();  // a question may still be open
    thread_.join();
  }

  std::uint16_t port = 0;
  std::uint16_t other_port = 0;

 private:
  asio::io_context io_{1};
  Endpoint endpoint_;
  asio::cancellation_signal cancel_;
  std::promise<void> ended_;
  std::thread thread_;
};

constexpr std::string_view prometheus_accept =
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1";

void ask_metrics(const HttpClient& client, std::string_view headers) {
  client.send("GET /metrics HTTP/1.1\r\nHost: test\r\n" + std::string(headers) + "\r\n");
}

Answer get_metrics(std::uint16_t port, std::string_view headers) {
  HttpClient client(port);
  ask_metrics(client, headers);
  return client.read();
}

std::string accepting(std::string_view accept, std::string_view encoding) {
  return "Accept: " + std::string(accept) + "\r\nAccept-Encoding: " + std::string(encoding) + "\r\n";
}

std::string gunzip(std::string compressed) {
  std::string text(std::size_t{1} << 20U, '\0');
  z_stream stream{};
  REQUIRE(inflateInit2(&stream, 15 + 16) == Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(compressed.data());
  stream.avail_in = static_cast<uInt>(compressed.size());
  stream.next_out = reinterpret_cast<Bytef*>(text.data());
  stream.avail_out = static_cast<uInt>(text.size());
  CHECK(inflate(&stream, Z_FINISH) == Z_STREAM_END);
  CHECK(stream.avail_in == 0);
  text.resize(stream.total_out);
  inflateEnd(&stream);
  return text;
}

template <class Condition>
void wait_until(Condition holds) {
  const auto begin = Clock::now();
  while (!holds() && Clock::now() - begin < 10s) std::this_thread::yield();
  REQUIRE(holds());
}

std::size_t resident_bytes() {
  std::size_t pages = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> pages >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace

TEST_CASE("the routes") {
  Agent agent;
  Running endpoint(agent);
  const Answer metrics = test::get(endpoint.port, "/metrics");
  CHECK(metrics.status() == 200);
  CHECK(metrics.has("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
  CHECK(metrics.body.find("flopwatt_source_up{source=\"pdu-a\"} 1\n") != std::string::npos);
  CHECK(test::get(endpoint.other_port, "/metrics?x=y").status() == 200);

  const Answer status = test::get(endpoint.port, "/api/v1/status");
  CHECK(status.has("Content-Type: application/json\r\n"));
  const auto state = boost::json::parse(status.body);
  CHECK(state.at("node") == "rack-r12");
  const std::string& first = agent.snapshot.sources.front().source->name;
  CHECK(state.at("sources").at(first).at("missing").at("frequency_hz") == "exception 2");

  const Answer readings = test::get(endpoint.port, "/api/v1/readings");
  CHECK(readings.has("Content-Type: application/json\r\n"));
  CHECK(boost::json::parse(readings.body).at("sources").at("pdu-a").at("up") == true);

  const Answer landing = test::get(endpoint.port, "/");
  CHECK(landing.has("Content-Type: text/html; charset=utf-8\r\n"));
  CHECK(landing.body.find("href=\"/metrics\"") != std::string::npos);
  CHECK(landing.body.find("http") == std::string::npos);  // nothing from elsewhere

  CHECK(test::get(endpoint.port, "/-/healthy").status() == 200);
  CHECK(test::get(endpoint.port, "/-/ready").status() == 200);
  CHECK(test::get(endpoint.port, "/metrics/").status() == 404);
  CHECK(test::get(endpoint.port, "/favicon.ico").status() == 404);
}

TEST_CASE("the format and the coding that the client asks for") {
  Agent agent;
  Running endpoint(agent);
  const auto is_openmetrics = [](const Answer& answer) {
    return answer.has("Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n");
  };
  const Answer prometheus = get_metrics(endpoint.port, accepting(prometheus_accept, "gzip"));
  CHECK(is_openmetrics(prometheus));
  CHECK(prometheus.has("Content-Encoding: gzip\r\n"));
  CHECK(prometheus.has("Vary: Accept, Accept-Encoding\r\n"));
  const std::string page = gunzip(prometheus.body);
  CHECK(page.ends_with("\n# EOF\n"));
  CHECK(page.find("flopwatt_source_up{source=\"pdu-a\"} 1\n") != std::string::npos);
  CHECK(prometheus.body.size() * 4 < page.size());

  const Answer plain = get_metrics(endpoint.port, accepting(prometheus_accept, "identity"));
  CHECK(is_openmetrics(plain));
  CHECK_FALSE(plain.has("Content-Encoding"));
  CHECK(plain.has("Vary: Accept, Accept-Encoding\r\n"));
  CHECK(plain.body.ends_with("\n# EOF\n"));

  const Answer classic = get_metrics(endpoint.port, accepting("text/plain", "gzip"));
  CHECK(classic.has("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
  CHECK(gunzip(classic.body).find("# EOF") == std::string::npos);

  SUBCASE("a header may be split over several lines") {
    CHECK(is_openmetrics(
        get_metrics(endpoint.port, "Accept: text/plain;q=0.5\r\nAccept: application/openmetrics-text\r\n")));
  }
}

TEST_CASE("scrapes that come together share one rendering of each form") {
  Agent agent;
  agent.answers = false;
  Running endpoint(agent);
  const std::vector<std::string> forms = {accepting("*/*", "identity"), accepting("*/*", "gzip"),
                                          accepting(prometheus_accept, "identity"),
                                          accepting(prometheus_accept, "gzip")};
  std::deque<HttpClient> clients;
  for (int i = 0; i < 40; ++i) {
    clients.emplace_back(endpoint.port);
    ask_metrics(clients.back(), forms[static_cast<std::size_t>(i) % forms.size()]);
  }
  wait_until([&] { return agent.questions == 1; });
  CHECK(test::get(endpoint.port, "/-/healthy").status() == 200);  // so all requests before it are read
  agent.answers = true;
  std::vector<std::string> bodies;
  for (HttpClient& client : clients) bodies.push_back(client.read().body);
  CHECK(agent.questions == 1);
  // Each rendering has the CPU time of its own moment: a second one would differ.
  for (std::size_t i = 0; i < bodies.size(); ++i) CHECK(bodies[i] == bodies[i % forms.size()]);
  CHECK(gunzip(bodies[1]) == bodies[0]);
  CHECK(gunzip(bodies[3]) == bodies[2]);
}

TEST_CASE("clients that ask for JSON together and do not read share one body") {
  constexpr std::size_t body_bytes = 4U << 20U, clients_of_each = 20;
  Agent agent;
  agent.snapshot.sources.front().last_fault = std::string(body_bytes, 'x');
  Running endpoint(agent);
  for (const char* path : {"/api/v1/status", "/api/v1/readings"}) {
    CAPTURE(path);
    CHECK(test::get(endpoint.port, path).body.size() > body_bytes);  // memory for one is there
    const std::size_t before = resident_bytes();
    const int asked = agent.questions;
    agent.answers = false;
    std::this_thread::sleep_for(120ms);  // a snapshot is shared for 100 ms
    std::deque<HttpClient> clients;
    for (std::size_t i = 0; i < clients_of_each; ++i) clients.emplace_back(endpoint.port).get(path);
    wait_until([&] { return agent.questions == asked + 1; });
    CHECK(test::get(endpoint.port, "/-/healthy").status() == 200);  // so all requests before it are read
    agent.answers = true;
    for (const HttpClient& client : clients) wait_until([&] { return client.has_answer(); });
    // A body each would be all of them; sanitizers keep some of what was freed.
    CHECK(resident_bytes() < before + clients_of_each / 2 * body_bytes);
    CHECK(agent.questions == asked + 1);
  }
}

TEST_CASE("not ready says why") {
  Agent agent;
  agent.snapshot.ready = false;
  agent.snapshot.store.up = false;
  agent.snapshot.store.fault = "the disk is full";
  Running endpoint(agent);
  const Answer answer = test::get(endpoint.port, "/-/ready");
  CHECK(answer.status() == 503);
  CHECK(answer.body ==
        "flopwatt is not ready yet.\nThe store is not open: the disk is full.\nNot polled yet: nvidia2.\n");
}

TEST_CASE("a metering loop without beats is not ready, whatever sources and store are") {
  Agent agent;
  agent.snapshot.ready = false;
  agent.snapshot.beating = false;
  for (SourceState& state : agent.snapshot.sources) state.polls = 1;
  Running endpoint(agent);
  const Answer answer = test::get(endpoint.port, "/-/ready");
  CHECK(answer.status() == 503);
  CHECK(answer.body == "flopwatt is not ready yet.\nThe metering loop does not run its beats.\n");
}

TEST_CASE("scrapes that come together cost one snapshot, and each gets the whole page") {
  Agent agent;
  agent.answers = false;
  Running endpoint(agent);
  std::deque<HttpClient> clients;
  for (int i = 0; i < 50; ++i) {
    clients.emplace_back(endpoint.port);
    clients.back().get("/metrics");
  }
  wait_until([&] { return agent.questions == 1; });
  CHECK(test::get(endpoint.port, "/-/healthy").status() == 200);  // so all requests before it are read
  agent.answers = true;
  const std::string page = clients.front().read().body;
  CHECK(page.size() > 1000);
  CHECK(std::all_of(clients.begin() + 1, clients.end(),
                    [&](HttpClient& client) { return client.read().body == page; }));
  CHECK(agent.questions == 1);
  std::this_thread::sleep_for(120ms);  // a snapshot is shared for 100 ms
  CHECK(test::get(endpoint.port, "/metrics").status() == 200);
  CHECK(agent.questions == 2);
  CHECK(test::get(endpoint.port, "/metrics").status() == 200);
  CHECK(agent.questions == 2);
}

TEST_CASE("a metering loop that does not answer: 503 after 2 s, then at once, and back when it answers") {
  Agent agent;
  agent.answers = false;
  Running endpoint(agent);
  auto begin = Clock::now();
  const Answer answer = test::get(endpoint.port, "/metrics");
  CHECK(answer.status() == 503);
  CHECK(answer.has("Retry-After: 1\r\n"));
  CHECK(answer.body.find("did not answer within 2 s") != std::string::npos);
  CHECK(Clock::now() - begin >= 1900ms);
  CHECK(Clock::now() - begin < 4s);

  begin = Clock::now();
  CHECK(test::get(endpoint.port, "/-/ready").status() == 503);
  CHECK(Clock::now() - begin < 1s);
  CHECK(agent.questions == 1);  // the open question is not asked again
  CHECK(test::get(endpoint.port, "/-/healthy").status() == 200);

  agent.answers = true;
  wait_until([&] { return test::get(endpoint.port, "/metrics").status() == 200; });
}

TEST_CASE("the endpoint ends at once while a question is open") {
  Agent agent;
  agent.answers = false;
  Running endpoint(agent);
  HttpClient client(endpoint.port);
  client.get("/metrics");
  wait_until([&] { return agent.questions == 1; });
}  // Running checks the time
