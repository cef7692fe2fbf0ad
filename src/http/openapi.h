#pragma once

#include <string_view>

namespace freshet {

std::string_view openapi_yaml();  // docs/openapi.yaml, compiled in.

}  // namespace freshet
