// What an appended signature ends with, and the size of the description before that, whose last four bytes are the signature's length:
// Linux, include/linux/module_signature.h.
const MAGIC = Buffer.from("~Module signature appended~\n");
const DESCRIPTION_BYTES = 12;

/**
 * A module of Linux without the signature at its end, and with the bytes `from` as `to`. A kernel that does not insist on signatures takes
 * a module without one, but none whose signature is of other bytes. Throws where the bytes do not stand there exactly once.
 */
export function changedModule(name, module, { from, to }) {
  const changed = Buffer.from(module.subarray(0, module.length - signatureBytes(module)));
  const bytes = Buffer.from(from, "hex");
  const at = changed.indexOf(bytes);
  if (at < 0 || changed.indexOf(bytes, at + 1) >= 0) {
    const count = at < 0 ? "not at all" : "more than once";
    throw new Error(`${name} of this kernel has the bytes ${from} ${count}; what is to be changed must be found anew`);
  }
  Buffer.from(to, "hex").copy(changed, at);
  return changed;
}

function signatureBytes(module) {
  const magic = module.length - MAGIC.length;
  if (!module.subarray(magic).equals(MAGIC)) return 0;
  return module.readUInt32BE(magic - 4) + DESCRIPTION_BYTES + MAGIC.length;
}
