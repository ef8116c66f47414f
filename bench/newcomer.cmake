add_executable(newcomer_bench ${CMAKE_CURRENT_LIST_DIR}/newcomer_bench.cpp ${CMAKE_CURRENT_LIST_DIR}/paced_proxy.cpp
                              ${CMAKE_CURRENT_LIST_DIR}/incident_of_size.cpp)
target_link_libraries(newcomer_bench PRIVATE airbridge_flags airbridge_app)
target_compile_definitions(newcomer_bench PRIVATE AIRBRIDGE_PROGRAM="$<TARGET_FILE:airbridge>")
add_dependencies(newcomer_bench airbridge)
