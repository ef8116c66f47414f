    .section .rodata
    .balign 16
    .global airbridge_dictionary_1
    .global airbridge_dictionary_1_end
airbridge_dictionary_1:
    .incbin AIRBRIDGE_DICTIONARY_1
airbridge_dictionary_1_end:
    .section .note.GNU-stack,"",@progbits
