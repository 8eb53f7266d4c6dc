import { defineErrors } from './define.ts';

export const omeroErrors = defineErrors({});
