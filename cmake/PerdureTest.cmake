# perdure_test(<name> SOURCES ... DEPS ... [LIBS ...] [DATA] [TIMEOUT seconds] [LABELS ...])
# One gtest executable = one ctest entry. DATA: the test reads PERDURE_DATA_DIR and
# is registered only where that folder exists.
if(PERDURE_BUILD_TESTS AND NOT EXISTS ${PERDURE_DATA_DIR}/README.md)
  message(WARNING "PERDURE_DATA_DIR=${PERDURE_DATA_DIR} does not exist: "
    "the tests against real data and golden results are NOT registered")
endif()

# What tests share is included as tests/support/x.h, from a root of its own.
set(PERDURE_TESTS_ROOT ${PROJECT_BINARY_DIR}/include/tests)
file(MAKE_DIRECTORY ${PERDURE_TESTS_ROOT})
file(CREATE_LINK ${PROJECT_SOURCE_DIR}/tests ${PERDURE_TESTS_ROOT}/tests SYMBOLIC)

function(perdure_test name)
  cmake_parse_arguments(ARG "DATA" "TIMEOUT" "SOURCES;DEPS;LIBS;LABELS" ${ARGN})
  if(ARG_DATA AND NOT EXISTS ${PERDURE_DATA_DIR}/README.md)
    return()
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  perdure_program(${name} TESTS LAYER tests SOURCES ${ARG_SOURCES} DEPS ${ARG_DEPS}
    LIBS ${ARG_LIBS} GTest::gmock GTest::gtest GTest::gtest_main)
  target_include_directories(${name} PRIVATE ${PERDURE_TESTS_ROOT})
  target_compile_definitions(${name} PRIVATE
    PERDURE_DATA_DIR="${PERDURE_DATA_DIR}" PERDURE_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests_bin)
  add_test(NAME ${name} COMMAND ${name})
  # A request for impossible memory is an error to be told, not to die of.
  set_tests_properties(${name} PROPERTIES TIMEOUT ${ARG_TIMEOUT} LABELS "${ARG_LABELS}"
    ENVIRONMENT "ASAN_OPTIONS=allocator_may_return_null=1")
endfunction()

# mpirun for ranks of one machine, which may have fewer cores than ranks: they
# yield when idle and are bound to nothing. OpenMPI refuses root unless told.
set(PERDURE_MPIRUN ${MPIEXEC_EXECUTABLE} --oversubscribe --bind-to none
  --mca pml ob1 --mca btl self,vader --mca mpi_yield_when_idle 1
  --mca odls_base_sigkill_timeout 0 --mca orte_base_help_aggregate 0)
execute_process(COMMAND id -u OUTPUT_VARIABLE PERDURE_UID OUTPUT_STRIP_TRAILING_WHITESPACE)
if(PERDURE_UID EQUAL 0)
  list(APPEND PERDURE_MPIRUN --allow-run-as-root)
endif()

# perdure_mpi_test(NAME name TARGET program RANKS n [ARGS ...] [TIMEOUT seconds]
#   [LABELS ...] [DATA]): runs an existing program target on n ranks; passes if
# mpirun ends with 0. DATA as above.
function(perdure_mpi_test)
  cmake_parse_arguments(ARG "DATA" "NAME;TARGET;RANKS;TIMEOUT" "ARGS;LABELS" ${ARGN})
  if(ARG_DATA AND NOT EXISTS ${PERDURE_DATA_DIR}/README.md)
    return()
  endif()
  # Ranks of one thread each have no data races, but OpenMPI's own threads are
  # not built for the thread sanitizer and would be reported.
  if(PERDURE_SANITIZE STREQUAL "thread")
    return()
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  add_test(NAME ${ARG_NAME} COMMAND
    ${PERDURE_MPIRUN} -n ${ARG_RANKS} $<TARGET_FILE:${ARG_TARGET}> ${ARG_ARGS})
  set_tests_properties(${ARG_NAME} PROPERTIES
    TIMEOUT ${ARG_TIMEOUT} PROCESSORS ${ARG_RANKS} LABELS "mpi;${ARG_LABELS}"
    ENVIRONMENT "ASAN_OPTIONS=detect_leaks=0")  # OpenMPI leaks
endfunction()
