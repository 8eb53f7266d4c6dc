import { appendFile, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { createConnection, createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { describeWithPart } from '../../test/support/optional-part.ts';
import { freePort, sshIsInstalled, startSshServer, type SshServer } from '../../test/support/ssh-server.ts';
import { temporaryFolder } from '../../test/support/temporary-folder.ts';
import { readLogBytes } from './read-log.ts';
import { cipherOrder } from './ssh-ciphers.ts';
import { SshTransport } from './ssh.ts';

const log = pino({ level: 'silent' });

interface TestServer extends SshServer {
  transport(configFile?: string): Promise<SshTransport>;
}

/** A server that ends with the test. */
async function startServer(): Promise<TestServer> {
  const server = await startSshServer();
  onTestFinished(() => server.stop());
  return {
    ...server,
    transport: async (path) => {
      const transport = new SshTransport({ host: 'cluster', log, configFile: path ?? (await server.configFile()) });
      onTestFinished(() => transport.close());
      return transport;
    },
  };
}

describeWithPart('OpenSSH', sshIsInstalled, 'commands over ssh', () => {
  test('arguments, input, variables, output and exit code pass unchanged', async () => {
    const transport = await (await startServer()).transport();
    const words = ['', "it's", '$(id)', '`id`', 'a\nb', '*', '~', '\\', '!', 'ü🜁', '--', 'x=y', ';', '|'];
    const script = 'printf "%s\\0" "$@"; printf %s "$TEXT" >&2; cat; exit 9';
    const result = await transport.exec(['sh', '-c', script, 'sh', ...words], {
      env: { TEXT: "a 'b'\n$(c)" },
      stdin: 'the end',
    });
    expect(result).toEqual({ stdout: [...words, 'the end'].join('\0'), stderr: "a 'b'\n$(c)", code: 9 });
  });

  test("relative paths start at the login's home, and exit codes are the command's own", async () => {
    const transport = await (await startServer()).transport();
    expect((await transport.exec(['pwd'])).stdout.trim()).toBe(userInfo().homedir);
    expect((await transport.exec(['no-such-command'])).code).toBe(127);
    // ssh itself ends with 255; a command that does is not a lost connection.
    expect((await transport.exec(['sh', '-c', 'exit 255'])).code).toBe(254);
  });

  test('a stream is read as it comes, by bytes, and can be ended', async () => {
    const transport = await (await startServer()).transport();
    const bytes = Buffer.from(Array.from({ length: 100_000 }, (_, n) => n % 256));
    const path = join(await temporaryFolder('bytes'), "a 'b'; $(c).log");
    await writeFile(path, bytes);
    const piece = await readLogBytes(transport, 1, path, 250, 70_000);
    expect(piece).toEqual({ bytes: bytes.subarray(250, 70_250), next: 70_250, size: 100_000 });
    expect(await readLogBytes(transport, 1, `${path}.not`, 0, 10)).toBeNull();
    const endless = transport.stream(['sh', '-c', 'echo begun; sleep 600']);
    await new Promise((resolve) => endless.stdout.once('data', resolve));
    endless.kill();
    expect((await endless.finished).code).toBeNull();
  });

  test('many commands share one connection', async () => {
    const transport = await (await startServer()).transport();
    const count = 'printf %s "$SSH_CONNECTION"';
    const first = await transport.exec(['sh', '-c', count]);
    const rest = await Promise.all(Array.from({ length: 20 }, () => transport.exec(['sh', '-c', count])));
    expect(new Set([first, ...rest].map((r) => r.stdout)).size).toBe(1);
    const folders = (await readdir(tmpdir())).filter((name) => name.startsWith('bb-ssh-'));
    expect(folders).not.toEqual([]);
    for (const name of folders) expect((await stat(join(tmpdir(), name))).mode & 0o777).toBe(0o700);
  });

  test('the cipher that this CPU does fastest is used, unless the account or the server has another one', async () => {
    const used = async (settings: string[], account = ''): Promise<string | undefined> => {
      const server = await startSshServer({ settings: ['LogLevel DEBUG1', ...settings] });
      onTestFinished(() => server.stop());
      const configFile = await server.configFile();
      await appendFile(configFile, account);
      const transport = new SshTransport({ host: 'cluster', log, configFile });
      onTestFinished(() => transport.close());
      await transport.exec(['true']);
      return /client->server cipher: (\S+)/.exec(server.said())?.[1];
    };
    const hasAes = /\baes\b/.test(await readFile('/proc/cpuinfo', 'utf8'));
    expect(await used([])).toBe(hasAes ? 'aes128-gcm@openssh.com' : 'chacha20-poly1305@openssh.com');
    expect(await used([], '  Ciphers aes256-ctr,aes128-gcm@openssh.com\n')).toBe('aes256-ctr');
    expect(await used(['Ciphers aes192-ctr'])).toBe('aes192-ctr');
    const [file, options] = [await (await startServer()).configFile(), { env: { PATH: process.env['PATH'] ?? '' } }];
    expect(await cipherOrder('cluster', file, options, '/dev/null')).toBeNull();
    expect(await cipherOrder('cluster', `${file}.not`, options)).toBeNull();
  });

  test('a server whose key is not known is refused, whatever the configuration says', async () => {
    const server = await startServer();
    const config = await server.configFile({ knownHosts: join(server.folder, 'empty') });
    await expect((await server.transport(config)).exec(['true'])).rejects.toMatchObject({
      code: 'CLUSTER_HOST_KEY_REFUSED',
    });
    const other = join(server.folder, 'other');
    await writeFile(
      other,
      `[127.0.0.1]:${server.port} ${(await readFile(join(server.folder, 'stranger.pub'), 'utf8')).trim()}\n`,
    );
    const changed = await server.transport(await server.configFile({ knownHosts: other }));
    await expect(changed.exec(['true'])).rejects.toMatchObject({ code: 'CLUSTER_HOST_KEY_REFUSED', retryable: true });
  });

  test('a refused key, a closed port and a silent host are three errors, all to be tried again', async () => {
    const server = await startServer();
    const refused = await server.transport(await server.configFile({ identity: join(server.folder, 'stranger') }));
    await expect(refused.exec(['true'])).rejects.toMatchObject({ code: 'CLUSTER_SIGN_IN_REFUSED', retryable: true });
    const closed = await server.transport(await server.configFile({ port: await freePort() }));
    await expect(closed.exec(['true'])).rejects.toMatchObject({ code: 'CLUSTER_UNREACHABLE', retryable: true });
    const proxy = await startProxy(server.port);
    proxy.freeze();
    const silent = await server.transport(await server.configFile({ port: proxy.port }));
    await expect(silent.exec(['true'], { timeoutMs: 700 })).rejects.toMatchObject({ code: 'CLUSTER_UNREACHABLE' });
  });

  test('a connection lost in the middle of a command is an error, and the next command has a new one', async () => {
    const server = await startServer();
    const proxy = await startProxy(server.port);
    const transport = await server.transport(await server.configFile({ port: proxy.port }));
    const running = transport.exec(['sleep', '600']);
    const stream = transport.stream(['sleep', '600']);
    while (proxy.open() === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    expect((await transport.exec(['echo', 'there'])).stdout).toBe('there\n');
    proxy.cut();
    await expect(running).rejects.toMatchObject({ code: 'CLUSTER_UNREACHABLE', retryable: true });
    await expect(stream.finished).rejects.toMatchObject({ code: 'CLUSTER_UNREACHABLE' });
    expect((await transport.exec(['echo', 'again'])).stdout).toBe('again\n');
  });

  test('a connection that went silent is not waited for twice', async () => {
    const server = await startServer();
    const proxy = await startProxy(server.port);
    const transport = await server.transport(await server.configFile({ port: proxy.port }));
    await transport.exec(['true']);
    proxy.freeze();
    await expect(transport.exec(['true'], { timeoutMs: 700 })).rejects.toMatchObject({ code: 'CLUSTER_UNREACHABLE' });
    proxy.thawNew();
    expect((await transport.exec(['echo', 'again'])).stdout).toBe('again\n');
  });

  test('a signal ends a command at once', async () => {
    const transport = await (await startServer()).transport();
    const stop = new AbortController();
    const running = transport.exec(['sleep', '600'], { signal: stop.signal });
    setTimeout(() => stop.abort(new Error('enough')), 300);
    await expect(running).rejects.toThrow('enough');
  });
});

test('a host that would be read as an option is refused', () => {
  expect(() => new SshTransport({ host: '-oProxyCommand=x', log })).toThrow(TypeError);
  expect(() => new SshTransport({ host: 'a b', log })).toThrow(TypeError);
});

interface Proxy {
  port: number;
  /** Connections that are open. */
  open(): number;
  /** Cuts all connections. */
  cut(): void;
  /** From now on nothing passes, and nothing is closed either. */
  freeze(): void;
  /** New connections pass again; the old ones stay silent. */
  thawNew(): void;
}

/** A network that can fail, before a port. */
async function startProxy(target: number): Promise<Proxy> {
  const pairs = new Set<[Socket, Socket]>();
  let frozen = false;
  const server = createServer((client) => {
    const upstream = createConnection(target, '127.0.0.1');
    const pair: [Socket, Socket] = [client, upstream];
    pairs.add(pair);
    for (const [from, to] of [pair, [upstream, client] as const]) {
      let silent = frozen;
      from.on('data', (chunk: Buffer) => {
        silent ||= frozen;
        if (!silent) to.write(chunk);
      });
      from.on('error', () => undefined);
      from.on('close', () => {
        to.destroy();
        pairs.delete(pair);
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const cut = (): void => {
    for (const pair of pairs) for (const socket of pair) socket.destroy();
  };
  onTestFinished(() => {
    cut();
    server.close();
  });
  return {
    port: (server.address() as AddressInfo).port,
    open: () => pairs.size,
    cut,
    freeze: () => (frozen = true),
    thawNew: () => (frozen = false),
  };
}
