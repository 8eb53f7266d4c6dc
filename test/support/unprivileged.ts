/**
 * Does something without root's rights: file permissions mean nothing to root. Root becomes another user for that time,
 * in all threads of this process; anybody else just goes on.
 */
export async function asUnprivileged<T>(work: (uid: number) => Promise<T>): Promise<T> {
  if (process.getuid?.() !== 0) return work(process.getuid?.() ?? -1);
  const nobody = 65_534;
  process.setegid?.(nobody);
  process.seteuid?.(nobody);
  try {
    return await work(nobody);
  } finally {
    process.seteuid?.(0);
    process.setegid?.(0);
  }
}
