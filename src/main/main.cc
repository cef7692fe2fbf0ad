#include <csignal>

#include "main/command.h"

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // A closed pipe (freshet ... | head) is a failed write, not a death.
  return freshet::run_command_line(argc, argv);
}
