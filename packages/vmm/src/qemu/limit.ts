import { within } from "../limit.ts";
import { QemuError } from "./errors.ts";

/** What `promise` gives. @throws QemuError `TIMEOUT` with `message` after `limitMs` */
export function withLimit<T>(promise: Promise<T>, limitMs: number, message: string): Promise<T> {
  return within(promise, limitMs, () => new QemuError("TIMEOUT", message));
}
