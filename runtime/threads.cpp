#include "runtime/threads.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <system_error>
#include <utility>
#include <vector>

namespace flopwatt {
namespace {

// An ended thread is gone in microseconds, on a busy machine in milliseconds.
constexpr std::chrono::milliseconds longest_end{100};

// The kernel counts an ended thread for a moment longer than join() waits for it.
void wait_until_gone(pid_t thread) {
  const auto limit = std::chrono::steady_clock::now() + longest_end;
  while (::tgkill(::getpid(), thread, 0) == 0 && std::chrono::steady_clock::now() < limit)
    std::this_thread::yield();
}

}  // namespace

std::string no_thread_text(const std::string& purpose) {
  return "no thread is left for " + purpose + "; " + std::string(more_tasks);
}

std::thread start_thread(std::function<void()> work) {
  try {
    return std::thread(std::move(work));
  } catch (const std::system_error&) {
    return {};
  }
}

std::thread start_needed_thread(const std::string& purpose, std::function<void()> work) {
  std::thread thread = start_thread(std::move(work));
  if (!thread.joinable()) throw NoThread(purpose);
  return thread;
}

bool can_start_threads(unsigned count) {
  std::atomic<bool> end = false;
  std::vector<pid_t> ids(count);
  std::vector<std::thread> threads;
  for (pid_t& id : ids) {
    std::thread thread = start_thread([&id, &end] {
      id = ::gettid();
      end.wait(false);
    });
    if (!thread.joinable()) break;
    threads.push_back(std::move(thread));
  }
  end = true;
  end.notify_all();
  for (std::thread& thread : threads) thread.join();
  for (std::size_t i = 0; i < threads.size(); ++i) wait_until_gone(ids[i]);
  return threads.size() == count;
}

WorkThread::WorkThread(const std::string& purpose)
    : thread_(start_needed_thread(purpose, [this] { queue_.run(); })) {}

WorkThread::~WorkThread() {
  queue_.stop();
  thread_.join();
}

}  // namespace flopwatt
