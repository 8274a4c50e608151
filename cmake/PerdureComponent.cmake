# perdure_component(<layer>/<name>
#   SOURCES a.cc b.cc         sources, relative to the folder
#   PROTOS  x.proto           compiled with protoc, includable as <layer>/<name>/x.pb.h
#   GRPC                      their services too, as x.grpc.pb.h
#   DEPS    runtime/base ...  components it may include
#   LIBS    absl::status ...  third-party targets
#   PRIVATE_LIBS mpi ...      third-party targets that stay out of public headers
# )
#
# Makes the library perdure_<layer>_<name>. Two rules hold by construction:
#  * A dependency must have been declared before, in the same or a lower layer.
#    parallel and checkpoint are siblings: neither may depend on the other.
#  * Each component has an include root of its own with nothing but its own
#    folder in it, so including a component that is not in DEPS (or in the DEPS
#    of one of these) does not compile.
set(PERDURE_LAYERS_BELOW_runtime runtime)
set(PERDURE_LAYERS_BELOW_parallel runtime parallel)
set(PERDURE_LAYERS_BELOW_checkpoint runtime checkpoint)
set(PERDURE_LAYERS_BELOW_launcher runtime parallel checkpoint launcher)
set(PERDURE_LAYERS_BELOW_examples runtime parallel checkpoint launcher examples)
set(PERDURE_LAYERS_BELOW_tests runtime parallel checkpoint launcher examples tests)
set(PERDURE_LAYERS_BELOW_benchmarks runtime parallel checkpoint launcher benchmarks)

function(_perdure_check_dependency component dependency)
  string(REGEX MATCH "^[^/]+" layer ${component})
  string(REGEX MATCH "^[^/]+" dependency_layer ${dependency})
  if(NOT dependency_layer IN_LIST PERDURE_LAYERS_BELOW_${layer})
    message(FATAL_ERROR "${component} may not depend on ${dependency}: "
      "layer '${layer}' sees only: ${PERDURE_LAYERS_BELOW_${layer}}")
  endif()
  string(REPLACE "/" "_" target perdure_${dependency})
  if(NOT TARGET ${target})
    message(FATAL_ERROR "${component} depends on ${dependency}, which is not declared before it")
  endif()
endfunction()

function(perdure_component component)
  cmake_parse_arguments(ARG "GRPC" "" "SOURCES;PROTOS;DEPS;LIBS;PRIVATE_LIBS" ${ARGN})
  string(REPLACE "/" "_" target perdure_${component})
  string(REGEX MATCH "^[^/]+" layer ${component})

  set(root ${PROJECT_BINARY_DIR}/include/${component})
  file(MAKE_DIRECTORY ${root}/${layer})
  file(CREATE_LINK ${CMAKE_CURRENT_SOURCE_DIR} ${root}/${component} SYMBOLIC)

  set(generated)
  foreach(proto ${ARG_PROTOS})
    get_filename_component(stem ${proto} NAME_WE)
    set(out ${PROJECT_BINARY_DIR}/proto/${component})
    set(stem_out ${out}/${component}/${stem}.pb)
    file(MAKE_DIRECTORY ${out})
    add_custom_command(
      OUTPUT ${stem_out}.cc ${stem_out}.h
      COMMAND protobuf::protoc --proto_path=${PROJECT_SOURCE_DIR} --cpp_out=${out}
              ${CMAKE_CURRENT_SOURCE_DIR}/${proto}
      DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${proto}
      COMMENT "protoc ${component}/${proto}")
    list(APPEND generated ${stem_out}.cc ${stem_out}.h)
    if(ARG_GRPC)
      set(service ${out}/${component}/${stem}.grpc.pb)
      add_custom_command(
        OUTPUT ${service}.cc ${service}.h
        COMMAND protobuf::protoc --proto_path=${PROJECT_SOURCE_DIR} --grpc_out=${out}
                --plugin=protoc-gen-grpc=${PERDURE_GRPC_PLUGIN}
                ${CMAKE_CURRENT_SOURCE_DIR}/${proto}
        DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${proto}
        COMMENT "protoc ${component}/${proto}: services")
      list(APPEND generated ${service}.cc ${service}.h)
    endif()
  endforeach()
  set_source_files_properties(${generated} PROPERTIES COMPILE_OPTIONS "-Wno-error;-w")

  add_library(${target} STATIC ${ARG_SOURCES} ${generated})
  target_include_directories(${target} PUBLIC ${root})
  if(ARG_PROTOS)
    target_include_directories(${target} SYSTEM PUBLIC ${PROJECT_BINARY_DIR}/proto/${component})
    target_link_libraries(${target} PUBLIC protobuf::libprotobuf)
  endif()
  foreach(dependency ${ARG_DEPS})
    _perdure_check_dependency(${component} ${dependency})
    string(REPLACE "/" "_" dependency_target perdure_${dependency})
    target_link_libraries(${target} PUBLIC ${dependency_target})
  endforeach()
  target_link_libraries(${target} PUBLIC ${ARG_LIBS} PRIVATE ${ARG_PRIVATE_LIBS} perdure_flags)
  perdure_precompile(${target})
endfunction()

# perdure_program(<name> SOURCES ... DEPS ... LIBS ... [TESTS]): one executable in
# bin/. TESTS: it takes in GoogleTest's headers.
function(perdure_program name)
  cmake_parse_arguments(ARG "TESTS" "LAYER" "SOURCES;DEPS;LIBS" ${ARGN})
  if(NOT ARG_LAYER)
    set(ARG_LAYER examples)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  foreach(dependency ${ARG_DEPS})
    _perdure_check_dependency(${ARG_LAYER}/${name} ${dependency})
    string(REPLACE "/" "_" dependency_target perdure_${dependency})
    target_link_libraries(${name} PRIVATE ${dependency_target})
  endforeach()
  target_link_libraries(${name} PRIVATE ${ARG_LIBS} perdure_flags)
  if(ARG_TESTS)
    target_compile_options(${name} PRIVATE ${PERDURE_TEST_OPTIONS})
    perdure_precompile(${name} TESTS)
  else()
    perdure_precompile(${name})
  endif()
endfunction()
