import { execFile, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { createServer as createHttp } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { pino } from 'pino';
import { readConfig } from '../../src/config/load.ts';
import { packageFile } from '../../src/lib/package-root.ts';
import { OmeroAccess } from '../../src/omero/access.ts';
import type { OmeroSession } from '../../src/omero/session.ts';
import { deployFile, deployText } from '../support/compose-file.ts';
import { describeWithPart, findExecutable } from '../support/optional-part.ts';
import { QuickStartFolder, type Started } from '../support/quick-start.ts';

/*
 * The scripts as BIOMERO's SLURM_Run_Workflow.py calls them, with the parameters that it sends, against a real quick start.
 * OMERO's Python modules are played: they have no package that runs here.
 */
const python = process.env['BIOMERO_PYTHON'] ?? findExecutable('python3') ?? '';
const scripts = ['SLURM_Import_Results.py', 'SLURM_Get_Results.py'] as const;
type Script = (typeof scripts)[number];
type Inputs = Record<string, boolean | number | string | string[] | number[]>;
interface End {
  code: number | string;
  outputs: Record<string, string>;
  text: string;
}

describeWithPart('Python peers', python !== '', "OMERO's scripts", () => {
  const folder = new QuickStartFolder({ environment: { BIOMERO_BRIDGE_CLEANUP: 'false' } });
  const own = mkdtempSync(join(tmpdir(), 'bb-scripts-'));
  let started: Started;
  let address = '';
  let before: {
    id: string;
    job_id: number;
    user_name: string;
    group_name: string;
    input_id: number;
    destination_id: number;
  };

  beforeAll(async () => {
    started = folder.start('--seed', '5');
    address = (await folder.until(started, async () => /(http:\/\/\S+)\/\?token=/.exec(started.output())))[1] ?? '';
    writeFileSync(join(own, 'token'), folder.cli('token', 'create', 'scripts', '--scope', 'import'));
    const runs = await folder.connect('biomero');
    try {
      before = await folder.until(started, async () => {
        const { rows } = await runs.query(
          `select id, job_id, user_name, group_name, input_id::int, destination_id::int from bridge.runs where outcome = 'done'`,
        );
        return rows[0] as typeof before | undefined;
      });
      await folder.until(started, async () => /Page +\S+\/runs\//.test(started.output()));
      // As if BIOMERO itself had run it: its log knows the job, and we do not.
      await runs.query('delete from bridge.runs');
    } finally {
      await runs.end();
    }
  }, 180_000);
  afterAll(async () => {
    await folder.remove();
    rmSync(own, { recursive: true, force: true });
  });

  /** Asks the stand-in of OMERO as the user of the runs. */
  async function inOmero<T>(work: (session: OmeroSession) => Promise<T>): Promise<T> {
    const { config } = await readConfig(folder.environment() ?? {}, ['omero']);
    const omero = new OmeroAccess(config.omero, pino({ level: 'silent' }));
    try {
      return await omero.as(before.user_name, before.group_name, work);
    } finally {
      await omero.close();
    }
  }

  let number = 0;
  async function run(script: Script, inputs: Inputs, env: Record<string, string> = {}, objects: unknown[] = []) {
    const files = join(own, String(++number));
    mkdirSync(files);
    writeFileSync(join(files, 'in'), JSON.stringify(inputs));
    const session = { user: before.user_name, group: before.group_name, objects, next: 77 };
    const { code, text } = await new Promise<Pick<End, 'code' | 'text'>>((resolve) => {
      const variables = {
        PATH: process.env['PATH'],
        PYTHONPATH: packageFile('test/interop/omero_py'),
        PYTHONDONTWRITEBYTECODE: '1',
        // A proxy of the site is not asked: it knows no names of containers.
        http_proxy: 'http://127.0.0.1:9',
        SCRIPT_INPUTS: join(files, 'in'),
        SCRIPT_OUTPUTS: join(files, 'out'),
        SCRIPT_SESSION: JSON.stringify(session),
        BIOMERO_BRIDGE_URL: address,
        BIOMERO_BRIDGE_TOKEN_FILE: join(own, 'token'),
        BIOMERO_BRIDGE_POLL_SECONDS: '0.2',
        ...env,
      };
      execFile(python, [deployFile(`omero-scripts/${script}`)], { env: variables }, (error, stdout, stderr) =>
        resolve({ code: error?.code ?? 0, text: stdout + stderr }),
      );
    });
    const outputs = JSON.parse(readFileSync(join(files, 'out'), 'utf8')) as Record<string, string>;
    return { code, outputs, text } satisfies End;
  }

  /** What SLURM_Run_Workflow.py sends to either script. */
  const sent = (job: number | string): Inputs => ({
    'Completed Job': true,
    'SLURM Job Id': String(job),
    'Cleanup?': false,
    'Output - Attach as zip to project?': false,
    Project: ['1: Project of the dataset'],
    'Output - Attach as zip to dataset?': false,
    'Output - Attach as zip to plate?': false,
    'Output - Add as attachment to original images': true,
    'Output - Add as new images in NEW dataset': true,
    'New Dataset': 'Results of nuclei',
    'Allow duplicate?': false,
    'Rename imported files?': false,
    'Output - Add csv files as OMERO.table': false,
    ROI_Target_Image_IDs: [1, 2],
    workflow_uuid: before.id,
    Log_Fallback_Target: 'Dataset:1',
  });
  const sentToImport = (job: number | string): Inputs => ({
    ...sent(job),
    'Output - Add as new images in NEW screen': false,
    Import_Label_Zarrs: true,
    Import_Only_Labels: true,
    Test_Write_Permissions_Only: false,
  });

  test('the parameters are those that callers know, and nothing else runs while OMERO asks for them', () => {
    for (const script of scripts) {
      const { stdout, status } = spawnSync(python, [deployFile(`omero-scripts/${script}`)], {
        encoding: 'utf8',
        env: {
          PATH: process.env['PATH'],
          PYTHONPATH: packageFile('test/interop/omero_py'),
          PYTHONDONTWRITEBYTECODE: '1',
          SCRIPT_PARSE: '1',
        },
      });
      expect(status).toBe(0);
      const found = JSON.parse(stdout) as [string, string, boolean, unknown][];
      const names = found.map(([, name]) => name);
      const wanted = Object.keys(script === 'SLURM_Import_Results.py' ? sentToImport(1) : sent(1));
      expect(wanted.filter((name) => !names.includes(name))).toEqual([]);
      // Required without a default: what no caller leaves out.
      expect(found.filter(([, , optional, fallback]) => !optional && fallback === null).map(([, n]) => n)).toEqual([
        'SLURM Job Id',
      ]);
      const [attach] = found.filter(([, name]) => name === 'Output - Add as attachment to original images');
      expect(attach?.[3]).toBe(script === 'SLURM_Get_Results.py');
    }
  });

  test('what the two scripts do stands in both, word for word', () => {
    const [one, two] = scripts.map((script) => deployText(`omero-scripts/${script}`).split('# ---- what follows')[1]);
    expect(one).toBe(two);
    expect(one?.length).toBeGreaterThan(3000);
  });

  test('before there is a job, the dry run says whether results can be stored', async () => {
    const dry = { ...sentToImport('1'), Test_Write_Permissions_Only: true };
    const { outputs } = await run('SLURM_Import_Results.py', dry);
    expect(outputs['Message']).toMatch(/^Results of group 'demo' can be stored at \/.*demo\.$/);
  });

  test('a job is handed over, followed and reported; a second call finds the same', async () => {
    const first = await run('SLURM_Import_Results.py', sentToImport(before.job_id), {}, [['Dataset', 'Other', 4]]);
    expect(first.text).toContain(`Images from SLURM job ${before.job_id} (Workflow ${before.id})`);
    expect(first.code).toBe(0);
    // The dataset that the played session made is not in the stand-in of OMERO.
    expect(first.outputs['Message']).toMatch(/^FAILED: /);
    const originals = await inOmero((session) => session.imagesIn(before.input_id));
    const inputs = {
      ...sentToImport(before.job_id),
      Dataset_ID: before.destination_id,
      ROI_Target_Image_IDs: originals.map((image) => image.id),
      'Output - Attach as zip to dataset?': true,
      Dataset_Attach: [`${before.input_id}: Sample images`, 'no id'],
      'Rename imported files?': true,
      Rename: '{original_file}_IMPORTED.{ext}',
      'Output - Add csv files as OMERO.table': true,
      Create_ROIs: true,
      ROI_Name_Prefix: 'nuclei__',
      ROI_Color: '#00ff00',
      ROI_Clear_Existing: true,
      ROI_Clear_Filter: 'nuclei__',
      ROI_Delete_Label_Images: true,
    };
    const second = await run('SLURM_Import_Results.py', inputs);
    expect(second.outputs['Workflow_UUID']).toBe(before.id);
    const message = second.outputs['Message'] ?? '';
    expect(message).toMatch(/Archive: \/.*\.analyzed.* (\d+) of \1 images in Dataset \d+\./);
    expect(message).not.toContain('FAILED:');
    const n = originals.length;
    expect(message).toContain(`Attached: 1 zip, 1 log, 1 OMERO.table, ${n} image on an original.`);
    expect(message).toContain(`${n} images renamed in OMERO.`);
    const rois = await inOmero((session) => session.roisOf(originals.map((image) => image.id)));
    expect(new Set(rois.map((roi) => roi.imageId)).size).toBe(n);
    expect(rois.every((roi) => /^nuclei__[1-9]/.test(roi.name) && roi.shapes.every((s) => s.kind === 'polygon'))).toBe(
      true,
    );
    expect(message).toContain(`${rois.length} ROIs on original images.`);
    expect(message).toContain('not done by biomero-bridge: ROI_Delete_Label_Images.');
    expect(second.text).toContain("Dataset_Attach: 'no id' names no dataset, and is left out.");
    expect(second.outputs['URL']).toMatch(/^href=https:\/\/omero\.example\.org\/webclient\/get_original_file\/\d+\/ /);
    const attached = await inOmero((session) => session.attachedFiles('Dataset', [before.input_id]));
    const zip = attached.find((file) => file.name === `${before.job_id}_out.zip`);
    expect(second.outputs['File_Annotation']).toBe(`FileAnnotationI:${zip?.annotationId}`);
    const names = (await inOmero((session) => session.imagesIn(before.destination_id))).map((image) => image.name);
    expect(names.filter((name) => name.endsWith('_IMPORTED.ome.tif'))).toHaveLength(n);
    const hung = await inOmero((session) =>
      session.attachedFiles(
        'Image',
        originals.map((image) => image.id),
      ),
    );
    expect(new Set(hung.map((file) => file.targetId)).size).toBe(n);

    const third = await run('SLURM_Get_Results.py', { ...sent(before.job_id), Dataset_ID: before.destination_id });
    expect(third.outputs['Message']).toBe(message.replace(/ Asked for, and not done .*?\./, ''));
  }, 120_000);

  test('without a dataset or a screen no image is imported, and the rest is done', async () => {
    const runs = await folder.connect('biomero');
    await runs.query('delete from bridge.runs').finally(() => runs.end());
    const inputs = {
      ...sentToImport(before.job_id),
      'Output - Add as new images in NEW dataset': false,
      'Output - Add as attachment to original images': false,
      'Output - Add csv files as OMERO.table': true,
      'Dataset for table': [`${before.input_id}: Sample images`],
    };
    const { outputs } = await run('SLURM_Import_Results.py', inputs);
    expect(outputs['Message']).toContain('its images were not to be imported');
    // The log goes where the caller wants it when there is no other place.
    expect(outputs['Message']).toContain('Attached: 1 log, 1 OMERO.table.');
    expect(outputs['URL']).toContain('/webclient/get_original_file/');
  }, 180_000);

  test('what is wrong is told to people, and the token goes nowhere else', async () => {
    const unknown = await run('SLURM_Import_Results.py', { ...sentToImport(999_999), workflow_uuid: '' });
    expect(unknown.outputs['Message']).toMatch(/^FAILED: .*999999/);
    expect((await run('SLURM_Get_Results.py', sent('x; rm'))).outputs['Message']).toContain('no id of a Slurm job');
    const dry = { ...sentToImport('1'), Test_Write_Permissions_Only: true };
    writeFileSync(join(own, 'other'), 'bbt_wrong\n');
    const wrong = await run('SLURM_Import_Results.py', dry, { BIOMERO_BRIDGE_TOKEN_FILE: join(own, 'other') });
    expect(wrong.outputs['Message']).toMatch(/^FAILED: .*token/i);
    const none = await run('SLURM_Import_Results.py', dry, { BIOMERO_BRIDGE_TOKEN_FILE: join(own, 'none') });
    expect(none.outputs['Message']).toMatch(/^FAILED: .*none cannot be read \(No such file/);
    const gone = createServer().listen(0, '127.0.0.1');
    await once(gone, 'listening');
    const { port } = gone.address() as AddressInfo;
    await new Promise((resolve) => gone.close(resolve));
    const away = await run('SLURM_Import_Results.py', dry, {
      BIOMERO_BRIDGE_URL: `http://127.0.0.1:${port}`,
      BIOMERO_BRIDGE_PATIENCE_SECONDS: '0.5',
    });
    expect(away.outputs['Message']).toMatch(/^FAILED: biomero-bridge does not answer at http:.*refused/);
    expect(away.text).toContain('Trying again.');
    const seen: (string | undefined)[] = [];
    const thief = createHttp((request, response) => {
      seen.push(request.headers.authorization);
      response.writeHead(seen.length === 1 ? 302 : 200, { location: `${address}/api/imports/x` }).end('{}');
    }).listen(0, '127.0.0.1');
    await once(thief, 'listening');
    onTestFinished(() => void thief.close());
    const redirected = await run('SLURM_Import_Results.py', dry, {
      BIOMERO_BRIDGE_URL: `http://127.0.0.1:${(thief.address() as AddressInfo).port}`,
    });
    expect(redirected.outputs['Message']).toBe('FAILED: biomero-bridge answers with 302 Found.');
    for (const { text } of [wrong, away, redirected]) expect(text).not.toContain('bbt_');
  }, 180_000);
});
