# One interface target carries the flags of all of Perdure's own code.
add_library(perdure_flags INTERFACE)
target_compile_options(perdure_flags INTERFACE
  -Wall -Wextra
  $<$<CXX_COMPILER_ID:GNU>:-Werror>  # clang warns of other things
  # False alarms of g++ 12 on std::string.
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>
  $<$<CXX_COMPILER_ID:GNU>:-Wno-array-bounds>
  $<$<CXX_COMPILER_ID:GNU>:-Wno-stringop-overflow>
  $<$<CXX_COMPILER_ID:GNU>:-Wno-stringop-overread>
  -pthread
  -ffp-contract=off            # a*b+c rounds twice unless the code says fma
  -fno-math-errno)
find_program(PERDURE_MOLD mold)
if(PERDURE_MOLD)
  target_link_options(perdure_flags INTERFACE -fuse-ld=mold)
endif()
if(PERDURE_SANITIZE)
  target_compile_options(perdure_flags INTERFACE
    -O1  # compiles a quarter faster; its tests take hardly longer
    $<$<CXX_COMPILER_ID:GNU>:-fno-ipa-cp>  # g++ 12 dies of it after precompiled headers
    -fsanitize=${PERDURE_SANITIZE} -fno-omit-frame-pointer -g1)
  target_link_options(perdure_flags INTERFACE -fsanitize=${PERDURE_SANITIZE})
endif()
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1" CACHE STRING "" FORCE)
# Tests' own sources take longer to optimize well than they run.
set(PERDURE_TEST_OPTIONS $<$<CONFIG:Release>:-O1>)
