# flopwatt_python_tests(LABEL [NAME...]): each *_test.py of the present folder, or NAME_test.py only, is one test; it works
# with real peers, each on a free port. FLOPWATT_BUILD tells it what was built. Debian's own Python, which has the peers'
# packages.
function(flopwatt_python_tests label)
  file(GLOB scripts CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*_test.py)
  if(ARGN)
    list(TRANSFORM ARGN PREPEND ${CMAKE_CURRENT_SOURCE_DIR}/ OUTPUT_VARIABLE scripts)
    list(TRANSFORM scripts APPEND _test.py)
  endif()
  foreach(script ${scripts})
    get_filename_component(stem ${script} NAME_WE)
    string(REGEX REPLACE "_test$" "" stem ${stem})
    add_test(NAME ${label}.${stem} COMMAND /usr/bin/python3 -B -m pytest -q -p no:cacheprovider ${script}
             WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
    set_tests_properties(${label}.${stem} PROPERTIES
      LABELS ${label} TIMEOUT 600 ENVIRONMENT "FLOPWATT_BUILD=${PROJECT_BINARY_DIR}")
  endforeach()
endfunction()
