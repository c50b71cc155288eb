# Its processes are killed on the way, and its answer is right.
troupe_test(example.workers example 120 "${expect}" "${CMAKE_CURRENT_SOURCE_DIR}/workers/workers.expected"
    $<TARGET_FILE:${troupe_example}>)
