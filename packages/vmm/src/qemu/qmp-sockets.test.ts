import { expect, test } from "vitest";
import { qmpPlaces } from "./qmp-sockets.ts";

test.each([
  [["-qmp", "unix:/run/vm.qmp,server=on,wait=off"], [{ kind: "path", path: "/run/vm.qmp" }]],
  [["--qmp-pretty", "unix:a,,b"], [{ kind: "path", path: "a,b" }]],
  [["-qmp", "tcp:localhost:4444"], []],
  [
    ["-chardev", "socket,id=m,path=/run/m,server=on", "-mon", "chardev=m,mode=control"],
    [{ kind: "path", path: "/run/m" }],
  ],
  [["-mon", "m,mode=control", "-chardev", "socket,path=/run/m,id=m"], [{ kind: "path", path: "/run/m" }]],
  [
    ["-chardev", "socket,id=charmonitor,fd=25,server=on", "-mon", "chardev=charmonitor,mode=control"],
    [{ kind: "fd", fd: "25" }],
  ],
  [["-chardev", "socket,id=m,path=/run/m", "-mon", "chardev=m"], []],
  [["-chardev", "socket,id=serial,path=/run/s", "-serial", "chardev:serial"], []],
  [["-qmp"], []],
])("%j has QMP at %j", (command, places) => {
  expect(qmpPlaces(["qemu-system-x86_64", ...command])).toEqual(places);
});
