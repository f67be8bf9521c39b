# flopwatt_room(PATH [LINKS LIB...]): the static library flopwatt_<path> of the .cpp files in one folder.
function(flopwatt_room path)
  cmake_parse_arguments(ROOM "" "" "LINKS" ${ARGN})
  string(REPLACE "/" "_" name "flopwatt_${path}")
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${path}/*.cpp)
  list(REMOVE_ITEM sources ${PROJECT_SOURCE_DIR}/agent/main.cpp)
  add_library(${name} STATIC ${sources})
  target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PUBLIC ${ROOM_LINKS} PRIVATE flopwatt_flags)
endfunction()

# flopwatt_room_tests(PATH): one doctest program of every *_test.cpp below tests/unit/PATH, so that no test can
# be forgotten in a list.
function(flopwatt_room_tests path)
  cmake_parse_arguments(ROOM "" "" "LINKS" ${ARGN})
  string(REPLACE "/" "_" name "${path}")
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/unit/${path}/*_test.cpp)
  add_executable(test_${name} ${sources} ${PROJECT_SOURCE_DIR}/tests/unit/main.cpp)
  target_compile_definitions(test_${name} PRIVATE FLOPWATT_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  target_link_libraries(test_${name} PRIVATE flopwatt_${name} flopwatt_flags doctest::doctest ${ROOM_LINKS})
  add_test(NAME unit.${name} COMMAND test_${name} --no-version)
endfunction()
