option(PERDURE_BUILD_TESTS "Build the tests" ON)
option(PERDURE_BUILD_BENCHMARKS "Build the benchmarks (needs Google Benchmark)" ON)
option(PERDURE_PRECOMPILE "Parse common third-party headers once for all sources" ON)
set(PERDURE_SANITIZE "" CACHE STRING "Sanitizers to build with: '', 'address' or 'thread'")
set(PERDURE_DATA_DIR ${PROJECT_SOURCE_DIR}/../shared/data CACHE PATH
    "Folder with real texts and golden results; tests that need it are registered only if it exists")
