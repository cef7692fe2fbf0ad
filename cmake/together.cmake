# Sources of a room are compiled several in one piece: their headers are read once, which saves a third of the build
# (docs/decisions/0175-sources-compiled-together.md). tools/pieces.py says which; it is asked when CMake configures.
# A name that two of them have since is an error of the compiler: configure again, or give it a name of its own.
set(FRESHET_TOGETHER 8 CACHE STRING "Source files that are compiled as one piece, at most; 1: each by itself")

function(compile_together target)  # compile_together(<target> <source>...)
  if(FRESHET_TOGETHER LESS 2 OR FRESHET_SANITIZE OR NOT CMAKE_BUILD_TYPE STREQUAL "Release")
    return()
  endif()
  execute_process(COMMAND ${PYTHON} ${PROJECT_SOURCE_DIR}/tools/pieces.py ${FRESHET_TOGETHER} ${ARGN}
                  OUTPUT_VARIABLE found COMMAND_ERROR_IS_FATAL ANY OUTPUT_STRIP_TRAILING_WHITESPACE)
  string(REPLACE ";" "|" found "${found}")
  string(REPLACE "\n" ";" found "${found}")
  set(number 0)
  foreach(piece IN LISTS found)
    string(REPLACE "|" ";" piece "${piece}")
    math(EXPR number "${number} + 1")
    set_source_files_properties(${piece} PROPERTIES UNITY_GROUP ${number})
  endforeach()
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE GROUP)
  # A file's own name may hide one of another file here, and types in it look as if they stood in a header.
  target_compile_options(${target} PRIVATE -Wno-shadow -Wshadow=local -Wno-subobject-linkage)
endfunction()
