# Everything Perdure stands on, as imported targets. scripts/packages.txt names
# each with its purpose and its Debian package.
find_package(Threads REQUIRED)
find_package(absl REQUIRED)
find_package(gflags REQUIRED)
find_package(glog REQUIRED)
find_package(hwy REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(OpenMP REQUIRED COMPONENTS CXX)
find_package(MPI REQUIRED COMPONENTS CXX)
find_package(Protobuf REQUIRED)
find_package(HDF5 REQUIRED COMPONENTS C)
find_package(OpenSSL REQUIRED COMPONENTS Crypto)
find_package(PkgConfig REQUIRED)
pkg_check_modules(GRPC REQUIRED IMPORTED_TARGET grpc++)
find_program(PERDURE_GRPC_PLUGIN grpc_cpp_plugin REQUIRED)
pkg_check_modules(RE2 REQUIRED IMPORTED_TARGET re2)
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash)
pkg_check_modules(LIBZIP REQUIRED IMPORTED_TARGET libzip)
pkg_check_modules(UTF8PROC REQUIRED IMPORTED_TARGET libutf8proc)

# Debian's dnnl-config.cmake asks for OpenCL, which nothing here needs.
find_path(ONEDNN_INCLUDE_DIR oneapi/dnnl/dnnl.hpp REQUIRED)
find_library(ONEDNN_LIBRARY dnnl REQUIRED)
add_library(perdure_onednn INTERFACE)
target_include_directories(perdure_onednn SYSTEM INTERFACE ${ONEDNN_INCLUDE_DIR})
target_link_libraries(perdure_onednn INTERFACE ${ONEDNN_LIBRARY})

add_library(perdure_hdf5 INTERFACE)
target_include_directories(perdure_hdf5 SYSTEM INTERFACE ${HDF5_INCLUDE_DIRS})
target_compile_definitions(perdure_hdf5 INTERFACE ${HDF5_DEFINITIONS})
target_link_libraries(perdure_hdf5 INTERFACE ${HDF5_LIBRARIES})

if(PERDURE_BUILD_TESTS)
  find_package(GTest REQUIRED)
endif()
if(PERDURE_BUILD_BENCHMARKS)
  find_package(benchmark REQUIRED)
endif()

find_program(PERDURE_CCACHE ccache)
if(PERDURE_CCACHE)
  # What ccache asks for beside precompiled headers.
  set(CMAKE_CXX_COMPILER_LAUNCHER
    ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${PERDURE_CCACHE})
endif()
