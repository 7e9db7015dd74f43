import { once } from "node:events";
import { createConnection, createServer, type Server, type Socket } from "node:net";
import { InvalidArgumentError } from "commander";
import { messageOf } from "@portrait/tracer";
import { UsageError } from "../errors.ts";

const CONNECT_LIMIT_MS = 10_000;

/** Where two portrait processes meet. */
export type Address =
  | { readonly kind: "unix"; readonly path: string }
  | { readonly kind: "tcp"; readonly host: string; readonly port: number };

const LOOPBACK = new Set(["127.0.0.1", "::1", "localhost"]);

/** `unix:/run/guest.sock`, `tcp:127.0.0.1:7000`. A guest's memory crosses it unencrypted, so TCP stays on loopback. */
export function parseAddress(text: string): Address {
  const unix = /^unix:(.+)$/.exec(text);
  if (unix?.[1] !== undefined) return { kind: "unix", path: unix[1] };
  const tcp = /^tcp:\[?([^\]]+?)\]?:(\d{1,5})$/.exec(text);
  if (tcp?.[1] === undefined || Number(tcp[2]) > 0xffff) {
    throw new InvalidArgumentError("Expected unix:PATH or tcp:HOST:PORT.");
  }
  if (!LOOPBACK.has(tcp[1])) {
    throw new InvalidArgumentError("TCP is for loopback addresses; reach another host through ssh -L.");
  }
  return { kind: "tcp", host: tcp[1], port: Number(tcp[2]) };
}

/** The address as it is written. */
export function addressText(address: Address): string {
  return address.kind === "unix" ? `unix:${address.path}` : `tcp:${address.host}:${address.port}`;
}

/** Connects. @throws UsageError where nobody listens. */
export async function connectTo(address: Address): Promise<Socket> {
  const socket = createConnection(
    address.kind === "unix" ? { path: address.path } : { host: address.host, port: address.port },
  );
  socket.setTimeout(CONNECT_LIMIT_MS, () => socket.destroy(new Error(`no answer in ${CONNECT_LIMIT_MS / 1000} s`)));
  try {
    await once(socket, "connect");
  } catch (error) {
    throw new UsageError(
      `${addressText(address)}: ${messageOf(error)}; start "portrait receive ${addressText(address)}" first`,
    );
  }
  socket.setTimeout(0);
  return socket;
}

/** Listens for one connection. `listening` tells when others can connect. */
export async function acceptOne(address: Address, signal: AbortSignal, listening: () => void): Promise<Socket> {
  const server: Server = createServer();
  try {
    server.listen(address.kind === "unix" ? { path: address.path } : { host: address.host, port: address.port });
    await once(server, "listening", { signal });
    listening();
    const [socket] = await once(server, "connection", { signal });
    return socket as Socket;
  } finally {
    server.close();
  }
}
