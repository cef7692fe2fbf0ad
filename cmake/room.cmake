# room(<name> [DEPENDS <room>...] [LIBRARIES <cmake target or link flag>...] [PRECOMPILE <header>...])
#
# PRECOMPILE: headers of its libraries that most of its files read, read once (cmake/precompiled.cmake).
# A room is a folder src/<name>: a static library from its *.cc, one test program from its *_test.cc, and the list of
# rooms it may include. A room may only name rooms declared before it, so a circle cannot be written down; the list is
# also written to <build>/rooms.txt, from which tools/check_rooms.py checks every #include.
find_package(GTest REQUIRED)
include(GoogleTest)

file(WRITE ${CMAKE_BINARY_DIR}/rooms.txt "")

function(room name)
  cmake_parse_arguments(ROOM "" "" "DEPENDS;LIBRARIES;PRECOMPILE" ${ARGN})
  set(dir ${PROJECT_SOURCE_DIR}/src/${name})
  foreach(dep IN LISTS ROOM_DEPENDS)
    if(NOT TARGET freshet_${dep})
      message(FATAL_ERROR "room ${name} names ${dep}, which is not a room declared above it")
    endif()
  endforeach()
  string(REPLACE ";" " " dep_words "${ROOM_DEPENDS}")
  file(APPEND ${CMAKE_BINARY_DIR}/rooms.txt "${name}: ${dep_words}\n")

  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${dir}/*.cc)
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "_test\\.cc$|_main\\.cc$|/main\\.cc$|_bench\\.cc$|/testing/")
  list(FILTER tests INCLUDE REGEX "_test\\.cc$|/testing/[^/]*\\.cc$")

  list(TRANSFORM ROOM_DEPENDS PREPEND freshet_ OUTPUT_VARIABLE dep_targets)
  if(sources)
    add_library(freshet_${name} STATIC ${sources})
    target_include_directories(freshet_${name} PUBLIC ${PROJECT_SOURCE_DIR}/src)
    target_link_libraries(freshet_${name} PUBLIC ${dep_targets} ${ROOM_LIBRARIES})
    precompile(freshet_${name} freshet_base ${ROOM_PRECOMPILE})
  else()
    add_library(freshet_${name} INTERFACE)
    target_include_directories(freshet_${name} INTERFACE ${PROJECT_SOURCE_DIR}/src)
    target_link_libraries(freshet_${name} INTERFACE ${dep_targets} ${ROOM_LIBRARIES})
  endif()

  if(tests)
    add_executable(${name}_test ${tests})
    quickly_compiled(${name}_test)
    target_link_libraries(${name}_test PRIVATE freshet_${name} GTest::gtest GTest::gtest_main)
    if(name STREQUAL "base")
      precompile(base_test base_test <gtest/gtest.h>)
    else()
      precompile(${name}_test base_test)
    endif()
    gtest_discover_tests(${name}_test TEST_PREFIX "${name}/" DISCOVERY_TIMEOUT 60 PROPERTIES TIMEOUT 600)
  endif()
endfunction()
