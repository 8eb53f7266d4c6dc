import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { temporaryFolder } from '../../test/support/temporary-folder.ts';
import type { WorkflowConfig } from '../config/config.ts';
import { descriptorAddresses, loadDescriptor } from './load-descriptor.ts';

const text = (name: string): string =>
  JSON.stringify({ name, 'schema-version': 'biomero-0.1', inputs: [], 'command-line': '', description: '' });
const workflow = (repository: string | null): WorkflowConfig => ({
  name: 'wf',
  folder: 'wf',
  repository,
  job: 'jobs/wf.sh',
  useGpu: false,
  flags: {},
});

test('addresses are those that BIOMERO tries', () => {
  const names = ['descriptor.json', 'descriptor.yaml', 'config.yaml'];
  const raw = (ref: string): string[] => names.map((name) => `https://github.com/o/r/raw/${ref}/${name}`);
  expect(descriptorAddresses('https://github.com/o/r')).toEqual(raw('master'));
  expect(descriptorAddresses('https://github.com/o/r/tree/v1.0')).toEqual(raw('v1.0'));
  expect(descriptorAddresses('https://github.com/o/r/tree/v1.0/sub/d.yaml')).toEqual([
    'https://github.com/o/r/raw/v1.0/sub/d.yaml',
  ]);
  expect(descriptorAddresses('https://host/x.json')).toEqual(['https://host/x.json']);
});

test("the site's folder wins, then the workflow's own place; neither is no descriptor", async () => {
  const folder = await temporaryFolder('descriptors');
  const config = { folder: join(folder, 'site'), cacheDir: join(folder, 'cache') };
  await mkdir(join(folder, 'repo'));
  await writeFile(join(folder, 'repo', 'config.yaml'), text('repo'));
  expect(await loadDescriptor(workflow(null), config)).toBeNull();
  expect((await loadDescriptor(workflow(join(folder, 'repo')), config))?.descriptor.name).toBe('repo');
  await mkdir(join(folder, 'site', 'wf'), { recursive: true });
  await writeFile(join(folder, 'site', 'wf', 'descriptor.json'), text('site'));
  expect((await loadDescriptor(workflow(join(folder, 'repo')), config))?.descriptor.name).toBe('site');
  await expect(loadDescriptor(workflow('/nowhere'), undefined)).rejects.toMatchObject({
    code: 'DESCRIPTOR_UNAVAILABLE',
  });
});

test('an address is asked once an hour, and its last answer serves while it is silent', async () => {
  const asked: string[] = [];
  let state: 'good' | 'down' | 'huge' = 'good';
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    if (state === 'down') response.writeHead(503).end();
    else if (state === 'huge') response.end('x'.repeat(2 * 1024 * 1024));
    else if (request.url?.endsWith('.yaml')) response.end(text('remote'));
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/repo`;
  const config = { folder: null, cacheDir: join(await temporaryFolder('descriptors'), 'cache') };
  let now = new Date('2026-01-01T00:00:00Z');
  const load = () => loadDescriptor(workflow(address), config, () => now);
  expect((await load())?.descriptor.name).toBe('remote');
  expect(asked).toEqual(['/repo/descriptor.json', '/repo/descriptor.yaml']);
  expect(await load()).toMatchObject({ staleSince: null });
  expect(asked).toHaveLength(2);
  for (state of ['down', 'huge'] as const) {
    now = new Date(now.getTime() + 3_700_000);
    expect(await load()).toMatchObject({ staleSince: new Date('2026-01-01T00:00:00Z') });
  }
  expect(asked).toHaveLength(4);
  const empty = { folder: null, cacheDir: join(await temporaryFolder('descriptors'), 'cache') };
  await expect(loadDescriptor(workflow(address), empty)).rejects.toMatchObject({
    code: 'DESCRIPTOR_UNAVAILABLE',
    retryable: true,
  });
});
