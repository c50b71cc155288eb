# Tests of the word count; included by examples/CMakeLists.txt.
set(check "${CMAKE_CURRENT_LIST_DIR}/check.sh")
foreach(case answer kills tcp words parts input empty shrinks output usage killed stopped stalled
             hopeless memory)
    troupe_test(example.wordcount.${case} example 200 "${check}"
        $<TARGET_FILE:${troupe_example}> ${case})
    set_tests_properties(example.wordcount.${case} PROPERTIES PROCESSORS 2)
endforeach()
if(TROUPE_VALGRIND AND NOT TROUPE_SANITIZE)
    troupe_test(valgrind.wordcount valgrind 200 "${check}" $<TARGET_FILE:${troupe_example}> valgrind)
    set_tests_properties(valgrind.wordcount PROPERTIES PROCESSORS 2)
endif()

# Its parts that need no actors.
set(parts test/pure.c table.c scan.c pack.c plan.c pieces.c)
list(TRANSFORM parts PREPEND "${CMAKE_CURRENT_LIST_DIR}/")
add_executable(troupe_example_wordcount_pure ${parts})
troupe_compile(troupe_example_wordcount_pure)
target_include_directories(troupe_example_wordcount_pure PRIVATE "${CMAKE_CURRENT_LIST_DIR}")
target_compile_definitions(troupe_example_wordcount_pure PRIVATE _POSIX_C_SOURCE=200809L)
troupe_test(example.wordcount.pure example 120 troupe_example_wordcount_pure)
