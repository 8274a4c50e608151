# perdure_embed_rules(<output.cc> FILES a.textproto ...): a source file that
# defines ShippedRuleSets() with each file's text under its stem, so that an
# installed program needs no files. Remade when a file changes.
function(perdure_embed_rules output)
  cmake_parse_arguments(ARG "" "" "FILES" ${ARGN})
  set(entries "")
  foreach(file ${ARG_FILES})
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
    get_filename_component(stem ${file} NAME_WE)
    file(READ ${file} text)
    string(APPEND entries "      {\"${stem}\", R\"rules(${text})rules\"},\n")
  endforeach()
  file(CONFIGURE OUTPUT ${output} @ONLY CONTENT
"#include \"checkpoint/convert/rule_sets.h\"

namespace perdure {

std::vector<RuleSetText> ShippedRuleSets() {
  return {
@entries@  };
}

}  // namespace perdure
")
endfunction()

# perdure_embed_text(<output.cc> HEADER <header> FUNCTION <name> FILE <file>): a
# source file that defines `absl::string_view <name>()`, which `header` declares,
# with the text of the file.
function(perdure_embed_text output)
  cmake_parse_arguments(ARG "" "HEADER;FUNCTION;FILE" "" ${ARGN})
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${ARG_FILE})
  file(READ ${ARG_FILE} text)
  file(CONFIGURE OUTPUT ${output} @ONLY CONTENT
"#include \"${ARG_HEADER}\"

namespace perdure {

absl::string_view ${ARG_FUNCTION}() {
  return R\"embedded(${text})embedded\";
}

}  // namespace perdure
")
endfunction()
