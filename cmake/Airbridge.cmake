# How every folder of src/ becomes a library with its tests.
#
#   airbridge_module(picture DEPS model trust PRIVATE_LIBS SomePackage::lib)
#
# makes library airbridge_picture from *.cpp of the folder and one test program picture_test from its *_test.cpp.
# DEPS are other Airbridge modules: together they are the dependency arrows of ARCHITECTURE.md, which
# `./dev test` compares with the includes. A new file is picked up at the next build; nothing else is edited.

find_package(PkgConfig REQUIRED)
pkg_check_modules(SODIUM REQUIRED IMPORTED_TARGET libsodium)
find_package(fmt REQUIRED)
find_package(tl-expected REQUIRED)
find_package(Threads REQUIRED)

add_library(airbridge_flags INTERFACE)
target_compile_options(airbridge_flags INTERFACE -Wall -Wextra -Wpedantic -Werror -Wshadow -Wconversion
                                                 -Wno-sign-conversion -Wnon-virtual-dtor -Woverloaded-virtual)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 raises these falsely at -O2 and under coroutines; clang checks the same ground.
  target_compile_options(airbridge_flags INTERFACE -Wno-maybe-uninitialized -Wno-restrict -Wno-stringop-overflow
                                                   -Wno-array-bounds -Wno-dangling-pointer -Wno-shadow)
endif()
target_include_directories(airbridge_flags INTERFACE ${CMAKE_SOURCE_DIR}/src)
if(AIRBRIDGE_SANITIZE)
  add_compile_options(-fsanitize=${AIRBRIDGE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all -O1 -g1)
  add_link_options(-fsanitize=${AIRBRIDGE_SANITIZE})
endif()
if(AIRBRIDGE_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

function(airbridge_module name)
  cmake_parse_arguments(PARSE_ARGV 1 M "" "" "DEPS;LIBS;PRIVATE_LIBS;TEST_LIBS")
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "_test\\.cpp$")
  list(FILTER tests INCLUDE REGEX "_test\\.cpp$")
  list(TRANSFORM M_DEPS PREPEND airbridge_)
  if(sources)
    add_library(airbridge_${name} STATIC ${sources})
    set(scope PUBLIC)
    target_link_libraries(airbridge_${name} PRIVATE ${M_PRIVATE_LIBS})
  else()
    add_library(airbridge_${name} INTERFACE)
    set(scope INTERFACE)
  endif()
  target_link_libraries(airbridge_${name} ${scope} airbridge_flags fmt::fmt tl::expected ${M_DEPS} ${M_LIBS})
  if(BUILD_TESTING AND tests)
    airbridge_test(${name}_test SOURCES ${tests} LIBS airbridge_${name} ${M_PRIVATE_LIBS} ${M_TEST_LIBS})
  endif()
endfunction()

# A doctest program; test/doctest_main.cpp holds main.
function(airbridge_test name)
  cmake_parse_arguments(PARSE_ARGV 1 T "" "TIMEOUT" "SOURCES;LIBS;ARGS")
  add_executable(${name} ${T_SOURCES} ${CMAKE_SOURCE_DIR}/test/doctest_main.cpp)
  target_link_libraries(${name} PRIVATE airbridge_flags ${T_LIBS})
  target_compile_definitions(${name} PRIVATE AIRBRIDGE_TEST_DATA="${CMAKE_SOURCE_DIR}/test/data")
  add_test(NAME ${name} COMMAND ${name} ${T_ARGS})
  if(NOT T_TIMEOUT)
    set(T_TIMEOUT 600)
  endif()
  set_tests_properties(${name} PROPERTIES TIMEOUT ${T_TIMEOUT})
endfunction()
