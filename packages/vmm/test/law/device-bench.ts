import type { PortTarget } from "@portrait/replayer";
import type { DeviceField } from "../../src/machine.ts";
import { deviceFields } from "../../src/v86/device-fields.ts";
import { V86Engine } from "../../src/v86/engine.ts";
import { guestSettings } from "../../src/v86/guest.ts";
import { portTarget } from "../../src/v86/port-target.ts";

const MEMORY = 1 << 20;
/** Arrays at least this long are video memory and its pictures, which no port access reaches. */
const LONG = 0x10000;

/** A cold v86 machine whose devices can be put back to what they were after power-on, hundreds of times a second. */
export interface DeviceBench {
  readonly ports: PortTarget;
  fields(): readonly DeviceField[];
  /** Every property of every device object, the port map and the PIC are as in a machine just made. */
  reset(): void;
  destroy(): Promise<void>;
}

/** Makes a cold machine and remembers the state of its devices. */
export async function createDeviceBench(name: string): Promise<DeviceBench> {
  const engine = await V86Engine.boot({
    guest: guestSettings(undefined, MEMORY),
    memorySize: MEMORY,
    deterministic: true,
    onSerialByte: () => undefined,
  });
  const { cpu } = engine;
  const putBack = [remember(cpu.devices, new Set([cpu, cpu.io, ...cpu.io.ports])), rememberPorts(cpu.io.ports)];
  const setPic: unknown = Reflect.get(cpu, "set_state_pic");
  if (typeof setPic !== "function") throw new Error("v86's CPU has no set_state_pic");
  const pic = cpu.get_state_pic();
  const port92 = cpu.io.port_read8(0x92);
  putBack.push(() => {
    Reflect.apply(setPic, cpu, [pic]);
    cpu.io.port_write8(0x92, port92);
  });
  return {
    ports: portTarget(name, engine.ports, (action) => engine.withInterruptsOff(action)),
    fields: () => deviceFields(cpu),
    reset: () => {
      for (const one of putBack) one();
    },
    destroy: () => engine.destroy(),
  };
}

function rememberPorts(ports: object[]): () => void {
  const before = ports.slice();
  return () => {
    for (let port = 0; port < before.length; port++) {
      const entry = before[port];
      if (entry !== undefined && ports[port] !== entry) ports[port] = entry;
    }
  };
}

/** Remembers all data below an object; the function puts it back into the same objects. */
function remember(object: object, seen: Set<object>): () => void {
  seen.add(object);
  if (ArrayBuffer.isView(object)) return rememberView(object);
  const putBack: (() => void)[] = [];
  const keys = Reflect.ownKeys(object).filter((key) => typeof Reflect.get(object, key) !== "function");
  for (const key of keys) {
    const value: unknown = Reflect.get(object, key);
    if (typeof value === "object" && value !== null && !seen.has(value)) putBack.push(remember(value, seen));
    if (!(Array.isArray(object) && key === "length")) putBack.push(() => void Reflect.set(object, key, value));
  }
  if (Array.isArray(object)) {
    const { length } = object;
    putBack.push(() => void (object.length = length));
  }
  return () => {
    for (const one of putBack) one();
  };
}

function rememberView(view: ArrayBufferView): () => void {
  if (view.byteLength >= LONG) return () => undefined;
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  const before = bytes.slice();
  return () => bytes.set(before);
}
