import type { BodyPiece, GuestBody } from "../../src/index.ts";

/** Passes the pieces of a body on, and calls `then` after so many. */
export async function* after(body: GuestBody, pieces: number, then: () => void): AsyncGenerator<BodyPiece> {
  let left = pieces;
  for await (const piece of body) {
    if (left-- === 0) then();
    yield piece;
  }
}
