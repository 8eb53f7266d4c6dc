/** Wrong arguments; the importer prints its usage and exits 1. */
export class UsageError extends Error {}
