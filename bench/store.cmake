find_package(SQLite3 REQUIRED)
add_executable(store_bench ${CMAKE_CURRENT_LIST_DIR}/store_bench.cpp ${CMAKE_CURRENT_LIST_DIR}/start_bench.cpp
                           ${CMAKE_CURRENT_LIST_DIR}/incident_of_size.cpp)
target_link_libraries(store_bench PRIVATE airbridge_flags airbridge_app airbridge_store SQLite::SQLite3)
