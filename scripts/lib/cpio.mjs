/**
 * A cpio archive in the "newc" form the Linux kernel unpacks as its initramfs. Each entry is `{ path, mode, data }` with
 * the file type in `mode`; a symbolic link's data is its target; `device: [major, minor]` makes a device node.
 * Everything is owned by root and dated 0, so equal entries give equal bytes.
 */
export function cpioArchive(entries) {
  const parts = entries.map((entry, i) => cpioEntry(i + 1, entry));
  return Buffer.concat([...parts, cpioEntry(0, { path: "TRAILER!!!", mode: 0 })]);
}

// Header fields and alignment: Linux, Documentation/driver-api/early-userspace/buffer-format.rst.
function cpioEntry(inode, { path, mode, data = "", device = [0, 0] }) {
  const name = Buffer.from(`${path}\0`);
  const body = Buffer.from(data);
  const fields = [inode, mode, 0, 0, 1, 0, body.length, 0, 0, ...device, name.length, 0];
  const header = Buffer.from(`070701${fields.map((n) => n.toString(16).padStart(8, "0")).join("")}`);
  return Buffer.concat([aligned(Buffer.concat([header, name])), aligned(body)]);
}

function aligned(bytes) {
  return Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);
}
