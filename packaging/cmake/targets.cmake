# resume_test(NAME sources... LIBS targets... [LABELS labels...]): a GoogleTest program as one ctest.
function(resume_test name)
    cmake_parse_arguments(T "" "" "LIBS;LABELS" ${ARGN})
    add_executable(${name} ${T_UNPARSED_ARGUMENTS})
    target_link_libraries(${name} PRIVATE resume_warnings ${T_LIBS} GTest::gtest GTest::gtest_main)
    add_test(NAME ${name} COMMAND ${name})
    set_tests_properties(${name} PROPERTIES LABELS "${T_LABELS}" SKIP_RETURN_CODE 77 TIMEOUT 300)
endfunction()

# resume_core_library(NAME sources...): compiled with the core's subset, one archive a target.
function(resume_core_library name)
    add_library(${name} STATIC ${ARGN})
    target_link_libraries(${name} PRIVATE resume_core_flags)
    target_compile_definitions(${name} INTERFACE BOOST_ENABLE_ASSERT_HANDLER)
endfunction()

# resume_library(NAME sources...): hosted code: standard library, exceptions at its edges.
function(resume_library name)
    add_library(${name} STATIC ${ARGN})
    target_link_libraries(${name} PRIVATE resume_warnings)
endfunction()
