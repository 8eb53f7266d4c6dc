import { IceException } from '../../omero/ice/values.ts';

/** Kinds of exception that OMERO's API declares and that this server sends. */
export type FailureKind =
  | 'ApiUsageException'
  | 'ValidationException'
  | 'SecurityViolation'
  | 'GroupSecurityViolation'
  | 'OptimisticLockException'
  | 'RemovedSessionException'
  | 'ResourceError';

/** An exception of OMERO's API, as a client receives it. */
export function failure(kind: FailureKind, message: string): IceException {
  return new IceException(`::omero::${kind}`, {
    serverStackTrace: '',
    serverExceptionClass: `ome.conditions.${kind}`,
    message,
  });
}

/** OMERO's (Hibernate's) words for a reference to nothing. */
export function noSuchRow(javaName: string, id: number): IceException {
  return failure('ValidationException', `No row with the given identifier exists: [${javaName}#${id}]`);
}
