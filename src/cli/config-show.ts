import { describeConfig, originText, type DescribedValue } from '../config/describe.ts';
import { readConfig } from '../config/load.ts';
import { roles, type Role } from '../config/roles.ts';
import { problemText } from '../config/problems.ts';
import { printable } from '../domain/errors.ts';
import { siteEnvironment } from './site.ts';

/** Longer values do not push the next column to the right. */
const widestValue = 48;

/** `config show`: exit code 1 when a value is wrong or missing. */
export async function configShow(options: { role?: Role[]; json?: boolean; data: string }): Promise<void> {
  const chosen = options.role ?? roles;
  const { env, from } = await siteEnvironment(options.data);
  const { config, problems } = await readConfig(env, chosen);
  const values = describeConfig(config, chosen);
  process.exitCode = problems.length ? 1 : 0;
  if (options.json) {
    const all = { roles: chosen, environment: from ?? 'of this process', values, notes: config.notes ?? [], problems };
    process.stdout.write(`${JSON.stringify(all, null, 2)}\n`);
    return;
  }
  const parts = [
    ...(from ? [`The quick start in ${printable(from)}, which wrote this environment.`] : []),
    table(values),
  ];
  if (config.notes?.length) parts.push(list('To know', config.notes));
  if (problems.length) parts.push(list('Wrong', problems.map(problemText)));
  process.stdout.write(`${parts.join('\n\n')}\n`);
}

function table(values: readonly DescribedValue[]): string {
  const rows = values.map(({ path, value, origin }) => [path, value || '-', originText(origin)].map(printable));
  const width = (column: number, most: number): number =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0).filter((length) => length <= most), 0);
  const [path, value] = [width(0, Infinity), width(1, widestValue)];
  return rows.map(([a = '', b = '', c = '']) => `${a.padEnd(path)}  ${b.padEnd(value)}  ${c}`.trimEnd()).join('\n');
}

function list(title: string, lines: readonly string[]): string {
  return [`${title}:`, ...lines.map((line) => `  ${printable(line)}`)].join('\n');
}
