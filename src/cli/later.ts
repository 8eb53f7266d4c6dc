/**
 * An action whose command is loaded when it is called: all commands together take most of a second to load, which whoever
 * asks for one of them, or for help, does not wait for.
 */
export function later<Args extends unknown[]>(
  load: () => Promise<(...args: Args) => unknown>,
): (...args: Args) => Promise<void> {
  return async (...args) => {
    const command = await load();
    await command(...args);
  };
}
