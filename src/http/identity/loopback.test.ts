import { expect, test } from 'vitest';
import { startWeb, type WebParts } from '../server.ts';
import { beyondLoopback, isLoopback, keepTokenOnLoopback } from './loopback.ts';

test('only addresses of this machine are loopback', () => {
  for (const host of ['127.0.0.1', '127.8.9.10', '::1', '0:0:0:0:0:0:0:1', 'localhost', '::ffff:127.0.0.1'])
    expect(isLoopback(host), host).toBe(true);
  for (const host of ['0.0.0.0', '::', '10.0.0.1', '128.0.0.1', '::2', '127.evil.example', 'localhost.example', ''])
    expect(isLoopback(host), host).toBe(false);
});

const plain = { host: '127.0.0.1', url: null, trustProxy: false };

test('pages are for this machine alone where it listens on loopback and no proxy asks for others', () => {
  expect(beyondLoopback(plain)).toBeNull();
  // A developer's own proxy in front, with its path or without.
  for (const url of [
    'http://localhost:8080/',
    'http://127.0.0.1:5173/bridge/',
    'https://[::1]:8443/',
    'http://LOCALHOST/',
  ])
    expect(beyondLoopback({ ...plain, url }), url).toBeNull();
  for (const url of [
    'https://omero.example.org/bridge/',
    'http://10.1.2.3/',
    'http://localhost.example/',
    'http://[::2]/',
  ])
    expect(beyondLoopback({ ...plain, url }), url).toMatchObject({ setting: 'BIOMERO_BRIDGE_WEB_URL' });
  expect(beyondLoopback({ ...plain, host: '0.0.0.0', url: 'http://localhost/' })).toMatchObject({
    setting: 'BIOMERO_BRIDGE_WEB_HOST',
    reason: 'the web role listens on 0.0.0.0',
  });
  for (const url of [null, 'http://localhost:8080/'])
    expect(beyondLoopback({ ...plain, url, trustProxy: true })).toMatchObject({
      setting: 'BIOMERO_BRIDGE_TRUST_PROXY',
    });
});

const token = 'a-token-of-the-quick-start';
const beyond = [{ host: '0.0.0.0' }, { url: 'https://omero.example.org/' }, { trustProxy: true }];

test('without a token the web role is reached from anywhere, with one from this machine alone', () => {
  keepTokenOnLoopback({ ...plain, token });
  for (const more of beyond) {
    keepTokenOnLoopback({ ...plain, ...more, token: null });
    expect(() => keepTokenOnLoopback({ ...plain, ...more, token })).toThrow(
      expect.objectContaining({ code: 'TOKEN_BEYOND_LOOPBACK', message: expect.not.stringContaining('a-token') }),
    );
  }
});

test.each(beyond)('the web role does not start with a token and %j', async (more) => {
  const config = { ...plain, port: 0, token, ...more };
  // It is refused before any other part is looked at.
  await expect(startWeb({ config } as unknown as WebParts)).rejects.toMatchObject({ code: 'TOKEN_BEYOND_LOOPBACK' });
});
