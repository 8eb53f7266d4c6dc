import { Command, InvalidArgumentError, Option } from 'commander';
import { productVersion } from '../lib/product-version.ts';
import type { DoctorCommandOptions } from './doctor.ts';
import { defaultDataFolder } from '../embedded/data-folder.ts';
import type { OmeroCheckOptions } from './omero-check.ts';
import { roles } from '../config/roles.ts';
import { scopes } from '../http/identity/scopes.ts';
import { later } from './later.ts';
import { addSettingsCommands } from './settings-commands.ts';

/** The command line. */
export function buildProgram(): Command {
  const program = new Command('biomero-bridge')
    .description('Brings the results of Slurm analysis workflows home: archived, imported into OMERO, annotated.')
    .version(productVersion)
    // Commands made below take this over; `main.ts` gives the exit code.
    .exitOverride()
    .showHelpAfterError('(biomero-bridge --help lists the commands)')
    .addHelpText(
      'after',
      `
Try it:         biomero-bridge start
At a site:      biomero-bridge worker | importer | web, each beside what it needs;
                their settings come from the environment and BIOMERO's files,
                see docs/reference/configuration.md`,
    );
  const data = (): Option =>
    new Option('--data <folder>', 'data folder of the quick start').default(defaultDataFolder());

  program
    .command('start')
    .description('try everything on this machine: PostgreSQL, a small Slurm, an OMERO stand-in and all roles')
    .addOption(data())
    .option('--seed <number>', 'seed of the sample images', wholeNumber, 1)
    .option('--input <folder>', 'use the TIFF files of this folder instead of made images')
    .option('--once', 'end when the run is done: 0 done, 75 still waiting after the time limit, else failed')
    .option('--time-limit <seconds>', 'with --once: how long to wait', wholeNumber, 600)
    .option(
      '--run-as <user>',
      'as root: the user that everything runs as (default: owner of the data folder, else nobody)',
    )
    .action(later(async () => (await import('./start.ts')).start));

  program
    .command('worker')
    .description('follow runs and bring their results home')
    .action(async () => (await import('./role.ts')).role('worker'));
  program
    .command('importer')
    .description('import upload orders in place into OMERO')
    .action(async () => (await import('./role.ts')).role('importer'));
  program
    .command('web')
    .description('serve the pages')
    .option('--trust-proxy', "behind a proxy: take clients' addresses from its X-Forwarded-For")
    .action(async ({ trustProxy }: { trustProxy?: true }) =>
      (await import('./role.ts')).role('web', trustProxy ? { BIOMERO_BRIDGE_TRUST_PROXY: 'true' } : {}),
    );

  const workflows = program.command('workflows').description('the workflows of slurm-config.ini');
  workflows
    .command('list', { isDefault: true })
    .description('show them, with what their descriptors say')
    .option('--json', 'as JSON')
    .addOption(data())
    .action(later(async () => (await import('./workflows.ts')).listWorkflows));
  workflows
    .command('show')
    .description('show one, with its parameters')
    .argument('<workflow>', 'a workflow of slurm-config.ini')
    .option('--json', 'as JSON')
    .addOption(data())
    .action(later(async () => (await import('./workflows.ts')).showWorkflow));
  for (const command of [workflows.command('run'), program.command('run')])
    command
      .description('start a workflow on a dataset; a worker does the rest')
      .argument('<workflow>', 'a workflow of slurm-config.ini')
      .requiredOption('--dataset <id>', 'OMERO id of the dataset', positiveNumber)
      .requiredOption('--user <name>', 'OMERO user in whose name it runs')
      .requiredOption('--group <name>', "that user's active group; the results stay its")
      .option('--parameter <name=value...>', 'parameter of the workflow; may be given several times', [])
      .addOption(data())
      .action(later(async () => (await import('./run.ts')).run));

  program
    .command('import')
    .description('bring home the results of a finished job, whoever started it; a worker does the rest')
    .argument('<job>', 'id of the Slurm job', positiveNumber)
    .option('--workflow <uuid>', 'the workflow run it belongs to (default: as its data path or the log tell)', uuid)
    .addOption(new Option('--dataset <id>', 'import into this dataset').argParser(positiveNumber))
    .addOption(new Option('--screen <id>', 'import into this screen').argParser(positiveNumber).conflicts('dataset'))
    .option('--user <name>', 'OMERO user in whose name (default: who started it)')
    .option('--group <name>', 'group that the results belong to (default: of the workflow)')
    .option('--cleanup', "remove the job's data from the cluster afterwards")
    .option('--ended', 'the job ended well, though Slurm does not know it any more')
    .addOption(data())
    .action(later(async () => (await import('./import.ts')).importFinishedJob));

  program
    .command('status')
    .description('show the runs, or one of them')
    .argument('[run]', 'id of a run, or its first characters')
    .option('--open', 'only those that have not ended')
    .option('--json', 'as JSON')
    .addOption(data())
    .action(later(async () => (await import('./status.ts')).status));

  program
    .command('retry')
    .description('go on with a failed run from the step that failed')
    .argument('<run>', 'id of the run, or its first characters')
    .addOption(data())
    .action(later(async () => (await import('./retry.ts')).retry));

  program
    .command('abandon')
    .description('give a run up: its job and upload orders are cancelled, and it has failed for good')
    .argument('<run>', 'id of the run, or its first characters')
    .requiredOption('--reason <text>', 'why, for whoever waits for it')
    .option('--as <name>', 'who gives it up (default: the user of this command)')
    .addOption(data())
    .action(later(async () => (await import('./abandon.ts')).abandon));

  const ordersCommand = program
    .command('orders')
    .description('upload orders: the table imports, which importers work from');
  const asJson = (): Option => new Option('--json', 'as JSON');
  ordersCommand
    .command('list')
    .description('show the orders that are open, newest first')
    .option('--all', 'also those that are completed or failed')
    .option('--stage <stage>', 'those in one stage: pending, started, preprocessing, completed or failed')
    .option('--group <name>', 'those of one group')
    .option('--limit <number>', 'how many', positiveNumber, 50)
    .addOption(asJson())
    .addOption(data())
    .action(later(async () => (await import('./orders.ts')).list));
  ordersCommand
    .command('show')
    .description('show one order: its stages, what became of each file, what it waits for')
    .argument('<order>', 'its uuid, or the first characters')
    .addOption(asJson())
    .addOption(data())
    .action(later(async () => (await import('./orders.ts')).show));
  ordersCommand
    .command('retry')
    .description('place a failed order of another producer again, with the files that are missing')
    .argument('<order>', 'its uuid, or the first characters')
    .option('--as <name>', 'who asks for it (default: the user of this command)')
    .addOption(data())
    .action(later(async () => (await import('./orders.ts')).retry));
  ordersCommand
    .command('cancel')
    .description('close an open order; an import under way is ended')
    .argument('<order>', 'its uuid, or the first characters')
    .requiredOption('--reason <text>', 'why, for whoever waits for it')
    .option('--as <name>', 'who asks for it (default: the user of this command)')
    .addOption(data())
    .action(later(async () => (await import('./orders.ts')).cancel));
  ordersCommand
    .command('install-trigger')
    .description('let the table ring at every new order, whoever places it: seen in milliseconds instead of 250')
    .addOption(data())
    .action(later(async () => (await import('./orders.ts')).addTrigger));
  ordersCommand
    .command('remove-trigger')
    .description('take that trigger away')
    .addOption(data())
    .action(later(async () => (await import('./orders.ts')).dropTrigger));

  const token = program.command('token').description('tokens with which machines use the HTTP API');
  token
    .command('create')
    .description('make a token and print it, once')
    .argument('<name>', 'what it is for, such as the name of the machine', tokenName)
    .addOption(
      new Option('--scope <scope...>', 'what it may do: see runs, hand over jobs, manage upload orders, everything')
        .choices(scopes)
        .makeOptionMandatory(),
    )
    .option('--days <number>', 'it expires after so many days (default: never)', positiveNumber)
    .option('--as <name>', 'who makes it (default: the user of this command)')
    .addOption(data())
    .action(later(async () => (await import('./token.ts')).create));
  token
    .command('list')
    .description('show the tokens: who made them, what they may do, when they were last used')
    .addOption(asJson())
    .addOption(data())
    .action(later(async () => (await import('./token.ts')).list));
  token
    .command('revoke')
    .description('refuse a token from now on')
    .argument('<token>', 'its name or id')
    .option('--as <name>', 'who revokes it (default: the user of this command)')
    .addOption(data())
    .action(later(async () => (await import('./token.ts')).revoke));

  const notify = program.command('notify').description('mail and webhook, which tell people of runs');
  notify
    .command('test')
    .description('send a test by every way that is configured: 0 sent, 1 one could not be')
    .addOption(data())
    .action(later(async () => (await import('./notify.ts')).notifyTest));
  notify
    .command('list')
    .description('show the newest notifications, and why one was not sent')
    .addOption(asJson())
    .addOption(data())
    .action(later(async () => (await import('./notify.ts')).notifyList));

  const views = program.command('views').description("BIOMERO's view tables, which dashboards read");
  views
    .command('rebuild')
    .description('empty the four biomero_* tables and fill them from the log')
    .addOption(data())
    .action(later(async () => (await import('./views.ts')).rebuild));

  const archive = program.command('archive').description('archives on the storage');
  archive
    .command('verify')
    .description(
      'read archives again and compare them with their manifests and zips: 0 all intact, 1 one differs, 2 one cannot be verified',
    )
    .argument('<path...>', 'an archive, or a folder above some: .analyzed, a group folder, the whole storage')
    .option('--json', 'as JSON')
    .action(later(async () => (await import('./archive-verify.ts')).archiveVerify));
  archive
    .command('list')
    .description('list the archives that are recorded')
    .option('--group <name>', 'only of this group')
    .option('--json', 'as JSON')
    .addOption(data())
    .action(later(async () => (await import('./archive-records.ts')).archiveList));
  archive
    .command('show')
    .description("show a run's archive and its files")
    .argument('<run>', 'id of the run, or its first characters')
    .option('--json', 'as JSON')
    .addOption(data())
    .action(later(async () => (await import('./archive-records.ts')).archiveShow));
  archive
    .command('rebuild')
    .description('restore our records of archives from their folders alone: 0 all are recorded, 1 one was skipped')
    .argument('[path...]', 'where to look (default: base_dir and every mapped folder)')
    .option('--json', 'as JSON')
    .addOption(data())
    .action(later(async () => (await import('./archive-records.ts')).archiveRebuild));

  const storage = program.command('storage').description('the shared storage');
  storage
    .command('adopt')
    .description(
      'write the marker by which the mount is known, so that an empty folder in its place is never written to',
    )
    .argument('[path]', 'where it is mounted (default: base_dir)')
    .option('--replace', 'it took the place of the one that was known there')
    .addOption(data())
    .action(later(async () => (await import('./storage.ts')).storageAdopt));
  storage
    .command('check')
    .description(
      'try in every mapped group folder what an archive needs, as the user who runs this: 0 nothing failed, 1 something did',
    )
    .option('--group <name...>', 'also this group, mapped or not; may be given several times', [])
    .option('--json', 'as JSON')
    .addOption(data())
    .action(later(async () => (await import('./storage.ts')).storageCheck));

  addSettingsCommands(program, data);

  program
    .command('doctor')
    .description(
      'find out what is wrong with this site, what to do and who can do it: 0 no problem, 1 a problem, 2 something could not be told',
    )
    .addOption(new Option('--role <role...>', 'only what these roles need').choices(roles))
    .option('--fix', 'mend what is safe to mend, and say what was done')
    .option('--probe', 'also write: a file that all roles must see, and an import in place; both are removed again')
    .option('--smoke', 'also place an upload order of a tiny image, wait until it is imported, and remove it again')
    .option('--user <name>', 'user for whom --probe and --smoke import')
    .option('--group <name>', 'group of that user')
    .addOption(asJson())
    .addOption(data())
    .action(async (options: DoctorCommandOptions, command: Command) => {
      if ((options.user === undefined) !== (options.group === undefined))
        command.error('error: --user and --group are given together');
      await (await import('./doctor.ts')).doctor(options);
    });

  program
    .command('health')
    .description('ask the role that runs on this machine how it is, for supervisors and containers: 0 well, 1 not')
    .action(later(async () => (await import('./health.ts')).health));

  const omero = program.command('omero').description('look at the OMERO server');
  omero
    .command('check')
    .description(
      'try against OMERO everything that this product does there, and remove it again: 0 nothing failed, 1 something did',
    )
    .option('--user <name>', 'user to act as; images are imported for this user for a moment')
    .option('--group <name>', 'group of that user to act in')
    .option('--json', 'as JSON')
    .addOption(data())
    .action(async (options: OmeroCheckOptions) => {
      if ((options.user === undefined) !== (options.group === undefined))
        omero.error('error: --user and --group are given together');
      await (await import('./omero-check.ts')).omeroCheck(options);
    });

  return program;
}

function tokenName(text: string): string {
  if (!/^[\w.@ -]{1,60}$/.test(text)) throw new InvalidArgumentError('Use up to 60 letters, digits and . _ @ - only.');
  return text;
}

function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('Give a whole number.');
  return Number(text);
}

function uuid(text: string): string {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)) throw new InvalidArgumentError('Give a UUID.');
  return text;
}

function positiveNumber(text: string): number {
  const number = wholeNumber(text);
  if (number === 0) throw new InvalidArgumentError('Give a number above 0.');
  return number;
}
