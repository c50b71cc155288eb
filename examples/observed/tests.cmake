# The tool `troupe` looks at this program while it runs, where there is a tool.
if(TARGET troupe-tool)
    foreach(case ls tree top send stop json errors peers)
        troupe_test(tool.${case} tool 60 bash "${CMAKE_CURRENT_SOURCE_DIR}/observed/check.sh"
            $<TARGET_FILE:troupe-tool> $<TARGET_FILE:${troupe_example}> ${case})
    endforeach()
endif()
