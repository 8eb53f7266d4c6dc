/**
 * What a machine may do:
 *
 * - `read`: see every run, its log and its files;
 * - `import`: hand over jobs, and ask what became of them;
 * - `orders`: see, cancel and retry upload orders;
 * - `admin`: everything that administrators may.
 */
export const scopes = ['read', 'import', 'orders', 'admin'] as const;
export type Scope = (typeof scopes)[number];
