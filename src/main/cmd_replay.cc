#include "main/command.h"

namespace freshet {

Run add_replay(CLI::App& app) {
  (void)app;
  return []() -> Status { return unavailable("not built in yet"); };
}

}  // namespace freshet
