#include "main/version.h"

namespace freshet {

std::string_view version() {
  return FRESHET_VERSION;
}

}  // namespace freshet
