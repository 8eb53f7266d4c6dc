import { Argument, Option, type Command } from 'commander';
import { checkedTypes } from '../config/check/recognise.ts';
import { fileTypes } from '../config/file-schemas.ts';
import { roles } from '../config/roles.ts';
import { later } from './later.ts';

/** Adds `mappings` and `config`. `data`: the option that names the quick start's folder. */
export function addSettingsCommands(program: Command, data: () => Option): void {
  const asJson = (): Option => new Option('--json', 'as JSON');
  const mappings = program.command('mappings').description('which folder of the storage belongs to which group');
  mappings
    .command('list', { isDefault: true })
    .description('show them, with what is wrong: 0 all can be used, 1 one cannot')
    .addOption(asJson())
    .addOption(data())
    .action(later(async () => (await import('./mappings.ts')).listMappings));
  mappings
    .command('set')
    .description("give a group a folder; it holds from the group's next archive on, without a restart")
    .argument('<group>', 'name of the group in OMERO, or its id')
    .argument('<folder>', 'a folder that is there, relative to base_dir')
    .option('--allow-shared', 'even when another group has this folder, or one inside or around it')
    .addOption(data())
    .action(later(async () => (await import('./mappings.ts')).setMapping));
  mappings
    .command('remove')
    .description('take the mapping of a group away')
    .argument('<group>', 'name of the group, or its id')
    .addOption(data())
    .action(later(async () => (await import('./mappings.ts')).removeMapping));

  const config = program.command('config').description('settings: what holds, where it comes from, what is wrong');
  config
    .command('show', { isDefault: true })
    .description('show every setting with its value and origin: 0 all is well, 1 something is wrong or missing')
    .addOption(new Option('--role <role...>', 'only what these roles read').choices(roles))
    .addOption(asJson())
    .addOption(data())
    .action(later(async () => (await import('./config-show.ts')).configShow));
  config
    .command('check')
    .description(
      'check settings.yml, biomero-config.json, group-mappings.json, slurm-config.ini and files of variables: 0 no error, 1 an error, 2 a file that cannot be read or recognised',
    )
    .argument('[file...]', 'files to check (default: the environment and every file that it names)')
    .addOption(new Option('--as <type>', 'what the files are, where that cannot be seen').choices(checkedTypes))
    .addOption(new Option('--role <role...>', 'without files: what these roles need must be set').choices(roles))
    .addOption(asJson())
    .addOption(data())
    .action(later(async () => (await import('./config-check.ts')).configCheck));
  config
    .command('schema')
    .description('print the JSON Schema of a file, for editors; without a name, the names')
    .addArgument(new Argument('[name]', 'name of the file').choices(fileTypes))
    .action(later(async () => (await import('./config-schema.ts')).configSchema));
}
