import { defineErrors } from './define.ts';

export const embeddedErrors = defineErrors({});
