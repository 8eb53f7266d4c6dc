import { checks } from '../doctor/checks.ts';

/** What a site may have wrong, in the order in which admins look for it, and the checks that tell. */
const questions: readonly (readonly [question: string, checks: readonly string[], note?: string])[] = [
  ['Does the worker see `IMPORTER_ENABLED`?', ['running-roles', 'configuration'], 'each role tells what it sees itself'],
  ['Do web, worker and importer read the same value?', ['running-roles', 'configuration']],
  ['Are all parts of one version?', ['running-roles', 'versions']],
  ['Are the two OMERO scripts registered, once each?', ['scripts'], 'they matter only where the Python orchestrator calls them'],
  ['Can the database of upload orders be reached?', ['orders-database']],
  ['Do worker and importer use the same database?', ['running-roles'], 'an importer that works on another one does not answer'],
  ['Have the tables of imports the right form?', ['orders-database', 'versions']],
  ['Will OMERO.biomero show progress?', ['runs-database', 'tracking']],
  ['Does an importer work, and does an order wait?', ['importers']],
  ['Is `base_dir` the same for all?', ['configuration', 'running-roles']],
  ['Can the mapping files be read?', ['configuration', 'mappings']],
  ['Do mapped ids and names agree with OMERO?', ['mappings']],
  ['Are the mapped folders there?', ['mappings', 'group-folders']],
  ["May the worker's user write `.analyzed` of each group?", ['group-folders'], 'the running worker tries it itself'],
  ['Can folders of groups without a mapping be made?', ['group-folders']],
  ['Is it the same storage at the same path for all?', ['same-storage', 'import-in-place'], '`--probe` also proves it for the OMERO server'],
  ["May imports read the worker's files?", ['import-in-place', 'smoke']],
  ['Does the OMERO server follow a link to the storage?', ['import-in-place']],
  ['Do links of earlier imports still lead somewhere?', ['links']],
  ['Is there room, in bytes and in files?', ['storage', 'cluster-folders']],
  ['May the service account sign in, and act for users?', ['omero'], "`--probe` also acts as one; limits of OMERO's scripts do not apply: no step waits in a script"],
  ['Are time limits and other values valid?', ['configuration']],
  ['Is there exactly one processor of scripts?', [], 'does not apply: any number of workers share the work'],
  ['Do the clocks agree?', ['clock', 'cluster-clock', 'running-roles']],
  ['Is a published default password still used?', ['passwords']],
  ['Does an order get through from end to end?', ['smoke']],
  ['Do notifications arrive?', ['wake-ups']],
  ['Can the cluster be reached, and does Slurm answer?', ['cluster', 'slurm', 'accounting', 'partitions', 'cluster-folders']],
  ['Can the importer import?', ['import-program', 'repository']],
  ['Is anything left of what died?', ['leftovers']],
];

/** `docs/reference/doctor.md`: every check of `doctor`. */
export function doctorPage(): string {
  const rows = checks.map(
    ({ id, title, tests, roles, needs }) =>
      `| \`${id}\` | ${title} | ${tests} | ${roles.join(', ')} | ${needs.map((n) => `\`${n}\``).join(', ') || '-'} |`,
  );
  const asked = questions.map(
    ([question, ids, note = '']) => `| ${question} | ${ids.map((id) => `\`${id}\``).join(', ') || '-'} | ${note} |`,
  );
  return `${[
    '# Checks of doctor',
    '',
    '<!-- Made by `npm run generate` from src/doctor/checks.ts and src/docs/doctor-page.ts. -->',
    '',
    '`biomero-bridge doctor` tries these side by side, each within a time limit. Run it where a role runs, as its user and',
    'with its environment. Exit code: 0 no problem (warnings may remain), 1 a problem, 2 no problem, but something could',
    'not be told, 130 interrupted (what was made is still removed). `--json` prints the same for machines. The page Health shows administrators the same, as the web role',
    'sees it.',
    '',
    '- **`--role`**: only what these roles need.',
    '- **`--probe`**: writes, too: a small file at `base_dir` that every running role must see, and, with `--user` and',
    '  `--group`, a real import in place. Both are removed again.',
    '- **`--smoke`**, with `--user` and `--group`: places an upload order and waits at most three minutes until an importer,',
    '  ours or the Python one, has imported it. Image, dataset and file are removed again; the order stays in the ledger.',
    '- **`--fix`** mends what is safe to mend, says what it did, and may be repeated: tables that are missing; the marker of a',
    '  storage that is surely mounted (a mount of its own, or with archives in it); folders of groups, unless it is root;',
    '  leftovers that nobody needs. It never removes the last copy of a result, and installs no trigger on `imports`',
    '  (`biomero-bridge orders install-trigger` does).',
    '',
    'Without `--probe`, `--smoke` and `--fix` nothing is changed but for a moment: running roles are asked through a row of',
    '`bridge.roll_calls`, and in the folders of groups a trial file is made and removed.',
    '',
    '| Id | Title | What is tested | Roles | Not tried without |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
    '',
    '## Which check tells what',
    '',
    '| Question | Checks | |',
    '| --- | --- | --- |',
    ...asked,
  ].join('\n')}\n`;
}
