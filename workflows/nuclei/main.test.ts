import { spawn } from 'node:child_process';
import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { fromFile } from 'geotiff';
import { describe, expect, it } from 'vitest';
import { makeSampleImages } from '../../src/embedded/sample/images.ts';
import { ownProgram } from '../../src/lib/package-root.ts';
import { temporaryFolder } from '../../test/support/temporary-folder.ts';
import { encodeMask, outputNames } from './analyse-folder.ts';

interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

async function run(...args: string[]): Promise<Ended> {
  const [command = '', ...words] = ownProgram('workflows/nuclei/main');
  const child = spawn(command, [...words, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const out = { code: null, stdout: '', stderr: '' } as Ended;
  child.stdout.on('data', (chunk: Buffer) => (out.stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (out.stderr += chunk.toString()));
  out.code = await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve));
  return out;
}

async function folders(): Promise<{ input: string; output: string; args: string[] }> {
  const folder = await temporaryFolder('nuclei');
  const [input, output] = [join(folder, 'data', 'in'), join(folder, 'data', 'out')];
  await mkdir(input, { recursive: true });
  return { input, output, args: ['--infolder', input, '--outfolder', output, '--local', '-nmc'] };
}

describe('the nuclei program', () => {
  it('writes a mask per image and a table that agrees with the masks', async () => {
    const { input, output, args } = await folders();
    const images = await makeSampleImages(input, { seed: 11, count: 2, size: 256 });
    const ended = await run(...args, '--diameter=0', '--threshold', 'otsu');
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(ended.stdout.match(/^\d+%$/gm)?.at(-1)).toBe('100%');
    expect((await readdir(output)).sort()).toEqual([
      'measurements.csv',
      'nuclei_01_labels.ome.tif',
      'nuclei_02_labels.ome.tif',
    ]);
    const rows = parse(await readFile(join(output, 'measurements.csv')), { columns: true }) as Record<string, string>[];
    for (const name of ['nuclei_01', 'nuclei_02']) {
      const tiff = await fromFile(join(output, `${name}_labels.ome.tif`));
      const image = await tiff.getImage();
      const [mask] = (await image.readRasters()) as unknown as [Uint16Array];
      expect(mask).toBeInstanceOf(Uint16Array);
      expect(String(await image.fileDirectory.loadValue('ImageDescription'))).toContain('PhysicalSizeX="0.325"');
      await tiff.close();
      const areas = new Map<number, number>();
      for (const label of mask) if (label) areas.set(label, (areas.get(label) ?? 0) + 1);
      const own = rows.filter((r) => r['image'] === `${name}.ome.tif`);
      expect(own.map((r) => Number(r['label']))).toEqual(Array.from(own, (_, i) => i + 1));
      expect(own.map((r) => Number(r['area_px']))).toEqual(own.map((r) => areas.get(Number(r['label']))));
      expect(areas.size).toBe(own.length);
      for (const r of own) expect(Number(r['area_um2'])).toBeCloseTo(Number(r['area_px']) * 0.325 ** 2, 2);
    }
    expect(Math.abs(rows.length - images.reduce((sum, i) => sum + i.nuclei, 0))).toBeLessThanOrEqual(1);
  });

  it('goes on after an image that it cannot read, names it and ends with 1', async () => {
    const { input, output, args } = await folders();
    const [image] = await makeSampleImages(input, { seed: 2, count: 1, size: 128 });
    await writeFile(join(input, 'a text.tif'), 'not an image');
    await writeFile(join(input, 'cut.tif'), (await readFile(image!.path)).subarray(0, 9000));
    await writeFile(join(input, 'notes.txt'), 'ignored');
    const ended = await run(...args);
    expect(ended.code).toBe(1);
    expect(ended.stderr).toMatch(/"a text\.tif": it is not a TIFF file\n"cut\.tif": /);
    expect((await readdir(output)).sort()).toEqual(['measurements.csv', 'nuclei_01_labels.ome.tif']);
  });

  it.each(['nothing', 'only a bad file'])('ends with 1 when there is %s', async (what) => {
    const { input, args } = await folders();
    if (what !== 'nothing') await writeFile(join(input, 'x.tiff'), '');
    const ended = await run(...args);
    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain('No TIFF image in');
  });

  it('ends with 2 and says how it is used when the command line is wrong', async () => {
    const ended = await run('--infolder', 'x', '--outfolder', 'y', '--fast');
    expect(ended.code).toBe(2);
    expect(ended.stderr).toMatch(/Unknown option "--fast"[\s\S]*Usage: nuclei/);
  });

  it('ends with 1 when the input folder is not there', async () => {
    expect(await run('--infolder', '/nonexistent/in', '--outfolder', '/nonexistent/out')).toMatchObject({ code: 1 });
  });

  it('keeps apart images whose masks would have one name', async () => {
    const { input, output, args } = await folders();
    const [image] = await makeSampleImages(input, { seed: 2, count: 1, size: 64 });
    await copyFile(image!.path, join(input, 'nuclei_01.tif'));
    expect((await run(...args)).code).toBe(0);
    expect((await readdir(output)).sort()).toEqual([
      'measurements.csv',
      'nuclei_01.ome.tif_labels.ome.tif',
      'nuclei_01.tif_labels.ome.tif',
    ]);
  });
});

describe('outputNames', () => {
  it('drops the ending of TIFF and OME-TIFF in any case', () => {
    expect([...outputNames(['a.OME.TIF', 'b.tiff', 'c.d.tif']).values()]).toEqual([
      'a_labels.ome.tif',
      'b_labels.ome.tif',
      'c.d_labels.ome.tif',
    ]);
  });
});

describe('encodeMask', () => {
  it('refuses more labels than 16 bit can number', () => {
    const labels = (count: number): Parameters<typeof encodeMask>[0] => ({
      width: 1,
      height: 1,
      count,
      data: Int32Array.of(count),
    });
    expect(() => encodeMask(labels(65_535), 'x', null)).not.toThrow();
    expect(() => encodeMask(labels(65_536), 'x', null)).toThrow(/65536 objects/);
  });
});
