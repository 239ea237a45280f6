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
    target_link_libraries(${name} PRIVATE $<BUILD_INTERFACE:resume_core_flags>)
    target_compile_definitions(${name} INTERFACE BOOST_ENABLE_ASSERT_HANDLER)
endfunction()

# resume_library(NAME sources...): hosted code: standard library, exceptions at its edges.
function(resume_library name)
    add_library(${name} STATIC ${ARGN})
    target_link_libraries(${name} PRIVATE $<BUILD_INTERFACE:resume_warnings>)
endfunction()

# resume_install_library(TARGET NAME HEADERS folders...): installs one library as Libresume::NAME, its
# export in a file of its own (libresumeConfig loads what its dependencies are there for), and the
# headers of `folders` under the path that our includes name.
function(resume_install_library target name)
    cmake_parse_arguments(L "" "" "HEADERS" ${ARGN})
    set(include ${CMAKE_INSTALL_INCLUDEDIR}/libresume-${PROJECT_VERSION_MAJOR})
    set_target_properties(${target} PROPERTIES EXPORT_NAME ${name} OUTPUT_NAME resume-${name})
    target_compile_features(${target} INTERFACE cxx_std_20)
    target_include_directories(${target} INTERFACE $<INSTALL_INTERFACE:${include}>)
    add_dependencies(installed ${target})
    install(TARGETS ${target} EXPORT libresume-${name} COMPONENT devel
            ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
    install(EXPORT libresume-${name} NAMESPACE Libresume:: COMPONENT devel
            DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/libresume FILE ${name}-targets.cmake)
    foreach(folder IN LISTS L_HEADERS)
        file(GLOB headers CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${folder}/*.h)
        # It forges what only boot has, for one of the bug switches.
        list(FILTER headers EXCLUDE REGEX forged_boot_context)
        install(FILES ${headers} DESTINATION ${include}/${folder} COMPONENT devel)
    endforeach()
endfunction()
