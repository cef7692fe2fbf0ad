# How everything is compiled.
#
# x86-64-v2 is the floor: one binary runs on any such CPU, and hot kernels are compiled several times and chosen at
# run time (target_clones). No fused multiply-add is ever contracted, so a kernel gives the same bits on every CPU:
# replay must be byte-equal across machines.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1")

add_compile_options(-Wall -Wextra -Wshadow -Wnon-virtual-dtor -Wno-missing-field-initializers -Wno-psabi
                    -ffp-contract=off)
if(CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
  add_compile_options(-march=x86-64-v2)
endif()

# The compiler cleans its memory up only when it has taken some 4 GB, which a file never does (1.2 GB at most): a tenth to a
# seventh of its time, the same code.
add_compile_options(--param=ggc-min-heapsize=4000000)
# As many compilers as cores; Ninja alone would start two more, which makes all of them slower.
cmake_host_system_information(RESULT FRESHET_CORES QUERY NUMBER_OF_LOGICAL_CORES)
set_property(GLOBAL PROPERTY JOB_POOLS compile=${FRESHET_CORES})
set(CMAKE_JOB_POOL_COMPILE compile)

option(FRESHET_WERROR "Warnings are errors" ON)
if(FRESHET_WERROR)
  add_compile_options(-Werror)
endif()

set(FRESHET_SANITIZE "" CACHE STRING "Sanitizers to compile with, e.g. address,undefined or thread")
if(FRESHET_SANITIZE)
  add_compile_options(-fsanitize=${FRESHET_SANITIZE} -fno-omit-frame-pointer)
  add_compile_options(-Wno-maybe-uninitialized -Wno-array-bounds)  # GCC trips over its own
  # <regex>, <functional> and folded templates under sanitizers.
  add_link_options(-fsanitize=${FRESHET_SANITIZE})
endif()

# What calls the code that is fast, and need not be: a release compiles it a quarter faster.
function(quickly_compiled)  # quickly_compiled(<target>...)
  foreach(target IN LISTS ARGN)
    target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:-O1>)
  endforeach()
endfunction()

find_program(CCACHE ccache)
if(CCACHE)
  # It keeps objects that read a precompiled header (cmake/precompiled.cmake) only when asked to.
  set(CMAKE_CXX_COMPILER_LAUNCHER env CCACHE_SLOPPINESS=pch_defines,time_macros ${CCACHE})
endif()
