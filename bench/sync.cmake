# The workload the sync figures are stated for, the sizes of what nodes exchange, and the tool that made the dictionary.
add_library(field_workload STATIC ${CMAKE_CURRENT_LIST_DIR}/field_workload.cpp ${CMAKE_CURRENT_LIST_DIR}/field_words.cpp)
target_link_libraries(field_workload PUBLIC airbridge_flags airbridge_trust)
add_executable(sync_bench ${CMAKE_CURRENT_LIST_DIR}/sync_bench.cpp ${CMAKE_CURRENT_LIST_DIR}/sync_sizes.cpp
                          ${CMAKE_CURRENT_LIST_DIR}/sync_radio.cpp ${CMAKE_CURRENT_LIST_DIR}/sync_wide.cpp
                          ${CMAKE_CURRENT_LIST_DIR}/sync_portable.cpp ${CMAKE_CURRENT_LIST_DIR}/node_process.cpp
                          ${CMAKE_CURRENT_LIST_DIR}/incident_of_size.cpp)
target_link_libraries(sync_bench PRIVATE airbridge_flags field_workload airbridge_exchange airbridge_sync airbridge_bearer
                                         airbridge_app airbridge_linkemu)
# Preloaded into the node that is measured.
add_library(count_syncs SHARED ${CMAKE_CURRENT_LIST_DIR}/count_syncs.cpp)
target_link_libraries(count_syncs PRIVATE airbridge_flags ${CMAKE_DL_LIBS})
target_compile_definitions(sync_bench PRIVATE AIRBRIDGE_PROGRAM="$<TARGET_FILE:airbridge>"
                                              AIRBRIDGE_COUNT_SYNCS_LIBRARY="$<TARGET_FILE:count_syncs>")
add_dependencies(sync_bench airbridge count_syncs)
add_executable(train_dictionary ${CMAKE_CURRENT_LIST_DIR}/train_dictionary.cpp)
target_link_libraries(train_dictionary PRIVATE airbridge_flags field_workload airbridge_sync PkgConfig::ZSTD)
