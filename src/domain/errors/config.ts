import { defineErrors } from './define.ts';

export const configErrors = defineErrors({
  CONFIG_INVALID: {
    message: 'The configuration has {count}:\n{problems}',
    remedy: 'Correct what is listed; docs/reference/configuration.md names every setting, its default and its form.',
    who: 'admin',
    retryable: false,
    status: 500,
  },
});
