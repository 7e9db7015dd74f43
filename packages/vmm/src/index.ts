export type { CpuAndMemory, DeviceField, Machine, RunLimits, StopReason } from "./machine.ts";
