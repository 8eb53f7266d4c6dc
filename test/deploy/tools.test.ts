import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { expect, onTestFinished, test } from 'vitest';
import { readConfig } from '../../src/config/load.ts';
import { packageRoot } from '../../src/lib/package-root.ts';
import { deployFile, deployText, onHost, type ComposeFile } from '../support/compose-file.ts';
import { containerTool, hasContainerTools } from '../support/container-tools.ts';
import { describeWithPart } from '../support/optional-part.ts';

const run = (tool: Parameters<typeof containerTool>[0], args: string[], cwd = packageRoot): string => {
  try {
    return execFileSync(containerTool(tool), args, { cwd, encoding: 'utf8', stdio: 'pipe' });
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    throw new Error(`${tool} ${args.join(' ')}:\n${stdout}${stderr}`, { cause: error });
  }
};

/** A site as NL-BIOMERO's compose file describes it, with what matters beside our services. */
const existingSite = `
services:
  database-biomero:
    image: "postgres:16"
    environment:
      POSTGRES_USER: \${BIOMERO_POSTGRES_USER}
      POSTGRES_PASSWORD: \${BIOMERO_POSTGRES_PASSWORD}
      POSTGRES_DB: \${BIOMERO_POSTGRES_DB}
    networks: [omero]
  omeroserver:
    build: { context: ./, dockerfile: ./server/Dockerfile }
    networks: [omero]
    volumes: ["omero:/OMERO", "./web/L-Drive:/data"]
  biomeroworker:
    build: { context: ./, dockerfile: ./biomeroworker/Dockerfile }
    networks: [omero]
    volumes: ["omero:/OMERO", "./web/L-Drive:/data", "./.ssh:/tmp/.ssh:ro"]
  biomero-importer:
    build: { context: ./biomero-importer, dockerfile: ./Dockerfile }
    privileged: true
    profiles: ["IMPORTER_ENABLED"]
    devices: ["/dev/fuse:/dev/fuse"]
    environment:
      OMERO_HOST: omeroserver
      OMERO_USER: root
      OMERO_PASSWORD: \${OMERO_ROOT_PASSWORD}
      OMERO_PORT: 4064
      INGEST_TRACKING_DB_URL: postgresql+psycopg2://\${BIOMERO_POSTGRES_USER}:\${BIOMERO_POSTGRES_PASSWORD}@database-biomero:5432/\${BIOMERO_POSTGRES_DB}
      ADI_RUN_MIGRATIONS: "1"
    networks: [omero]
    volumes: ["omero:/OMERO", "./web/L-Drive:/data", "./config/biomero-importer:/auto-importer/config:ro", "./logs/biomero-importer:/auto-importer/logs"]
    user: "1000:1000"
networks:
  omero:
volumes:
  omero:
`;
const existingVariables = `IMPORTER_ENABLED=TRUE
COMPOSE_PROFILES=IMPORTER_ENABLED
BIOMERO_POSTGRES_USER=biomero
BIOMERO_POSTGRES_PASSWORD=for-biomero
BIOMERO_POSTGRES_DB=biomero
OMERO_ROOT_PASSWORD=for-root
`;

function temporary(): string {
  const folder = mkdtempSync(join(tmpdir(), 'bb-tools-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

describeWithPart('Container tools', hasContainerTools, 'deploy', () => {
  for (const name of readdirSync(deployFile('')).filter((file) => /^docker-compose.*\.yml$/.test(file)))
    test(`${name} has the form of a compose file`, () => {
      const schema = ['--builtin-schema', 'vendor.compose-spec'];
      expect(run('check-jsonschema', [...schema, deployFile(name)])).toContain('ok');
      const wrong = join(temporary(), name);
      writeFileSync(
        wrong,
        deployText(name).replace(/^ +volumes:$/m, (line) => line.replace('volumes', 'volume')),
      );
      expect(() => run('check-jsonschema', [...schema, wrong])).toThrow(/volume/);
    });

  test('hadolint finds nothing in the Dockerfiles', () => {
    run('hadolint', ['deploy/Dockerfile', 'deploy/biomeroworker/Dockerfile']);
    const wrong = join(temporary(), 'Dockerfile');
    writeFileSync(wrong, `${deployText('Dockerfile')}\nRUN cd /tmp && apt-get install curl\n`);
    expect(() => run('hadolint', [wrong])).toThrow(/DL3014/);
  });

  test('shellcheck finds nothing in the scripts', () => {
    const scripts = readdirSync(deployFile('')).filter((file) => file.endsWith('.sh'));
    expect(scripts).toContain('build-steps.sh');
    run('shellcheck', [...scripts, 'systemd/biomero-bridge'].map(deployFile));
  });

  test('the whole site is read by podman-compose with the variables that prepare.sh writes', () => {
    const folder = temporary();
    cpSync(deployFile(''), folder, { recursive: true });
    run('shellcheck', [join(folder, 'prepare.sh')]);
    execFileSync(join(folder, 'prepare.sh'), { stdio: 'pipe' });
    const read = parse(run('podman-compose', ['-f', 'docker-compose.yml', 'config'], folder)) as ComposeFile;
    expect(Object.keys(read.services)).toContain('biomero-importer');
    expect(JSON.stringify(read)).not.toContain('${');
    expect(read.services['bridge-web']?.ports).toEqual(['127.0.0.1:4081:4080']);
  });

  test('added to a site, our importer takes the place of the Python one and nothing of it is left', async () => {
    const folder = temporary();
    const site = join(folder, 'NL-BIOMERO');
    const deploy = join(folder, 'biomero-bridge', 'deploy');
    cpSync(deployFile(''), deploy, { recursive: true });
    execFileSync('mkdir', [site]);
    writeFileSync(join(site, 'docker-compose.yml'), existingSite);
    writeFileSync(join(site, '.env'), existingVariables + deployText('add-on.env.example'));
    execFileSync(join(deploy, 'prepare.sh'), ['--add-on', site], { stdio: 'pipe' });
    const files = ['docker-compose.yml', '../biomero-bridge/deploy/docker-compose.add-on.yml'];
    const read = parse(
      run('podman-compose', [...files.flatMap((file) => ['-f', file]), 'config'], site),
    ) as ComposeFile;
    const importer = read.services['biomero-importer'];
    expect(importer).toMatchObject({ command: ['importer'], privileged: false, user: '1000:994' });
    expect(importer?.build?.dockerfile).toBe('deploy/Dockerfile');
    const env = Object.fromEntries(
      Object.entries(importer?.environment ?? {}).map(([key, value]) => {
        const text = String(value ?? '');
        return [key, importer ? (onHost(read, importer, text, site) ?? text) : text];
      }),
    );
    const { config, problems } = await readConfig(env, ['importer']);
    expect(problems).toEqual([]);
    expect([config.databases.orders, config.omero.password]).toEqual([
      'postgresql://biomero:for-biomero@database-biomero:5432/biomero',
      'for-root',
    ]);
    expect(read.services['omeroserver']?.volumes?.length).toBe(4);
    expect(read.services['biomeroworker']?.volumes).toContain('./biomero-bridge:/opt/omero/server/biomero-bridge:ro');
  });
});
