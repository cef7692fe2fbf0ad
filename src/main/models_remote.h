// `freshet models` of a running server: the same actions over its API. docs/roll-back.md.
#pragma once

#include <string>

#include "base/result.h"

namespace freshet {

struct ModelsFlags {
  std::string models = "models", name, other, to, challenger;
  std::string server, key;  // server: of a running one; empty: the folder `models` is meant.
  bool json = false;
};

Status remote_list(const ModelsFlags& flags);
Status remote_show(const ModelsFlags& flags);
Status remote_diff(const ModelsFlags& flags);
Status remote_pin(const ModelsFlags& flags);
Status remote_unpin(const ModelsFlags& flags);
Status remote_rollback(const ModelsFlags& flags);
Status remote_promote(const ModelsFlags& flags);
Status remote_export(const ModelsFlags& flags);
Status remote_import(const ModelsFlags& flags);

}  // namespace freshet
