import { defineErrors } from './define.ts';

export const httpErrors = defineErrors({
  SIGN_IN_NEEDED: {
    message: 'Sign in first.',
    remedy: 'Open the address that `npm start` printed; it carries the token.',
    who: 'researcher',
    retryable: false,
    status: 401,
  },
  TOKEN_REFUSED: {
    message: 'That token is not the one of this server.',
    remedy: 'Copy the address or the token that the server printed when it started.',
    who: 'researcher',
    retryable: false,
    status: 401,
  },
  HOST_REFUSED: {
    message: 'This address is not one that this server answers to.',
    remedy: 'Use the address that the server printed when it started.',
    who: 'admin',
    retryable: false,
    status: 421,
  },
  CROSS_SITE_REFUSED: {
    message: 'A change was asked for by another site.',
    remedy: 'Make the change on the pages of this server.',
    who: 'researcher',
    retryable: false,
    status: 403,
  },
  PAGE_NOT_FOUND: {
    message: 'There is nothing at {path}.',
    remedy: 'Go back to the list of runs.',
    who: 'researcher',
    retryable: false,
    status: 404,
  },
  LOG_NOT_THERE: {
    message: 'The job of this run has written no log yet.',
    remedy: 'Wait until the job runs.',
    who: 'researcher',
    retryable: true,
    status: 404,
  },
  REQUEST_INVALID: {
    message: 'The request cannot be read: {reason}.',
    remedy: 'Correct the request; docs/reference/http.md lists what each address takes.',
    who: 'developer',
    retryable: false,
    status: 400,
  },
  TOO_MANY_STREAMS: {
    message: 'Too many pages are open at once: this server keeps {limit} event streams.',
    remedy: 'Close some of the pages.',
    who: 'researcher',
    retryable: true,
    status: 503,
  },
  PORT_TAKEN: {
    message: 'Port {port} on {host} is taken by another program.',
    remedy: 'Stop that program, or choose another port with BIOMERO_BRIDGE_WEB_PORT.',
    who: 'admin',
    retryable: false,
    status: 500,
  },
  INTERNAL: {
    message: 'Something went wrong on the server.',
    remedy: 'Try again; if it stays, give the admin the time and this page.',
    who: 'admin',
    retryable: true,
    status: 500,
  },
});
