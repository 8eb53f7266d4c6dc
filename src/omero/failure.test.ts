import { expect, test } from 'vitest';
import { bridgeError } from '../domain/errors.ts';
import { omeroFailure } from './failure.ts';
import { IceConnectionError, IceDispatchError, IceException, IceMarshalError } from './ice/values.ts';

const attempt = { server: 'omero:4064', user: 'alice', operation: 'IUpdate.saveArray' };
const exception = (name: string, message: string, more: object = {}): IceException =>
  new IceException(name.startsWith('::') ? name : `::omero::${name}`, { message, ...more });

test.each([
  [exception('RemovedSessionException', 'No session with uuid'), 'OMERO_SESSION_LOST', true],
  [exception('SessionTimeoutException', 'Session timed out'), 'OMERO_SESSION_LOST', true],
  [exception('::Glacier2::SessionNotExistException', ''), 'OMERO_SESSION_LOST', true],
  [exception('TryAgain', 'busy'), 'OMERO_BUSY', true],
  [exception('ReadOnlyGroupSecurityViolation', 'Group is rwr---. Cannot link to object'), 'OMERO_NOT_PERMITTED', false],
  [exception('ValidationException', 'No row with the given identifier exists: [x#1]'), 'OMERO_OBJECT_GONE', false],
  [exception('ValidationException', 'could not insert: duplicate'), 'OMERO_REQUEST_REFUSED', false],
  [exception('QueryException', 'unexpected token'), 'OMERO_REQUEST_REFUSED', false],
  [exception('InternalException', 'java.lang.NullPointerException\n\tat ome.Foo'), 'OMERO_FAILED', true],
  [
    exception('::Glacier2::PermissionDeniedException', '', { reason: 'Password check failed' }),
    'OMERO_SIGN_IN_REFUSED',
    false,
  ],
  [exception('::Glacier2::CannotCreateSessionException', 'internal server error'), 'OMERO_BUSY', true],
  [exception('WrappedCreateSessionException', 'locked', { concurrency: true }), 'OMERO_BUSY', true],
  [new IceDispatchError('objectNotExist'), 'OMERO_SESSION_LOST', true],
  [new IceDispatchError('unknownException', 'java.lang.Error'), 'OMERO_FAILED', true],
  [new IceConnectionError('unreachable', 'refused'), 'OMERO_UNREACHABLE', true],
  [new IceConnectionError('refusedByTls', 'handshake'), 'OMERO_TLS_REFUSED', false],
  [new IceConnectionError('timeout', 'silent'), 'OMERO_TIMEOUT', true],
  [new IceConnectionError('lost', 'cut'), 'OMERO_SESSION_LOST', true],
  [new IceMarshalError('a size is negative'), 'OMERO_ANSWER_INVALID', false],
])('%s is %s', (error, code, retryable) => {
  const failure = omeroFailure(error, attempt);
  expect(failure).toMatchObject({ code, retryable, cause: error });
});

test('the message keeps the first line of what OMERO said', () => {
  const error = exception('InternalException', '\n java.lang.NullPointerException: x.\n\tat ome.Foo');
  expect(omeroFailure(error, attempt)).toMatchObject({
    message: 'OMERO failed at IUpdate.saveArray: java.lang.NullPointerException: x.',
  });
});

test('our own errors and the reason of an abort pass unchanged', () => {
  const own = bridgeError('OMERO_USER_UNKNOWN', { user: 'x' });
  const reason = new Error('stopping');
  expect(omeroFailure(own, attempt)).toBe(own);
  expect(omeroFailure(reason, attempt)).toBe(reason);
});
