# embed(<target> <file> <function>): compiles a text file into the program as `std::string_view freshet::<function>()`.
function(embed target file function)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
  file(READ ${file} text)
  set(out ${CMAKE_BINARY_DIR}/generated/${function}.cc)
  file(GENERATE OUTPUT ${out} CONTENT
       "#include <string_view>\nnamespace freshet {\nstd::string_view ${function}() {\n  return R\"embedded(${text})embedded\";\n}\n}  // namespace freshet\n")
  target_sources(${target} PRIVATE ${out})
endfunction()
