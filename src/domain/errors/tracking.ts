import { defineErrors } from './define.ts';

export const trackingErrors = defineErrors({});
