import { createHash, randomBytes } from 'node:crypto';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { OmeroConfig } from '../../config/config.ts';
import { startTestOmero, type TestOmero } from '../../embedded/omero/testing.ts';
import { openPool } from '../../lib/database.ts';
import { OmeroSession } from '../session.ts';

let omero: TestOmero;
let config: OmeroConfig;

beforeAll(async () => {
  omero = await startTestOmero();
  const account = { user: 'bridge', password: 'bridge-secret', caFile: null, webUrl: null };
  config = { host: '127.0.0.1', port: omero.port, transport: 'tcp', tls: 'verify', ...account };
});
afterAll(() => omero?.drop());

async function as(user: string, group: string): Promise<OmeroSession> {
  const admin = await OmeroSession.signIn(config);
  const session = await admin.sudo(user, group);
  onTestFinished(async () => {
    await session.close();
    await admin.close();
  });
  return session;
}

async function datasets(session: OmeroSession, count: number): Promise<{ type: 'Dataset'; id: number }[]> {
  const ids = await Promise.all(Array.from({ length: count }, (_, i) => session.createDataset(`d${i}`, '')));
  return ids.map((id) => ({ type: 'Dataset', id }));
}

const idsOf = (targets: { id: number }[]): number[] => targets.map((t) => t.id);

describe('comments and tags', () => {
  test('a comment is given to each target once', async () => {
    const session = await as('alice', 'annotate');
    const targets = await datasets(session, 3);
    await session.addComment(targets.slice(0, 1), 'biomero.test', 'größer\nals');
    await session.addComment(targets, 'biomero.test', 'größer\nals');
    await session.addComment(targets, 'biomero.test', 'größer\nals');
    const found = await session.texts('Comment', 'Dataset', idsOf(targets));
    expect(found.map((a) => [a.ns, a.text])).toEqual(targets.map(() => ['biomero.test', 'größer\nals']));
    expect(new Set(found.map((a) => a.annotationId)).size).toBe(3);
    expect(await session.texts('Tag', 'Dataset', idsOf(targets))).toEqual([]);
    expect(await session.mapAnnotations('Dataset', idsOf(targets)), 'a comment is no map').toEqual([]);
  });

  test('a tag is one object for all targets, and one per user', async () => {
    const [alice, bob] = [await as('alice', 'annotate'), await as('bob', 'annotate')];
    const [alices, bobs] = [await datasets(alice, 2), await datasets(bob, 1)];
    await alice.addTag(alices.slice(0, 1), 'checked');
    await alice.addTag(alices, 'checked');
    await bob.addTag([...bobs, ...alices], 'checked');
    const found = await alice.texts('Tag', 'Dataset', idsOf([...alices, ...bobs]));
    expect(found.map((a) => a.text)).toEqual(['checked', 'checked', 'checked']);
    expect(new Set(found.map((a) => a.annotationId)).size, "alice's and bob's").toBe(2);
  });

  test("OMERO's rules hold: nobody comments on a colleague's data in a read-only group", async () => {
    const targets = await datasets(await as('alice', 'readonly'), 1);
    const bob = await as('bob', 'readonly');
    await expect(bob.addComment(targets, 'n', 'x')).rejects.toMatchObject({ code: 'OMERO_NOT_PERMITTED' });
    await expect(bob.addTag(targets, 'x')).rejects.toMatchObject({ code: 'OMERO_NOT_PERMITTED' });
  });
});

describe('files', () => {
  async function local(name: string, content: Uint8Array): Promise<string> {
    const path = join(omero.directory, name);
    await writeFile(path, content);
    return path;
  }
  /** Ids of all files that OMERO knows, and the names of those that it keeps. */
  async function storedFiles(): Promise<unknown> {
    const pool = openPool(omero.database.url, { max: 1 });
    try {
      const { rows } = await pool.query(
        `select id from omero_standin.objects where class = 'OriginalFile' order by id`,
      );
      return [rows, (await readdir(join(omero.directory, 'Files'))).toSorted()];
    } finally {
      await pool.end();
    }
  }
  const about = { name: 'Größe.csv', mimetype: 'text/csv', ns: 'biomero.test' };

  test.each([0, 1, (4 << 20) - 1, 4 << 20, (9 << 20) + 7])(
    '%i bytes go up and come down as they were',
    async (size) => {
      const session = await as('alice', 'annotate');
      const [target] = await datasets(session, 1);
      if (!target) throw new Error('no dataset');
      const content = randomBytes(size);
      const path = await local(`up-${size}`, content);
      const { fileId } = await session.attachFile(target, { path, ...about });
      const hash = createHash('sha1').update(content).digest('hex');
      expect(await session.attachedFiles('Dataset', [target.id])).toEqual([
        expect.objectContaining({ targetId: target.id, fileId, name: about.name, ns: about.ns, size, hash }),
      ]);
      const down = join(omero.directory, `down-${size}`);
      await session.downloadFile(fileId, down);
      expect((await readFile(down)).equals(content)).toBe(true);
      expect((await stat(down)).mode & 0o777).toBe(0o600);
      await expect(session.downloadFile(fileId, down), 'never over a file').rejects.toThrow(/EEXIST/);

      expect(await session.attachFile(target, { path, ...about }), 'it hangs there already').toEqual({ fileId });
      await writeFile(path, 'other');
      expect((await session.attachFile(target, { path, ...about })).fileId).not.toBe(fileId);
    },
  );

  test('a file that changed inside OMERO is not given out', async () => {
    const session = await as('alice', 'annotate');
    const [target] = await datasets(session, 1);
    if (!target) throw new Error('no dataset');
    const { fileId } = await session.attachFile(target, { path: await local('whole', randomBytes(1000)), ...about });
    const down = join(omero.directory, 'damaged');
    for (const bytes of [1000, 999]) {
      await writeFile(join(omero.directory, 'Files', String(fileId)), randomBytes(bytes));
      await expect(session.downloadFile(fileId, down)).rejects.toMatchObject({ code: 'OMERO_FILE_DAMAGED' });
      await expect(stat(down), 'nothing is left').rejects.toThrow(/ENOENT/);
    }
  });

  test('nothing is left in OMERO of a file that may not be attached', async () => {
    const [target] = await datasets(await as('alice', 'readonly'), 1);
    if (!target) throw new Error('no dataset');
    const bob = await as('bob', 'readonly');
    const path = await local('refused', randomBytes(10));
    const before = await storedFiles();
    const refused = bob.attachFile(target, { path, ...about });
    await expect(refused).rejects.toMatchObject({ code: 'OMERO_NOT_PERMITTED' });
    expect(await storedFiles()).toEqual(before);
    expect(await bob.attachedFiles('Dataset', [target.id])).toEqual([]);
  });

  test("a stranger's download says that there is no such file", async () => {
    const session = await as('alice', 'private');
    const [target] = await datasets(session, 1);
    if (!target) throw new Error('no dataset');
    const { fileId } = await session.attachFile(target, { path: await local('own', randomBytes(10)), ...about });
    const bob = await as('bob', 'private');
    const down = join(omero.directory, 'stolen');
    await expect(bob.downloadFile(fileId, down)).rejects.toMatchObject({ code: 'OMERO_OBJECT_GONE' });
    await expect(stat(down)).rejects.toThrow(/ENOENT/);
  });
});
