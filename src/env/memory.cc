#include "env/memory.h"

#include <new>

#include <sys/mman.h>

namespace freshet {

void* allocate_large(size_t bytes) {
  // The alignment is the same for all, because it must be named again to free.
  if (bytes < kLargePage / 2) return ::operator new(bytes, std::align_val_t(kLargePage));
  const size_t whole = (bytes + kLargePage - 1) / kLargePage * kLargePage;
  void* memory = ::operator new(whole, std::align_val_t(kLargePage));
  madvise(memory, whole, MADV_HUGEPAGE);  // A hint: what it says no to works all the same.
  return memory;
}

void free_large(void* memory) {
  ::operator delete(memory, std::align_val_t(kLargePage));
}

}  // namespace freshet
