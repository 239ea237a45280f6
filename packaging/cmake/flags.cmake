# Warnings for everything; the core's flags for what must run inside a kernel.
add_library(resume_warnings INTERFACE)
target_compile_options(resume_warnings INTERFACE
    $<$<COMPILE_LANGUAGE:C,CXX>:-Wall -Wextra -Wconversion>
    $<$<AND:$<BOOL:${LIBRESUME_WERROR}>,$<COMPILE_LANGUAGE:C,CXX>>:-Werror>)
# g++ 12 at -O3 takes the inlined `"text" + std::to_string(n)` for an overlapping copy (GCC bug
# 105651, mended in 13).
target_compile_options(resume_warnings INTERFACE
    $<$<AND:$<COMPILE_LANG_AND_ID:CXX,GNU>,$<VERSION_LESS:$<CXX_COMPILER_VERSION>,13>>:-Wno-restrict>)
# <xen/...> is libxen-dev's; our own folder of that name is reached as "xen/..." by -iquote only.
target_compile_options(resume_warnings INTERFACE
    "$<$<COMPILE_LANGUAGE:C,CXX>:SHELL:-iquote ${PROJECT_SOURCE_DIR}>")

if(LIBRESUME_SANITIZE)
    add_compile_options(-fsanitize=${LIBRESUME_SANITIZE} -fno-omit-frame-pointer
                        -fno-sanitize-recover=all)
    add_link_options(-fsanitize=${LIBRESUME_SANITIZE})
endif()

# A build that takes down which way its code goes, and the one that g++ makes of that: both in one
# build folder, where the profiles (*.gcda) lie beside the objects.
if(LIBRESUME_PROFILE)
    set(CMAKE_INTERPROCEDURAL_OPTIMIZATION ON)
    # Of code that never ran, or was changed since, there is no profile.
    add_compile_options(-fprofile-${LIBRESUME_PROFILE} -Wno-missing-profile
                        -Wno-error=coverage-mismatch)
    add_link_options(-fprofile-${LIBRESUME_PROFILE})
endif()

# What is fuzzed must say where it has been.
if(LIBRESUME_BUILD_FUZZERS)
    add_compile_options(-fsanitize=fuzzer-no-link)
    add_link_options(-fsanitize=fuzzer-no-link)
endif()

# One set of object files runs in a process and in a kernel: no heap, no exceptions, no RTTI, no
# SSE, no red zone, no thread-safe statics. -fPIE lets the same objects go into Debian's PIE
# programs; a static link relaxes what that costs.
add_library(resume_core_flags INTERFACE)
target_link_libraries(resume_core_flags INTERFACE resume_warnings)
target_compile_options(resume_core_flags INTERFACE
    $<$<COMPILE_LANGUAGE:CXX>:-fno-exceptions -fno-rtti -fno-threadsafe-statics>
    -ffreestanding -fPIE -mno-red-zone -fno-stack-protector -fcf-protection=none
    -fno-asynchronous-unwind-tables -fvisibility=hidden)
if(NOT LIBRESUME_SANITIZE)
    # clang 14 takes general-regs-only as "no long double either", which libstdc++ declares.
    target_compile_options(resume_core_flags INTERFACE
        $<IF:$<CXX_COMPILER_ID:Clang>,-mno-mmx;-mno-sse,-mgeneral-regs-only>)
endif()
# Boost.Intrusive's assertions end in our panic hook, not in libc's assert; and its configuration asks
# neither the C++ library nor the platform, which would bring <unistd.h>, <stdlib.h> and <functional>.
target_compile_definitions(resume_core_flags INTERFACE BOOST_ENABLE_ASSERT_HANDLER
                           BOOST_NO_STDLIB_CONFIG BOOST_NO_PLATFORM_CONFIG
                           BOOST_GNU_STDLIB)
