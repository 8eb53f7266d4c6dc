export const roles = ['worker', 'importer', 'web'] as const;
export type Role = (typeof roles)[number];
/**
 * What a configuration is for: roles; `omero`, a look at OMERO with the eyes of an importer but no database; `orders`, the
 * database of upload orders alone.
 */
export type Purpose = Role | 'omero' | 'orders';
