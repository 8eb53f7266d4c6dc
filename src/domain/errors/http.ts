import { defineErrors } from './define.ts';

export const httpErrors = defineErrors({});
