import { bridgeError, describeError, isBridgeError, type BridgeError } from '../domain/errors.ts';
import { IceSchema } from './ice/schema.ts';
import { IceConnectionError, IceDispatchError, IceException, IceMarshalError } from './ice/values.ts';

/** What was being done when it failed, for people. */
export interface Attempt {
  readonly server: string;
  readonly user: string;
  readonly operation: string;
}

/**
 * Turns what the Ice connection threw into an error of the registry with OMERO's own message and the thrown value as
 * cause. What is no error of the connection is returned as it is: an abort's reason, or our own error.
 */
export function omeroFailure(error: unknown, attempt: Attempt): unknown {
  if (isBridgeError(error)) return error;
  if (error instanceof IceException) return exceptionFailure(error, attempt);
  if (error instanceof IceConnectionError) return connectionFailure(error, attempt);
  if (error instanceof IceDispatchError) {
    // A session that ended takes its services with it: Glacier2 then knows no such object.
    const gone = error.failure === 'objectNotExist';
    const { user, operation } = attempt;
    const reason = sentence(error.message);
    return gone
      ? bridgeError('OMERO_SESSION_LOST', { user, reason }, { cause: error })
      : bridgeError('OMERO_FAILED', { operation, reason }, { cause: error });
  }
  if (error instanceof IceMarshalError)
    return bridgeError('OMERO_ANSWER_INVALID', { server: attempt.server, reason: error.message }, { cause: error });
  return error;
}

/** True for a failure after which the session is of no use any more. */
export function endsSession(error: unknown): boolean {
  return isBridgeError(error, 'OMERO_SESSION_LOST', 'OMERO_UNREACHABLE', 'OMERO_ANSWER_INVALID');
}

/** True when the connection ended under a request: whether that was carried out is not known. */
export function connectionBroke(error: unknown): boolean {
  return error instanceof IceConnectionError && (error.failure === 'lost' || error.failure === 'closed');
}

/** True when the router, or the server behind it, knew no such object: the request was not carried out. */
export function notDispatched(error: unknown): boolean {
  return error instanceof IceDispatchError && error.failure === 'objectNotExist';
}

/** OMERO's own words of an error, for comparison and for people. */
export function omeroMessage(error: unknown): string {
  return describeError(error instanceof Error && error.cause ? error.cause : error);
}

function connectionFailure(error: IceConnectionError, { server, user }: Attempt): BridgeError {
  const reason = sentence(error.message);
  switch (error.failure) {
    case 'unreachable':
      return bridgeError('OMERO_UNREACHABLE', { server, reason }, { cause: error });
    case 'refusedByTls':
      return bridgeError('OMERO_TLS_REFUSED', { server, reason }, { cause: error });
    case 'timeout':
      return bridgeError('OMERO_TIMEOUT', { reason }, { cause: error });
    case 'protocol':
      return bridgeError('OMERO_ANSWER_INVALID', { server, reason }, { cause: error });
    case 'lost':
    case 'closed':
      return bridgeError('OMERO_SESSION_LOST', { user, reason }, { cause: error });
  }
}

function exceptionFailure(error: IceException, { server, user, operation }: Attempt): BridgeError {
  const reason = sentence(error.message);
  const options = { cause: error };
  const is = (...names: string[]): boolean =>
    names.some((name) =>
      IceSchema.omero().isExceptionA(error.typeId, name.startsWith('::') ? name : `::omero::${name}`),
    );
  // Glacier2 cuts the session manager's exceptions down to its own types, so that often only the words are left.
  const starting = /internal server error|not fully initialized|server.*(starting|shutting down)/i.test(error.message);
  const signingIn = is('::Glacier2::PermissionDeniedException', '::Glacier2::CannotCreateSessionException');
  if (error.members['concurrency'] === true || (signingIn && starting))
    return bridgeError('OMERO_BUSY', { server, reason }, options);
  if (signingIn) return bridgeError('OMERO_SIGN_IN_REFUSED', { server, user, reason }, options);
  if (is('SessionException', '::Glacier2::SessionNotExistException'))
    return bridgeError('OMERO_SESSION_LOST', { user, reason }, options);
  if (is('ConcurrencyException')) return bridgeError('OMERO_BUSY', { server, reason }, options);
  if (is('SecurityViolation')) return bridgeError('OMERO_NOT_PERMITTED', { operation, user, reason }, options);
  if (is('ValidationException') && /No row with the given identifier exists/.test(error.message))
    return bridgeError('OMERO_OBJECT_GONE', { operation, reason }, options);
  if (is('ApiUsageException')) return bridgeError('OMERO_REQUEST_REFUSED', { operation, reason }, options);
  return bridgeError('OMERO_FAILED', { operation, reason }, options);
}

/** OMERO's messages may be a whole stack trace: one line of it reads as part of a sentence. */
function sentence(text: string): string {
  const line = text.split(/[\r\n]/).find((l) => l.trim() !== '') ?? '';
  return line.trim().replace(/\.+$/, '').slice(0, 500) || 'it gave no reason';
}
