import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import type { DebianCloudLinux } from "../../../../test-support/debian-linux.ts";
import { outgoingStream } from "../../src/qemu/migration/outgoing.ts";
import { StreamScanner } from "../../src/qemu/stream/stream-scanner.ts";
import { control, type WatchedQemu } from "./watched-qemu.ts";
import { startQemu } from "./qemu-process.ts";

/** How long QEMU's two clocks run side by side to be compared. */
const PROBE_MS = 200;
const timerSchema = z.tuple([z.object({ value: z.number() }), z.object({ value: z.number() })]);

/**
 * Linux told how fast the processor's time-stamp counter is, which it finds out by itself only where nothing else runs on the host:
 * beside other work it takes 89 MHz for 2.6 GHz, or gives the counter up for interrupts, of which it loses some.
 */
export async function withKnownTsc(command: string, linux: DebianCloudLinux): Promise<DebianCloudLinux> {
  return { ...linux, append: `${linux.append} tsc=reliable tsc_early_khz=${await tscKhz(command)}` };
}

/** Kilohertz of a QEMU's time-stamp counter, by the two clocks in its migration stream: ticks, and nanoseconds. */
async function tscKhz(command: string): Promise<number> {
  const qemu = await startQemu(command, ["-machine", "pc", "-nodefaults", "-m", "8", "-S"]);
  return control(qemu, async (qmp) => {
    await qmp.execute("cont");
    await sleep(PROBE_MS);
    await qmp.execute("stop");
    const scanner = new StreamScanner();
    for await (const chunk of outgoingStream(qmp)) scanner.push(chunk);
    const timer = scanner.end().sections.find(({ name }) => name === "timer");
    const [ticks, nanoseconds] = timerSchema.parse(timer?.fields);
    return Math.round((ticks.value / nanoseconds.value) * 1e6);
  });
}

/** What a guest's clocks show, and between which two moments of the host they showed it. */
export interface ClockReading {
  readonly asked: HostTime;
  /** The time since boot, in milliseconds; cut to ten. */
  readonly uptime: number;
  /** The real-time clock, a device, in seconds since 1970. */
  readonly rtc: number;
  /** The system's own time, which it took from the device when it booted, in seconds since 1970. */
  readonly date: number;
  readonly told: HostTime;
}

/** A moment of the host: milliseconds of a clock that only goes on, and seconds since 1970. */
export interface HostTime {
  readonly ms: number;
  readonly date: number;
}

/** What time it is here. */
export function hostTime(): HostTime {
  return { ms: performance.now(), date: Date.now() / 1000 };
}

const SHOW = 'echo "clocks $(cat /proc/uptime /sys/class/rtc/rtc0/since_epoch | tr "\\n" " ") $(date +%s)"\r';

/** Asks the guest's shell for its clocks. */
export async function readClocks({ console }: WatchedQemu): Promise<ClockReading> {
  const from = console.text.length;
  const asked = hostTime();
  console.type(SHOW);
  const [, uptime, rtc, date] = await console.untilMatch(/clocks (\S+) \S+ (\d+) +(\d+)\r\n/, 20_000, from);
  return { asked, uptime: Number(uptime) * 1000, rtc: Number(rtc), date: Number(date), told: hostTime() };
}

/** How long a guest stood still, in milliseconds: what is known for certain. */
export interface Downtime {
  readonly atLeast: number;
  readonly atMost: number;
}

/** Time since boot is told in hundredths of a second. */
const UPTIME_STEP_MS = 10;
/** Of elapsed time: how far the host's own clock may be steered away from the processor's counter, and twice that. */
const STEERING = 0.001;
/** Seconds the device may be behind: it tells whole ones, and QEMU begins with a whole one, whatever part of it has passed. */
export const RTC_BEHIND_S = 2;

/**
 * Between the two readings the guest's own clock went on by as much as the host's, less what it stood still for; and the device
 * shows the host's time. The messages are for people.
 */
export function clockFaults(before: ClockReading, after: ClockReading, downtime: Downtime): string[] {
  const passed = after.uptime - before.uptime;
  const longest = after.told.ms - before.asked.ms;
  const tolerance = UPTIME_STEP_MS + STEERING * longest;
  const least = after.asked.ms - before.told.ms - downtime.atMost - tolerance;
  const most = longest - downtime.atLeast + tolerance;
  const faults = [];
  if (passed < 0) faults.push(`time since boot went back, from ${before.uptime} to ${after.uptime} ms`);
  if (passed < least || passed > most)
    faults.push(`${passed} ms passed in the guest, not ${Math.round(least)} to ${Math.round(most)}`);
  const { asked, told, rtc } = after;
  if (rtc < asked.date - RTC_BEHIND_S || rtc > told.date)
    faults.push(`the real-time clock shows ${rtc}, not ${asked.date} to ${told.date}`);
  return faults;
}
