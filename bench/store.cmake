find_package(SQLite3 REQUIRED)
add_executable(store_bench ${CMAKE_CURRENT_LIST_DIR}/store_bench.cpp)
target_link_libraries(store_bench PRIVATE airbridge_flags airbridge_store SQLite::SQLite3)
