import { pino, type DestinationStream, type Logger } from 'pino';

/** Names of fields whose values never reach a log, down to three levels deep. */
const secretNames = ['password', 'token', 'key', 'sessionKey', 'sessionUuid', 'secret', 'authorization', 'cookie'];

/**
 * A logger that writes one JSON object per line. Lines about a run, a job or an order carry `run`, `job`, `order`. Secret
 * fields are replaced, and so are passwords of URLs wherever they stand in a line.
 */
export function createLogger(options: { level: string; destination: DestinationStream }): Logger {
  const paths = secretNames.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]);
  return pino(
    {
      level: options.level,
      base: { pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths, censor: '***' },
      serializers: { error: serializeError, err: serializeError },
      hooks: { streamWrite: maskUrlPasswords },
    },
    options.destination,
  );
}

/** Errors with their code and causes; other values as they are. */
function serializeError(value: unknown, depth = 0): unknown {
  if (!(value instanceof Error)) return value;
  const code = 'code' in value && typeof value.code === 'string' ? value.code : undefined;
  const cause = value.cause === undefined || depth >= 4 ? undefined : serializeError(value.cause, depth + 1);
  return { type: value.name, message: value.message, code, stack: value.stack, cause };
}

function maskUrlPasswords(line: string): string {
  return line.replace(/(\w:\/\/[^\s:/@"\\]*):[^\s@"\\]+@/g, '$1:***@');
}
