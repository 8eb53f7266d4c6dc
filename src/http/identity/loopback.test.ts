import { expect, test } from 'vitest';
import { startWeb, type WebParts } from '../server.ts';
import { isLoopback, keepTokenOnLoopback } from './loopback.ts';

test('only addresses of this machine are loopback', () => {
  for (const host of ['127.0.0.1', '127.8.9.10', '::1', '0:0:0:0:0:0:0:1', 'localhost', '::ffff:127.0.0.1'])
    expect(isLoopback(host), host).toBe(true);
  for (const host of ['0.0.0.0', '::', '10.0.0.1', '128.0.0.1', '::2', '127.evil.example', 'localhost.example', ''])
    expect(isLoopback(host), host).toBe(false);
});

test('without a token the web role listens anywhere, with one on loopback alone', () => {
  keepTokenOnLoopback({ token: null, host: '0.0.0.0' });
  keepTokenOnLoopback({ token: 'a-token-of-the-quick-start', host: '127.0.0.1' });
  expect(() => keepTokenOnLoopback({ token: 'a-token-of-the-quick-start', host: '0.0.0.0' })).toThrow(
    expect.objectContaining({ code: 'TOKEN_BEYOND_LOOPBACK', message: expect.not.stringContaining('a-token') }),
  );
});

test('the web role does not start with a token beyond loopback', async () => {
  const config = { host: '0.0.0.0', port: 0, token: 'a-token-of-the-quick-start' };
  // It is refused before any other part is looked at.
  await expect(startWeb({ config } as unknown as WebParts)).rejects.toMatchObject({ code: 'TOKEN_BEYOND_LOOPBACK' });
});
