# The workload the sync figures are stated for, the sizes of what nodes exchange, and the tool that made the dictionary.
add_library(field_workload STATIC ${CMAKE_CURRENT_LIST_DIR}/field_workload.cpp ${CMAKE_CURRENT_LIST_DIR}/field_words.cpp)
target_link_libraries(field_workload PUBLIC airbridge_flags airbridge_trust)
add_executable(sync_bench ${CMAKE_CURRENT_LIST_DIR}/sync_bench.cpp ${CMAKE_CURRENT_LIST_DIR}/sync_sizes.cpp
                          ${CMAKE_CURRENT_LIST_DIR}/sync_radio.cpp)
target_link_libraries(sync_bench PRIVATE airbridge_flags field_workload airbridge_exchange airbridge_sync airbridge_bearer)
add_executable(train_dictionary ${CMAKE_CURRENT_LIST_DIR}/train_dictionary.cpp)
target_link_libraries(train_dictionary PRIVATE airbridge_flags field_workload airbridge_sync PkgConfig::ZSTD)
