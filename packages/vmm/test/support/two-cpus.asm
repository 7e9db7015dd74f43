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
        mov bx, 8
        mov ds, bx                      ; a limit of 4 GiB, which outlives protected mode
        and al, 0xfe
        mov cr0, eax
        mov dword [dword SVR], 0x1ff
        mov dword [dword ICR], 0xc4500  ; INIT to all others
        mov cx, 0xffff
.wait:  loop .wait
        mov dword [dword ICR], 0xc46f0  ; start-up to all others
        count 0x500

        align 8
gdt:    dq 0
        dq 0x00cf92000000ffff           ; data, base 0, limit 4 GiB
gdt_register:
        dw 15
        dd 0xf0000 + gdt

image_end
