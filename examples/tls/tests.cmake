# Nodes that know each other by certificates; included by examples/CMakeLists.txt.
find_program(TROUPE_OPENSSL openssl)
if(TROUPE_OPENSSL)
    set(here "${CMAKE_CURRENT_LIST_DIR}/test")
    set(program $<TARGET_FILE:${troupe_example}>)
    troupe_test(example.tls example 60 "${expect}" "${here}/expected" "${here}/run.sh" ${program})
    if(TROUPE_VALGRIND AND NOT TROUPE_SANITIZE)
        troupe_test(valgrind.tls valgrind 120
            "${expect}" "${here}/expected" "${here}/run.sh" "${TROUPE_VALGRIND}" --quiet
            --fair-sched=try --leak-check=full --show-leak-kinds=all --errors-for-leak-kinds=all
            --error-exitcode=1 ${program})
    endif()
endif()
