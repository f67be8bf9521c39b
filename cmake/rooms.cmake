# Asio and the standard library, parsed once (CMake's own precompiled headers; half of the build's time otherwise).
add_library(flopwatt_precompiled OBJECT ${PROJECT_SOURCE_DIR}/cmake/precompiled.cpp)
target_link_libraries(flopwatt_precompiled PRIVATE flopwatt_flags Boost::headers Threads::Threads)
target_precompile_headers(flopwatt_precompiled PRIVATE ${PROJECT_SOURCE_DIR}/cmake/precompiled.h)

# Rooms that do not link runtime, where Asio is compiled.
set(rooms_without_asio readings config agent/accounting)

# flopwatt_room(PATH [LINKS LIB...]): the static library flopwatt_<path> of the .cpp files in one folder.
function(flopwatt_room path)
  cmake_parse_arguments(ROOM "" "" "LINKS" ${ARGN})
  string(REPLACE "/" "_" name "flopwatt_${path}")
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${path}/*.cpp)
  list(REMOVE_ITEM sources ${PROJECT_SOURCE_DIR}/agent/main.cpp)
  add_library(${name} STATIC ${sources})
  target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PUBLIC ${ROOM_LINKS} PRIVATE flopwatt_flags)
  if(NOT path IN_LIST rooms_without_asio)
    target_precompile_headers(${name} REUSE_FROM flopwatt_precompiled)
  endif()
endfunction()

# flopwatt_room_tests(PATH [THREADS] [LINKS LIB...]): one doctest program of every *_test.cpp in tests/unit/PATH, so that
# no test can be forgotten in a list. THREADS: it is run with TSan, too.
function(flopwatt_room_tests path)
  cmake_parse_arguments(ROOM "THREADS" "" "LINKS" ${ARGN})
  string(REPLACE "/" "_" name "${path}")
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/unit/${path}/*_test.cpp)
  add_executable(test_${name} ${sources} ${PROJECT_SOURCE_DIR}/tests/unit/main.cpp)
  target_compile_definitions(test_${name} PRIVATE FLOPWATT_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  target_link_libraries(test_${name} PRIVATE flopwatt_${name} flopwatt_flags doctest::doctest ${ROOM_LINKS})
  if(NOT path IN_LIST rooms_without_asio)
    target_precompile_headers(test_${name} REUSE_FROM flopwatt_precompiled)
  endif()
  add_test(NAME unit.${name} COMMAND test_${name} --no-version)
  set_tests_properties(unit.${name} PROPERTIES TIMEOUT 300 LABELS "unit")
  add_dependencies(unit_tests test_${name})
  if(ROOM_THREADS)
    set_property(TEST unit.${name} APPEND PROPERTY LABELS thread)
    add_dependencies(thread_tests test_${name})
  endif()
endfunction()
