// Memory in large pieces, backed by large pages where the system has them: what is scanned or jumped about
// in.
#pragma once

#include <cstddef>

namespace freshet {

constexpr size_t kLargePage = size_t{2} << 20;

// Not cleared. From half a large page on: rounded up to whole ones and aligned to one. Throws bad_alloc.
void* allocate_large(size_t bytes);
void free_large(void* memory);

}  // namespace freshet
