import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';

const keyLength = 32;

/** `scrypt$salt$key`, both in base64. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16);
  return `scrypt$${salt.toString('base64')}$${(await derive(password, salt)).toString('base64')}`;
}

/** Takes as long for a user without password as for a wrong one. */
export async function checkPassword(password: string, hash: string | null): Promise<boolean> {
  const [kind, salt, key] = (hash ?? '').split('$');
  const expected = Buffer.from(key ?? '', 'base64');
  const given = await derive(password, Buffer.from(salt ?? '', 'base64'));
  return kind === 'scrypt' && expected.length === keyLength && timingSafeEqual(given, expected);
}

function derive(password: string, salt: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(password, salt, keyLength, (error, key) => (error ? reject(error) : resolve(key)));
  });
}
