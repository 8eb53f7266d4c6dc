import { defineErrors } from './define.ts';

export const archiveErrors = defineErrors({});
