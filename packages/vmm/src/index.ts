export { Recorder } from "./capture/recorder.ts";
export type { RecorderOutputs } from "./capture/batch-feed.ts";
export { RotatingTrace } from "./capture/rotating-trace.ts";
export type { PartLimit } from "./capture/rotating-trace.ts";
export { TraceRing } from "./capture/trace-ring.ts";
export { createTraceFile } from "./capture/trace-file.ts";
export type { TraceFile } from "./capture/trace-file.ts";
export { recordedAccesses } from "./fuzz/accesses.ts";
export type { PortAccess } from "./fuzz/accesses.ts";
export type { Bench, Engine } from "./fuzz/engine.ts";
export { fuzz } from "./fuzz/fuzz.ts";
export type { FuzzFailure, FuzzOptions, FuzzReport } from "./fuzz/fuzz.ts";
export type { Finding, Trial } from "./fuzz/judge.ts";
export { BOARDS } from "./fuzz/qemu-machines.ts";
export type { Board } from "./fuzz/qemu-machines.ts";
export type {
  BodyPiece,
  GuestBody,
  DeviceField,
  FieldAllowance,
  GuestSource,
  GuestTarget,
  LiveSource,
  Look,
  Machine,
  NetworkCard,
  RunLimits,
  StopReason,
  Stops,
} from "./machine.ts";
export type { BuiltGuest, MachineFactory } from "./migration/build-guest.ts";
export { restoreCheckpoint, writeCheckpoint } from "./migration/checkpoint.ts";
export type { CheckpointReport, RestoreOptions } from "./migration/checkpoint.ts";
export { allowancesFor, compareDevices } from "./migration/compare-devices.ts";
export type { AllowedDifference, DeviceComparison } from "./migration/compare-devices.ts";
export { differenceText } from "./migration/difference-text.ts";
export { receiveGuest } from "./migration/destination.ts";
export { MigrationError } from "./migration/errors.ts";
export type { MigrationErrorCode } from "./migration/errors.ts";
export { classifierAfter, lookAtStopped, planFor } from "./migration/guest.ts";
export type { GuestPlan, LiveGuest, WatchedGuest } from "./migration/guest.ts";
export type { DestinationResult } from "./migration/handshake.ts";
export type { ImageHello } from "./migration/image.ts";
export { migrateLocally } from "./migration/local.ts";
export type { LocalMigration } from "./migration/local.ts";
export { sendGuest } from "./migration/source.ts";
export type { MigrationReport, SendOptions } from "./migration/source.ts";
export { KvmError } from "./kvm/errors.ts";
export type { KvmErrorCode } from "./kvm/errors.ts";
export { kvmGuest, kvmGuests } from "./kvm/guests.ts";
export type { KvmGuest } from "./kvm/guests.ts";
export { KvmCapture } from "./kvm/kvm-capture.ts";
export type { KvmCaptureCounts, KvmCaptureEnd, KvmCaptureLimits, KvmCaptureOptions } from "./kvm/kvm-capture.ts";
export { kvmReadiness } from "./kvm/readiness.ts";
export type { KvmReadiness } from "./kvm/readiness.ts";
export { qemuDeviations } from "./qemu/deviations.ts";
export type { CaptureOptions } from "./qemu/capture/log-reader.ts";
export { QemuCapture } from "./qemu/capture/qemu-capture.ts";
export type { CaptureEnd, CaptureLimits } from "./qemu/capture/qemu-capture.ts";
export { startQemu } from "./qemu/capture/start-qemu.ts";
export type { StartedQemu } from "./qemu/capture/start-qemu.ts";
export { qemuStatus } from "./qemu/capture/status.ts";
export type { QemuStatus } from "./qemu/capture/status.ts";
export { dumpDevices } from "./qemu/device-dump.ts";
export type { DeviceDump } from "./qemu/device-dump.ts";
export { QemuError } from "./qemu/errors.ts";
export type { QemuErrorCode } from "./qemu/errors.ts";
export { runningQemus } from "./qemu/qmp-sockets.ts";
export type { QmpSocket, RunningQemu } from "./qemu/qmp-sockets.ts";
export { QmpClient } from "./qemu/qmp.ts";
export type { QemuVersion, QmpEvent } from "./qemu/qmp.ts";
export { QemuSource } from "./qemu/migration/qemu-source.ts";
export type { QemuSourceSockets } from "./qemu/migration/qemu-source.ts";
export { QemuTarget } from "./qemu/migration/qemu-target.ts";
export type { QemuTargetSockets } from "./qemu/migration/qemu-target.ts";
export { QtestTarget } from "./qemu/qtest-target.ts";
export { DeviceLayout } from "./qemu/stream/device-layout.ts";
export { StreamError } from "./qemu/stream/errors.ts";
export type { StreamErrorCode } from "./qemu/stream/errors.ts";
export { v86Differences } from "./v86/deviations.ts";
export type { V86Difference } from "./v86/deviations.ts";
export { V86Error } from "./v86/errors.ts";
export type { V86ErrorCode } from "./v86/errors.ts";
export type { V86Guest } from "./v86/guest.ts";
export { createV86Machine } from "./v86/v86-machine.ts";
export type { V86Machine, V86MachineOptions } from "./v86/v86-machine.ts";
