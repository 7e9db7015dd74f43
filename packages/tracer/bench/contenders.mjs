// Other ways to store the same accesses, each as pieces to be compressed by LZ4 or, for text, as they are.
import protobuf from "protobufjs/minimal.js";
import { decodeFrame, encodeFrame, parseFrameHeader } from "../dist/lz4/frame.js";

const { Reader, Writer } = protobuf;
const isOut = (op) => (op & 1) !== 0;
const size = (op) => 1 << ((op >> 1) & 3);
const scratch = new Uint8Array(4 << 20);

function unframe(frame) {
  const header = parseFrameHeader(frame);
  const wrong = decodeFrame(frame, header, scratch);
  if (wrong !== undefined) throw new Error(wrong);
  return scratch.subarray(0, header.rawLength);
}

/** A line of QEMU's log for each access. */
export const text = {
  name: "QEMU text log",
  encode({ length, time, port, op, value }) {
    let lines = "";
    for (let i = 0; i < length; i++) {
      const us = Math.floor(time[i] / 1000);
      const stamp = `${1_795_417_405 + Math.floor(us / 1e6)}.${String(us % 1e6).padStart(6, "0")}`;
      const word = isOut(op[i]) ? "write" : "read";
      lines += `6799@${stamp}:memory_region_ops_${word} cpu 0 mr 0x55ad85138920 addr 0x${port[i].toString(16)} value 0x${value[i].toString(16)} size ${size(op[i])} name 'serial'\n`;
    }
    return Buffer.from(lines, "latin1");
  },
  decode(bytes) {
    let sum = 0;
    for (const line of bytes.toString("latin1").split("\n")) {
      const m =
        /^\d+@(\d+)\.(\d+):memory_region_ops_(read|write) cpu (\d+) mr \S+ addr 0x(\S+) value 0x(\S+) size (\d)/.exec(
          line,
        );
      if (m !== null) sum += parseInt(m[5], 16) + parseInt(m[6], 16);
    }
    return sum;
  },
};

/** Time, value, port, op and vcpu of each access in 16 bytes. */
export const fixed = {
  name: "16 bytes each, lz4",
  encode({ length, time, port, op, value, vcpu }) {
    const raw = new Uint8Array(16 * length);
    const view = new DataView(raw.buffer);
    for (let i = 0, at = 0; i < length; i++, at += 16) {
      const us = Math.floor(time[i] / 1000);
      view.setUint32(at, us >>> 0, true);
      view.setUint16(at + 4, us / 2 ** 32, true);
      view.setUint16(at + 6, port[i], true);
      view.setUint32(at + 8, value[i], true);
      raw[at + 12] = op[i];
      view.setUint16(at + 14, vcpu[i], true);
    }
    return encodeFrame(raw);
  },
  decode(frame) {
    const raw = unframe(frame);
    const view = new DataView(raw.buffer, raw.byteOffset, raw.length);
    let sum = 0;
    for (let at = 0; at < raw.length; at += 16) sum += view.getUint16(at + 6, true) + view.getUint32(at + 8, true);
    return sum;
  },
};

/** A protobuf message for each access: {1: time delta, 2: port, 3: op, 4: value}. */
export const messages = {
  name: "a message each, lz4",
  encode({ length, time, port, op, value }) {
    const w = Writer.create();
    let last = Math.floor(time[0] / 1000);
    for (let i = 0; i < length; i++) {
      const us = Math.floor(time[i] / 1000);
      w.uint32(10).fork().uint32(8).uint32(us - last).uint32(16).uint32(port[i]); // prettier-ignore
      w.uint32(24).uint32(op[i]).uint32(32).uint32(value[i]).ldelim();
      last = us;
    }
    return encodeFrame(w.finish());
  },
  decode(frame) {
    const r = Reader.create(unframe(frame));
    let sum = 0;
    while (r.pos < r.len) {
      r.uint32();
      const access = { time: 0, port: 0, op: 0, value: 0 };
      for (const end = r.uint32() + r.pos; r.pos < end;) {
        const field = r.uint32() >>> 3;
        const number = r.uint32();
        if (field === 1) access.time = number;
        else if (field === 2) access.port = number;
        else if (field === 3) access.op = number;
        else access.value = number;
      }
      sum += access.port + access.value;
    }
    return sum;
  },
};
