#include "env/child_task.h"

#include <cerrno>
#include <csignal>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace freshet {
namespace {

constexpr int kChildPipe = 3;   // Where the child keeps its end, the only file it inherits beside 0, 1, 2.
constexpr int kChildNice = 10;  // Serving goes first.
constexpr size_t kErrorBytesMax = 4000;  // Below the size of a pipe: the child never waits for the parent.

std::string system_error(const char* what) {
  return std::string(what) + ": " + std::generic_category().message(errno);
}

[[noreturn]] void run_child(int parent, int pipe_end, const std::function<Status()>& work) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // Nobody is left to take the result.
  if (::getppid() != parent) ::_exit(1);
  ::setpriority(PRIO_PROCESS, 0, kChildNice);
  // Sockets too: a client must see the parent close them, and a restarted server must get its port.
  if (pipe_end != kChildPipe) ::dup2(pipe_end, kChildPipe);
  ::close_range(kChildPipe + 1, ~0u, 0);
  const Status status = work();
  if (status.ok()) ::_exit(0);
  std::string message(1, static_cast<char>(status.error().code));
  message += status.error().what.substr(0, kErrorBytesMax);
  (void)!::write(kChildPipe, message.data(), message.size());
  ::_exit(1);
}

}  // namespace

Result<ChildTask> ChildTask::start(const std::function<Status()>& work) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return unavailable(system_error("pipe"));
  const int parent = ::getpid();
  const int pid = ::fork();
  if (pid == 0) run_child(parent, ends[1], work);
  ::close(ends[1]);
  if (pid < 0) {
    const std::string why = system_error("fork");
    ::close(ends[0]);
    return unavailable(why);
  }
  return ChildTask(pid, ends[0]);
}

ChildTask::ChildTask(ChildTask&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      pipe_(std::exchange(other.pipe_, -1)),
      wait_status_(other.wait_status_) {}

ChildTask::~ChildTask() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    while (::waitpid(pid_, &wait_status_, 0) < 0 && errno == EINTR) {
    }
  }
  if (pipe_ >= 0) ::close(pipe_);
}

bool ChildTask::done() {
  if (pid_ > 0 && ::waitpid(pid_, &wait_status_, WNOHANG) == pid_) pid_ = -1;
  return pid_ < 0;
}

Status ChildTask::wait() {
  while (pid_ > 0) {
    const int reaped = ::waitpid(pid_, &wait_status_, 0);
    if (reaped == pid_) {
      pid_ = -1;
    } else if (errno != EINTR) {
      pid_ = -1;
      return unavailable(system_error("waitpid"));
    }
  }
  if (WIFEXITED(wait_status_) && WEXITSTATUS(wait_status_) == 0) return {};
  if (WIFSIGNALED(wait_status_))
    return unavailable("child process ended by signal " + std::to_string(WTERMSIG(wait_status_)));
  std::string message(kErrorBytesMax + 1, '\0');
  const ssize_t size = ::read(pipe_, message.data(), message.size());
  if (size < 1) return unavailable("child process failed without a message");
  message.resize(static_cast<size_t>(size));
  return Error{static_cast<Code>(message[0]), message.substr(1)};
}

}  // namespace freshet
