import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readConfig } from '../../src/config/load.ts';
import type { Role } from '../../src/config/roles.ts';
import { settings } from '../../src/config/settings-table.ts';
import {
  deployFile,
  deployText,
  interpolate,
  mountsOf,
  onHost,
  rawCompose,
  readVariables,
  variablesOf,
  type ComposeFile,
  type Service,
} from '../support/compose-file.ts';

// Each file against what the code reads and needs, as far as that can be told without starting containers.

const ours: Readonly<Record<string, Role>> = {
  'bridge-worker': 'worker',
  'biomero-importer': 'importer',
  'bridge-web': 'web',
};
const table = new Map<string, (typeof settings)[number]>(settings.map((setting) => [setting.name, setting]));
/** Read by others than our settings: the time zone by the system. */
const foreign = ['TZ'];
const dockerfile = deployText('Dockerfile');
/** What the image sets for every role. */
const imageEnvironment = Object.fromEntries(
  [...(/^ENV ((?:.*\\\n)*.*)$/m.exec(dockerfile)?.[1] ?? '').matchAll(/(\w+)=(\S+)/g)].map(([, k, v]) => [k, v]),
) as Record<string, string>;

let site: string;
let env: Record<string, string>;

beforeAll(() => {
  site = mkdtempSync(join(tmpdir(), 'bb-deploy-'));
  execFileSync(deployFile('prepare.sh'), [site], { stdio: 'pipe' });
  env = readVariables(execFileSync('cat', [join(site, '.env')], { encoding: 'utf8' }));
});
afterAll(() => rmSync(site, { recursive: true, force: true }));

const service = (compose: ComposeFile, name: string): Service => {
  const found = compose.services[name];
  if (!found) throw new Error(`there is no ${name}`);
  return found;
};

/** The variables of a container, as text. */
const environmentOf = (of: Service): Record<string, string> => ({
  ...imageEnvironment,
  ...Object.fromEntries(Object.entries(of.environment ?? {}).map(([k, v]) => [k, String(v ?? '')])),
});

/** The same, with paths that lead to where the mounts have their files here. */
const environmentHere = (compose: ComposeFile, of: Service): Record<string, string> =>
  Object.fromEntries(
    Object.entries(environmentOf(of)).map(([name, value]) => [name, onHost(compose, of, value, site) ?? value]),
  );

const settingName = (name: string): string => (table.has(name) ? name : name.replace(/_FILE$/, ''));
const isPath = (name: string): boolean => /path|folder/.test(table.get(name)?.form ?? '') || name.endsWith('_FILE');

for (const name of ['docker-compose.yml', 'docker-compose.add-on.yml'] as const)
  describe(name, () => {
    let compose: ComposeFile;
    beforeAll(() => {
      const more = name === 'docker-compose.yml' ? {} : readVariables(deployText('add-on.env.example'));
      compose = interpolate(name, { ...env, ...more });
    });

    for (const [container, role] of Object.entries(ours)) {
      test(`${container} starts with what it is given: nothing wrong, missing or unknown`, async () => {
        const of = service(compose, container);
        const { config, problems } = await readConfig(environmentHere(compose, of), [role]);
        expect(problems).toEqual([]);
        expect(config.notes).toEqual([]);
        expect(config.importerEnabled).toBe(true);
        expect(config.storage.baseDir).toBe('/data');
        expect(config.databases.orders).toMatch(/^postgresql:\/\/biomero:\w{48}@database-biomero:5432\/biomero$/);
        expect(config.omero.password).toBe(env['OMERO_ROOT_PASSWORD']);
        expect(of.command).toBe(role);
      });

      test(`${container} is given every setting that ${role} must have`, async () => {
        const { problems } = await readConfig({ IMPORTER_ENABLED: 'true' }, [role]);
        const given = new Set(Object.keys(service(compose, container).environment ?? {}).map(settingName));
        expect(problems.length).toBeGreaterThan(1);
        expect(problems.map((problem) => problem.key).filter((key) => !given.has(key))).toEqual([]);
      });

      test(`${container}: every variable is one that is read`, () => {
        const names = Object.keys(environmentOf(service(compose, container)));
        const unread = names.filter(
          (key) =>
            !table.has(settingName(key)) && !foreign.includes(key) && !['HOME', 'LANG', 'NODE_ENV'].includes(key),
        );
        expect(unread).toEqual([]);
        expect(names.every((key) => !key.endsWith('_FILE') || table.has(key) || isSecretFile(key))).toBe(true);
      });

      test(`${container}: every path leads into a mount or the image, every mount is one that is read`, () => {
        const of = service(compose, container);
        const all = environmentOf(of);
        const paths = Object.entries(all).filter(([key, value]) => value.startsWith('/') && isPath(key));
        const astray = paths.filter(
          ([key, value]) => onHost(compose, of, value, site) === null && !(key in imageEnvironment),
        );
        expect(astray).toEqual([]);
        const home = `${imageEnvironment['HOME']}/.ssh`;
        // OMERO's managed repository, where the importer makes links; only the server knows its path.
        const known = ['/data', ...(role === 'importer' ? ['/OMERO'] : [home])];
        const read = [...known, ...paths.map(([, value]) => value)];
        const unread = mountsOf(of).filter((m) => !read.some((p) => p === m.target || p.startsWith(`${m.target}/`)));
        expect(unread).toEqual([]);
        const used = Object.values(all).filter((v) => v.startsWith('/run/secrets/'));
        expect((of.secrets ?? []).filter((s) => !used.includes(`/run/secrets/${s}`))).toEqual([]);
        expect((of.secrets ?? []).every((s) => s in compose.secrets)).toBe(true);
      });

      test(`${container} does not run as root, is watched, and cannot change its configuration`, () => {
        const of = service(compose, container);
        expect(of.user).toBe('1000:994');
        expect([of.build?.args['BRIDGE_UID'], of.build?.args['BRIDGE_GID']].join(':')).toBe(of.user);
        expect(of.healthcheck?.test).toEqual(['CMD-SHELL', 'biomero-bridge health || exit 1']);
        // The pages save group mappings.
        const written = role === 'web' ? /(biomero-config|group-mappings)\.json$/ : /^$/;
        const configuration = mountsOf(of).filter((m) => /^\/opt|\.ssh$/.test(m.target) && !written.test(m.target));
        expect(configuration.length).toBeGreaterThan(2);
        expect(configuration.filter((m) => !m.readOnly)).toEqual([]);
      });
    }

    test('no secret stands in a variable of ours', () => {
      const shown = Object.keys(ours).flatMap((container) =>
        Object.entries(service(compose, container).environment ?? {}).filter(([key, value]) => {
          const setting = table.get(key);
          return setting && 'secret' in setting && setting.secret && value !== '';
        }),
      );
      expect(shown).toEqual([]);
    });

    test('the importer has the client of the image that OMERO.server runs', () => {
      const image = service(compose, 'biomero-importer').build?.args['OMERO_SERVER_IMAGE'];
      expect(image).toBe(env['OMERO_SERVER_IMAGE']);
      const server = service(compose, 'omeroserver').image;
      expect(server ?? image).toBe(image);
    });

    test("the scripts that OMERO takes are ours, and the worker's processor can reach the pages", () => {
      const scripts = mountsOf(service(compose, 'omeroserver')).filter((m) => m.source.includes('omero-scripts'));
      const from = name === 'docker-compose.yml' ? '..' : '../biomero-bridge';
      expect(scripts).toEqual(
        ['SLURM_Import_Results.py', 'SLURM_Get_Results.py'].map((script) => ({
          source: `${from}/deploy/omero-scripts/${script}`,
          target: `/opt/omero/server/OMERO.server/lib/scripts/biomero/_data/${script}`,
          readOnly: true,
        })),
      );
      // An engine makes a folder of a file that is missing.
      expect(scripts.filter((m) => !existsSync(deployFile(m.source.replace(/^.*\/deploy\//, ''))))).toEqual([]);
      expect(mountsOf(service(compose, 'biomeroworker'))).toContainEqual({
        source: './biomero-bridge',
        target: '/opt/omero/server/biomero-bridge',
        readOnly: true,
      });
    });
  });

const isSecretFile = (key: string): boolean => {
  const setting = table.get(settingName(key));
  return setting !== undefined && 'file' in setting && setting.file === true;
};

test('both files give our services the same, but for what only an existing site needs', () => {
  const raw = ['docker-compose.yml', 'docker-compose.add-on.yml'].map((name) => rawCompose(name).services);
  for (const container of Object.keys(ours)) {
    const [whole, added] = raw.map((services) => {
      const text = JSON.stringify(services[container])
        .replaceAll('../biomero-bridge', '..')
        .replaceAll('service_started', 'service_healthy')
        .replace('"privileged":false,', '')
        .replaceAll('"OMERO_PORT":"${OMERO_PORT:-4064}",', '')
        .replace('"OMERO_PASSWORD":"","INGEST_TRACKING_DB_URL":"",', '');
      return JSON.parse(text) as unknown;
    });
    expect(added).toEqual(whole);
  }
});

describe('the whole site', () => {
  const raw = rawCompose('docker-compose.yml');

  test('has the storage at one path everywhere, which is base_dir', () => {
    const { base_dir: root } = parse(deployText('examples/settings.yml')) as { base_dir: string };
    const mounts = Object.entries(raw.services).flatMap(([name, of]) =>
      (of.volumes ?? []).filter((v) => v.includes('STORAGE_PATH')).map((v) => [name, v.replace(/^\$\{[^}]*\}:/, '')]),
    );
    expect(Object.fromEntries(mounts)).toEqual({
      'bridge-worker': root,
      'biomero-importer': root,
      'bridge-web': root,
      omeroserver: `${root}:ro`,
      'omeroworker-1': `${root}:ro`,
      biomeroworker: root,
      omeroweb: `${root}:rw`,
    });
    for (const name of ['omeroserver', 'biomero-importer', 'omeroworker-1', 'biomeroworker'])
      expect(raw.services[name]?.volumes).toContain('omero:/OMERO');
  });

  test('has biomeroworker as the specification writes it', () => {
    const worker = service(raw, 'biomeroworker');
    expect(worker.build).toMatchObject({
      context: './',
      dockerfile: './biomeroworker/Dockerfile',
      args: {
        BIOMERO_VERSION: '${BIOMERO_VERSION}',
        BIOMERO_IMPORTER_VERSION: '${BIOMERO_IMPORTER_VERSION}',
      },
    });
    const database =
      'postgresql+psycopg2://${BIOMERO_POSTGRES_USER}:${BIOMERO_POSTGRES_PASSWORD}@database-biomero:5432/${BIOMERO_POSTGRES_DB}';
    expect(worker.environment).toMatchObject({
      INGEST_TRACKING_DB_URL: database,
      SQLALCHEMY_URL: database,
      IMPORTER_ENABLED: '${IMPORTER_ENABLED}',
    });
    expect(worker.volumes).toContain('./config/biomero-importer:/opt/omero/server/config-importer:ro');
    expect(worker.volumes).toContain('./web/biomero-config.json:/opt/omero/server/biomero-config.json:ro');
    expect(deployText('biomeroworker/Dockerfile')).toMatch(
      /pip install [^\n]*--ignore-requires-python \\\n\s+"biomero-importer==\$\{BIOMERO_IMPORTER_VERSION\}"/,
    );
  });

  test('waits for what is healthy, and everything tells how it is', () => {
    for (const [name, of] of Object.entries(raw.services)) {
      expect([name, of.healthcheck?.test.length]).not.toEqual([name, undefined]);
      for (const [other, { condition }] of Object.entries(of.depends_on ?? {}))
        expect([name, other, condition, other in raw.services]).toEqual([name, other, 'service_healthy', true]);
    }
  });

  test('names every image that is not ours with a version', () => {
    for (const [name, of] of Object.entries(interpolate('docker-compose.yml', env).services))
      if (of.image && !(name in ours))
        expect([name, /:[^/]*\d[^/]*$/.test(of.image), of.image]).toEqual([name, true, of.image]);
  });
});

test('preprocessing gives the importer what it reads', async () => {
  const compose = interpolate('docker-compose.preprocessing.yml', {});
  const importer = service(compose, 'biomero-importer');
  const whole = interpolate('docker-compose.yml', env);
  const all = { ...environmentHere(whole, service(whole, 'biomero-importer')), ...environmentOf(importer) };
  const { config, problems } = await readConfig(all, ['importer']);
  expect([problems, config.notes]).toEqual([[], []]);
  expect(config.importer.containers).toMatchObject({
    command: ['podman', '--cgroup-manager=cgroupfs'],
    memory: null,
    images: ['docker.io/cellularimagingcf/'],
  });
  const [storage] = mountsOf(importer);
  expect(storage?.target).toBe(`${imageEnvironment['HOME']}/.local/share/containers`);
  expect(dockerfile).toContain(storage?.target);
});

test('.env.example and the compose file have the same variables', () => {
  const files = ['docker-compose.yml', 'docker-compose.preprocessing.yml'];
  const named = new Set(files.flatMap((file) => variablesOf(deployText(file))).map((v) => v.name));
  // Read by compose itself, and by prepare.sh.
  const elsewhere = ['COMPOSE_PROFILES', 'OMERO_IMPORTER_PASSWORD'];
  const given = Object.keys(readVariables(deployText('.env.example'))).filter((name) => !elsewhere.includes(name));
  expect(given.sort()).toEqual([...named].sort());
});

test('what the add-on reads has a default, is in its example, or is part of any site of NL-BIOMERO', () => {
  const text = deployText('docker-compose.add-on.yml');
  const given = readVariables(deployText('add-on.env.example'));
  const theirs = ['IMPORTER_ENABLED', 'OMERO_IMPORTER_USER', 'OMERO_PORT'];
  const asked = variablesOf(text).filter(({ name }) => !(name in given) && !theirs.includes(name));
  expect(asked).toEqual([]);
  const unread = Object.keys(given).filter((name) => !variablesOf(text).some((v) => v.name === name));
  expect(unread).toEqual([]);
  const same = readVariables(deployText('.env.example'));
  for (const [name, value] of Object.entries(given))
    if (name !== 'BRIDGE_SOURCE') expect([name, same[name]]).toEqual([name, value]);
});
