// How the objects of a JSON body are told apart.
#pragma once

#include <cstdint>

namespace freshet {

enum class BodyKind : uint8_t {
  kAuto,       // One object, an array or one object a line, by its looks.
  kJson,       // One object or an array.
  kJsonLines,  // One object a line (application/x-ndjson): a broken line costs only itself.
};

}  // namespace freshet
