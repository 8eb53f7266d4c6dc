/**
 * Resolves at the first SIGINT or SIGTERM, or when the process that started us on its channel is gone. A second signal
 * ends the process at once.
 */
export function untilSignal(): Promise<string> {
  return new Promise((resolve) => {
    let asked = false;
    const end = (why: string): void => {
      if (asked) process.exit(130);
      asked = true;
      resolve(why);
    };
    process.on('SIGINT', () => end('SIGINT'));
    process.on('SIGTERM', () => end('SIGTERM'));
    if (process.channel) {
      process.on('disconnect', () => end('disconnect'));
      // Listening alone must not keep a process alive that has nothing else to do.
      process.channel.unref();
    }
  });
}
