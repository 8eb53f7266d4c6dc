import { defineErrors } from './define.ts';

export const orderErrors = defineErrors({});
