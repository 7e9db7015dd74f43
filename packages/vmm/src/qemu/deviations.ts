import type { FieldAllowance } from "../machine.ts";

/** Fields of QEMU's dump that a right plan leaves different, because only QEMU has them or does not do what the hardware does. */
export const qemuDeviations: readonly FieldAllowance[] = [
  {
    path: "pckbd[0].kbd.status",
    mask: 0x25,
    why: "the system flag follows the command byte; QEMU sets it by the controller's self-test alone, which a plan does not repeat. The output buffer flags tell of answers that wait",
  },
  {
    path: "pckbd[0].kbd/pckbd_outport.outport",
    mask: 0x30,
    absent: 0xcf,
    why: "the output port's two pins that tell of answers that wait",
  },
  // The second controller's counts words.
  ...[0x0ff, 0x1fe].map((mask, controller) => ({
    path: `dma[${controller}].regs[*].now[0]`,
    mask,
    why: "low byte of the current address; QEMU takes it over with the high byte of address or count, the hardware at once. The base address is compared",
  })),
  ...[0, 1, 2].map((counter) => ({
    path: `i8254[0].channels[${counter}].write_latch`,
    unless: { path: `i8254[0].channels[${counter}].write_state`, is: 4 },
    why: "the low byte of a count, of no account unless the high byte is waited for",
  })),
  {
    path: "*/vga[0].vga.vbe_regs[4]",
    mask: 0x80,
    why: "whether switching the graphics mode on cleared the frame buffer; a plan switches it on without",
  },
  {
    path: "*vga[0].*vga.dac_read_index",
    unless: { path: "*vga[0].*vga.dac_state", is: 3 },
    why: "the palette has one address; QEMU has two, and this one is of no account unless colours are read",
  },
  {
    path: "*vga[0].*vga.dac_write_index",
    unless: { path: "*vga[0].*vga.dac_state", is: 0 },
    why: "the palette has one address; QEMU has two, and this one is of no account unless colours are written",
  },
  {
    path: "*vga[0].*vga.dac_cache[1]",
    unless: { path: "*vga[0].*vga.dac_sub_index", is: 2 },
    why: "the second part of a colour, of no account unless the third is waited for",
  },
  {
    // GR31: the section begins with GR02.
    path: "*cirrus_vga[0].*vga.gr[47]",
    mask: 0x02,
    why: "START is gone when the BLT is over, so that a plan leaves it out; QEMU keeps it where it refuses the BLT",
  },
  {
    path: "mc146818rtc[0].cmos_data[10]",
    mask: 0x80,
    why: "update in progress: the clock's own, and QEMU keeps what it was when register A was last read",
  },
  {
    path: "*/ide[*].bus[*].ifs[*].nsector",
    mask: 0x100,
    why: "a sector count of 0 stands for 256, and QEMU writes it so once a command has taken it",
  },
  {
    path: "fdc[0].state.dsr",
    mask: 0xc0,
    why: "QEMU keeps the bit that resets, which clears itself, and the one for power-down, which ends at the next access",
  },
  {
    path: "fdc[0].state.dor_vmstate",
    mask: 0x0b,
    why: "QEMU selects in DOR the drive that the last command names, and has SPECIFY's ND for its DMA gate",
  },
  {
    path: "fdc[0].state.srb",
    mask: 0x23,
    why: "SRB shows the motors and the drive of DOR; QEMU's no longer does after a software reset",
  },
  {
    path: "fdc[0].state.drives[*]/perpendicular.perpendicular",
    mask: 0x07,
    absent: 0,
    why: "the controller keeps PERPENDICULAR MODE for the drives it names; QEMU for the drive it takes for selected",
  },
  ...["*/piix4_pm[0].ar", "*/ICH9LPC[0].pm.acpi_regs"].map((registers) => ({
    path: `${registers}.pm1.cnt.cnt`,
    mask: 0x04,
    why: "GBL_RLS raises the firmware's interrupt and is gone, so that a plan leaves it out; QEMU keeps it",
  })),
  {
    path: "*/ICH9LPC[0].pm.smi_en",
    mask: 0x80,
    why: "BIOS_RLS raises an event for the operating system and is gone, so that a plan leaves it out; QEMU keeps it",
  },
  {
    path: "*/pcnet[0].state.csr[4]",
    mask: 0x80,
    why: "UINTCMD makes an interrupt and is gone, so that a plan leaves it out; QEMU keeps it until the card is stopped",
  },
  {
    path: "*/pcnet[0].state.csr[0]",
    mask: 0x10,
    why: "STOP clears TXON; QEMU leaves it",
  },
  ...[4, 5, 6, 7].map((led) => ({
    path: `*/pcnet[0].state.bcr[${led}]`,
    mask: 0x8000,
    why: "the top bit of a LED register says whether the LED is on; QEMU keeps what was written to it and does not show it",
  })),
  {
    path: "*/pcnet[0].state.bcr[19]",
    mask: 0xe000,
    why: "PREAD reads the EEPROM and is gone, PVALID and EEDET are the card's; QEMU keeps what was written to them",
  },
  {
    path: "*/pcnet[0].state.csr[58]",
    why: "QEMU keeps a copy of what was written to CSR58, which is BCR20, and reads it from there",
  },
  {
    path: "*/virtio-*[*].virtio.device_config",
    why: "QEMU's copy of the device configuration as it was last read or written; the next read makes it anew",
  },
  {
    path: "*/rtl8139[0].bChipCmdState",
    mask: 0x10,
    why: "a reset is over by the time it can be seen; QEMU's card shows it from power-on to the first command",
  },
  {
    path: "*/rtl8139[0].BasicModeCtrl",
    mask: 0x8200,
    why: "to reset the line and to negotiate anew are commands; QEMU keeps them",
  },
  {
    path: "*/rtl8139[0].BasicModeStatus",
    mask: 0x00c0,
    why: "the register is only read (RTL8139C datasheet, BMSR); QEMU takes two bits of it",
  },
  {
    path: "*/rtl8139[0].NWayExpansion",
    why: "the register is only read (RTL8139C datasheet, ANER); QEMU takes it",
  },
  {
    path: "ioapic[0].ioregsel",
    why: "which of the I/O APIC's registers the next access in memory reaches; whoever uses them selects anew, and they are compared",
  },
  {
    path: "kvm-tpr-opt[0].*",
    why: "how far QEMU's own option ROM got with patching accesses to the task priority, which no guest sees",
  },
  {
    path: "globalstate[0].*",
    why: "the run state that QEMU found its guest in: it may have stopped a running one, the destination's stands still until it is let go",
  },
  {
    path: "acpi_build[0].patched",
    why: "whether QEMU has brought its ACPI tables up to date, which it does again when firmware asks for them",
  },
];
