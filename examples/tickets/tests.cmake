# Tests of the ticket office; included by examples/CMakeLists.txt.
set(here "${CMAKE_CURRENT_LIST_DIR}")
set(program $<TARGET_FILE:${troupe_example}>)
troupe_test(example.tickets example 60 "${expect}" "${here}/test/expected" ${program})
if(TROUPE_VALGRIND AND NOT TROUPE_SANITIZE)
    troupe_test(valgrind.tickets valgrind 120
        "${expect}" "${here}/test/expected" "${TROUPE_VALGRIND}" --quiet --fair-sched=try
        --leak-check=full --show-leak-kinds=all --errors-for-leak-kinds=all --error-exitcode=1
        ${program})
endif()

# Its test in simulation. One thread, so nothing for ThreadSanitizer.
if(NOT TROUPE_SANITIZE MATCHES "thread")
    troupe_example(tickets_simulate "${here}/test/simulate.c" "${here}/tickets.c")
    target_include_directories(troupe_example_tickets_simulate PRIVATE "${here}")
    set(program $<TARGET_FILE:troupe_example_tickets_simulate>)
    set(finds "${here}/test/finds.sh")
    troupe_test(example.tickets.finds example 120 "${finds}" ${program} 10000)
    troupe_test(example.tickets.finds_pct example 120 "${finds}" ${program} 5000 --depth 16)
    set(seeds 20000)
    if(TROUPE_SANITIZE)
        set(seeds 2000)
    endif()
    foreach(test last_moment no_show)
        troupe_test(example.tickets.${test} example 300 ${program} --seeds ${seeds} ${test})
    endforeach()
endif()
