/** The people and the group of the quick start's OMERO. */
export const sampleUser = 'researcher';
export const sampleGroup = 'demo';

/**
 * What the configuration is read from: the quick start's own settings, and those of BIOMERO's names that somebody has
 * set around it. Addresses and passwords of a site stay out.
 */
export function quickStartEnvironment(
  outside: NodeJS.ProcessEnv,
  own: Record<string, string>,
): Record<string, string | undefined> {
  const kept = Object.entries(outside).filter(([name]) => /^BIOMERO_\w+(?<!_FILE)$/.test(name) || name === 'HOME');
  return { ...Object.fromEntries(kept), ...own };
}
