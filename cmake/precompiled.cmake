# Headers of the standard library and of the test runner that nearly every file reads are read once, for a sixth of the
# whole build (docs/decisions/0166-headers-read-once.md). Files still name what they use; tools/lint.py reads them without these.
option(FRESHET_PRECOMPILE "Read what nearly every file includes once" ON)
set(CMAKE_PCH_WARN_INVALID OFF)  # A file with options of its own reads its headers itself.

set(EVERYWHERE <algorithm> <array> <atomic> <bit> <charconv> <cmath> <cstdint> <cstdio> <cstring> <deque>
               <functional> <limits> <map> <memory> <mutex> <optional> <set> <span> <string> <string_view>
               <unordered_map> <utility> <vector>)

# precompile(<target> <first> [<header>...]): what is everywhere, and the headers. Targets of a kind share it with the first
# of them.
function(precompile target first)
  if(NOT FRESHET_PRECOMPILE OR FRESHET_SANITIZE)
    return()
  endif()
  # For the cache of objects (cmake/build.cmake); and GCC 12 forgets that what it suspects here is in headers of the system.
  target_compile_options(${target} PRIVATE -fpch-preprocess -Wno-array-bounds -Wno-stringop-overflow
                                           -Wno-stringop-overread -Wno-restrict)
  if(target STREQUAL first)
    target_precompile_headers(${target} PRIVATE ${EVERYWHERE} ${ARGN})
  else()
    target_precompile_headers(${target} REUSE_FROM ${first})
  endif()
endfunction()
