# Puts web/dist into the program: one assembler file that includes each file's bytes, and a table of them. The files also
# go in gzip form, so that a phone on a slow link gets the page quickly.
function(airbridge_embed_web target)
  set(dist ${CMAKE_SOURCE_DIR}/web/dist)
  set(out ${CMAKE_CURRENT_BINARY_DIR}/web_files_table.cpp)
  set(asm ${CMAKE_CURRENT_BINARY_DIR}/web_files_bytes.S)
  add_custom_command(
    OUTPUT ${out} ${asm}
    COMMAND ${CMAKE_COMMAND} -DDIST=${dist} -DOUT=${out} -DASM=${asm} -DWORK=${CMAKE_CURRENT_BINARY_DIR}/web_gz
            -P ${CMAKE_SOURCE_DIR}/cmake/embed_web_run.cmake
    DEPENDS ${CMAKE_SOURCE_DIR}/cmake/embed_web_run.cmake $<$<BOOL:${AIRBRIDGE_WEB_STAMP}>:${AIRBRIDGE_WEB_STAMP}>
    COMMENT "Embedding the page"
    VERBATIM)
  target_sources(${target} PRIVATE ${out} ${asm})
  set_source_files_properties(${asm} PROPERTIES OBJECT_DEPENDS ${out})
endfunction()
