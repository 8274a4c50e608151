# One interface target carries the flags of all of Perdure's own code.
add_library(perdure_flags INTERFACE)
target_compile_options(perdure_flags INTERFACE
  -Wall -Wextra
  $<$<CXX_COMPILER_ID:GNU>:-Werror>  # clang warns of other things
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>  # false alarms of g++ 12 on std::string
  -ffp-contract=off            # a*b+c rounds twice unless the code says fma
  -fno-math-errno
  $<$<CONFIG:Release>:-O2>)
find_program(PERDURE_MOLD mold)
if(PERDURE_MOLD)
  target_link_options(perdure_flags INTERFACE -fuse-ld=mold)
endif()
if(PERDURE_SANITIZE)
  target_compile_options(perdure_flags INTERFACE
    -fsanitize=${PERDURE_SANITIZE} -fno-omit-frame-pointer -g1)
  target_link_options(perdure_flags INTERFACE -fsanitize=${PERDURE_SANITIZE})
endif()
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1" CACHE STRING "" FORCE)
