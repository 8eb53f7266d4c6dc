/**
 * Database URLs as sites write them for SQLAlchemy (`postgresql+psycopg2://…`), brought into the form that `pg` reads.
 * Nothing here puts a URL, and with it a password, into an error text.
 */
export type DatabaseUrl = { readonly url: string } | { readonly wrong: string };

const drivers = new Set(['', 'psycopg2', 'psycopg', 'psycopg2cffi', 'asyncpg', 'pg8000']);

// SQLAlchemy's grammar: a password may hold anything but "@", also characters that a WHATWG URL would split at.
const grammar =
  /^([\w+]+):\/\/(?:([^:/]*)(?::([^@]*))?@)?(?:\[([^/?]+)\]|([^/:?]+))?(?::([^/?]*))?(?:\/([^?]*))?(?:\?(.*))?$/s;

/**
 * Normalises a URL, or says what is wrong with it in words that hold no part of it but scheme and parameter names.
 * A host in the query (`?host=/socket/folder`) wins, as in libpq.
 */
export function normaliseDatabaseUrl(text: string): DatabaseUrl {
  const match = grammar.exec(text.trim());
  if (!match) return { wrong: 'a text that is no database URL' };
  const [, scheme = '', user, password, host6, host4, port = '', database = '', query = ''] = match;
  const [dialect = '', driver = ''] = scheme.toLowerCase().split('+');
  if (dialect !== 'postgresql' && dialect !== 'postgres') return { wrong: `a URL for ${scheme}` };
  if (!drivers.has(driver)) return { wrong: `a URL for driver ${driver}` };
  if (port && !isPort(port)) return { wrong: 'a URL whose port is not a number from 1 to 65535' };
  if (!database) return { wrong: 'a URL that names no database' };

  const parameters = new URLSearchParams(query);
  const hosts = parameters.getAll('host');
  if (hosts.length > 1 || hosts.some((h) => h.includes(','))) return { wrong: 'a URL with several hosts' };
  translateTls(parameters);
  const secret = password === undefined ? '' : `:${encoded(decoded(password))}`;
  const account = user === undefined ? '' : `${encoded(decoded(user))}${secret}@`;
  // pg reads the database's name with decodeURI, which leaves some escapes as they are.
  const base = encodeURI(decoded(database));
  if (decodeURI(new URL(`postgresql://h/${base}`).pathname.slice(1)) !== decoded(database))
    return { wrong: 'a URL whose database name holds "?", "#" or dot segments' };
  const host = hosts[0] ? '' : (host6 && `[${host6}]`) || host4 || '';
  if (hosts[0] && port && !parameters.has('port')) parameters.set('port', port);
  const rest = parameters.toString().replaceAll('+', '%20');
  return {
    url: `postgresql://${account}${host}${host && port ? `:${port}` : ''}/${base}${rest ? `?${rest}` : ''}`,
  };
}

/** The URL with its password replaced, for people. */
export function maskDatabaseUrl(url: string): string {
  const masked = url.replace(/^([\w+]+:\/\/[^:/@]*):[^@]*@/, '$1:***@');
  return masked.replace(/([?&](?:password|sslpassword)=)[^&]*/gi, '$1***');
}

/**
 * `pg` takes `sslmode=require` for a full check of the certificate unless told to follow libpq; it cannot fall back
 * from TLS to none, so `prefer` and `allow`, which promise nothing, mean none.
 */
function translateTls(parameters: URLSearchParams): void {
  const mode = parameters.get('sslmode');
  if (mode === 'prefer' || mode === 'allow') parameters.delete('sslmode');
  else if (mode !== null && mode !== 'disable') parameters.set('uselibpqcompat', 'true');
}

/** Resolves `%` escapes; as in Python, a `%` that begins none stays. */
function decoded(text: string): string {
  return text.replace(/(?:%[0-9a-f]{2})+/gi, (escapes) => Buffer.from(escapes.replaceAll('%', ''), 'hex').toString());
}

/** Also escapes the signs that encodeURIComponent leaves and some parsers split at. */
function encoded(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}

function isPort(text: string): boolean {
  return /^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65535;
}
