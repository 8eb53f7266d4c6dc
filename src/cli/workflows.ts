import { describeError, printable } from '../domain/errors.ts';
import { workflowNamed, versionOf } from '../runs/launch.ts';
import type { WorkflowParameter } from '../workflows/descriptor.ts';
import { loadDescriptor } from '../workflows/load-descriptor.ts';
import { formatTable } from './format.ts';
import { loadSiteConfig } from './site.ts';

/** `workflows list`: what slurm-config.ini offers, with what the descriptors say of it. */
export async function listWorkflows(options: { json?: boolean; data: string }): Promise<void> {
  const config = await loadSiteConfig(options.data);
  const rows = [];
  for (const workflow of Object.values(config.slurm.workflows)) {
    const loaded = await loadDescriptor(workflow, config.descriptors).catch((error: unknown) => ({ error }));
    const descriptor = loaded && 'descriptor' in loaded ? loaded.descriptor : null;
    rows.push({
      name: workflow.name,
      version: versionOf(workflow, descriptor),
      description: descriptor?.description ?? null,
      problem: loaded && 'error' in loaded ? describeError(loaded.error) : null,
    });
  }
  if (options.json) return say(JSON.stringify(rows, null, 2));
  if (!rows.length) return say('There are no workflows in slurm-config.ini ([WORKFLOWS]).');
  say(
    formatTable([
      ['WORKFLOW', 'VERSION', ''],
      ...rows.map((r) => [
        printable(r.name),
        printable(r.version),
        printable(oneLine(r.problem ?? r.description ?? '')),
      ]),
    ]),
  );
}

/** `workflows show NAME`: its parameters and how it is submitted. */
export async function showWorkflow(name: string, options: { json?: boolean; data: string }): Promise<void> {
  const config = await loadSiteConfig(options.data);
  const workflow = workflowNamed(config, name);
  const loaded = await loadDescriptor(workflow, config.descriptors);
  if (options.json) return say(JSON.stringify({ ...workflow, descriptor: loaded?.descriptor ?? null }, null, 2));
  const flags = Object.entries(workflow.flags).map(([flag, value]) => `--${flag}=${value}`);
  const rows = [
    ['Workflow', `${printable(workflow.name)} ${printable(versionOf(workflow, loaded?.descriptor ?? null))}`],
    ['', printable(oneLine(loaded?.descriptor.description ?? ''))],
    ['Job script', printable(`${config.slurm.scriptPath}/${workflow.job}`)],
    ['sbatch', printable([...flags, ...(workflow.useGpu ? ['with a GPU'] : [])].join(' ')) || 'as for all jobs'],
    ['Descriptor', loaded ? printable(loaded.place) : 'none: parameters are handed on unchecked'],
  ];
  if (loaded?.staleSince)
    rows.push(['', `its address does not answer; this copy is of ${loaded.staleSince.toISOString()}`]);
  say(formatTable(rows.filter(([label, text]) => label || text)));
  if (!loaded?.descriptor.parameters.length) return;
  say(
    `\n${formatTable([
      ['PARAMETER', 'TYPE', 'DEFAULT', ''],
      ...loaded.descriptor.parameters.map((p) => [
        printable(p.id),
        typeText(p),
        p.default === null ? (p.optional ? 'none' : 'required') : printable(JSON.stringify(p.default)),
        printable(oneLine(p.description || p.name)),
      ]),
    ])}`,
  );
}

function typeText(p: WorkflowParameter): string {
  if (p.choices) return printable(p.choices.map((c) => c.value).join(' | '));
  const range = p.minimum === null && p.maximum === null ? '' : ` ${p.minimum ?? ''}..${p.maximum ?? ''}`;
  return `${p.type}${range}`;
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim().slice(0, 200);
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
