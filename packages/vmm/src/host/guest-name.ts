/** A guest's name as the command lines of QEMU (`-name`), Firecracker (`--id`) and crosvm (`--name`) have it. */
export function guestName(command: readonly string[]): string | undefined {
  const at = command.findIndex((argument) => /^--?(name|id)$/.test(argument));
  const value = at === -1 ? undefined : command[at + 1];
  const named = value === undefined ? undefined : /(?:^|,)guest=([^,]*)/.exec(value)?.[1];
  return named ?? value?.replace(/,.*/s, "");
}
