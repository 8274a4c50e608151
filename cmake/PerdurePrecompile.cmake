# perdure_precompile(<target> [TESTS]): the headers that most sources take in are
# parsed once for all targets, which halves the time of a whole build. A source
# still includes all it uses: `scripts/nightly tidy` builds without this.
#
# Only third-party and standard headers, and none whose meaning depends on a
# definition or option that targets set differently (glog, OpenMP): the compiler
# would refuse the precompiled form.
set(PERDURE_COMMON_HEADERS
  <algorithm> <atomic> <chrono> <cmath> <cstdint> <cstring> <functional> <limits>
  <map> <memory> <mutex> <optional> <set> <string> <thread> <utility> <vector>
  "<absl/status/status.h>" "<absl/status/statusor.h>" "<absl/strings/match.h>"
  "<absl/strings/str_cat.h>" "<absl/strings/str_format.h>" "<absl/strings/str_join.h>"
  "<absl/strings/str_split.h>" "<absl/time/time.h>" "<absl/types/span.h>"
  "<google/protobuf/extension_set.h>" "<google/protobuf/generated_message_reflection.h>"
  "<google/protobuf/generated_message_util.h>"
  "<google/protobuf/generated_enum_reflection.h>" "<google/protobuf/map_entry.h>"
  "<google/protobuf/unknown_field_set.h>")

# _perdure_precompiled(<target> HEADERS...): the target whose headers others reuse.
function(_perdure_precompiled target)
  file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/${target}.cc CONTENT "")
  add_library(${target} OBJECT ${PROJECT_BINARY_DIR}/${target}.cc)
  target_link_libraries(${target} PRIVATE perdure_flags)
  target_precompile_headers(${target} PRIVATE ${ARGN})
endfunction()

if(PERDURE_PRECOMPILE)
  _perdure_precompiled(perdure_common_headers ${PERDURE_COMMON_HEADERS})
  if(PERDURE_BUILD_TESTS)
    _perdure_precompiled(perdure_test_headers ${PERDURE_COMMON_HEADERS}
      <gmock/gmock.h> <gtest/gtest.h>)
    target_link_libraries(perdure_test_headers PRIVATE GTest::gmock GTest::gtest)
    target_compile_options(perdure_test_headers PRIVATE ${PERDURE_TEST_OPTIONS})
  endif()
endif()

function(perdure_precompile target)
  cmake_parse_arguments(ARG "TESTS" "" "" ${ARGN})
  if(NOT PERDURE_PRECOMPILE)
    return()
  endif()
  get_target_property(libraries ${target} LINK_LIBRARIES)
  if("OpenMP::OpenMP_CXX" IN_LIST libraries)
    return()
  endif()
  if(ARG_TESTS)
    target_precompile_headers(${target} REUSE_FROM perdure_test_headers)
  else()
    target_precompile_headers(${target} REUSE_FROM perdure_common_headers)
  endif()
endfunction()
