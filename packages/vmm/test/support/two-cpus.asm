; Two CPUs count at the same time: the first writes 0, 1, 2, … COUNT - 1 to port 500h, the second to port 502h.

%include "image.mac"

COUNT           equ 20000
ICR             equ 0xfee00300          ; local APIC, interrupt command
SVR             equ 0xfee000f0          ; local APIC, spurious interrupt vector and software enable

; count PORT
%macro count 1
        xor cx, cx
        mov dx, %1
%%next: mov ax, cx
        out dx, ax
        inc cx
        cmp cx, COUNT
        jb %%next
        stop
%endmacro

second: count 0x502                     ; at F000:0000, where the start-up interrupt with vector F0h begins

start:  cli
        lgdt [cs:gdt_register]
        mov eax, cr0
        or al, 1
        mov cr0, eax
        jmp dword 8:0xf0000 + flat

        bits 32
flat:   mov ax, 16
        mov ds, ax
        mov dword [SVR], 0x1ff
        mov dword [ICR], 0xc4500        ; INIT to all others
        mov ecx, 0xffff
.wait:  loop .wait
        mov dword [ICR], 0xc46f0        ; start-up to all others
        count 0x500
        bits 16

        align 8
gdt:    dq 0
        dq 0x00cf9b000000ffff           ; code, 32 bits, base 0, limit 4 GiB; in ROM, so already accessed
        dq 0x00cf93000000ffff           ; data, the same
gdt_register:
        dw 23
        dd 0xf0000 + gdt

image_end
