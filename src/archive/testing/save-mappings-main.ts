/** For tests of several processes that save mappings at once: arguments are base_dir, first id, number of saves, files. */
import { saveGroupMappings } from '../save-group-mappings.ts';

const [baseDir = '', first = '', count = '', ...mappingFiles] = process.argv.slice(2);
for (let id = Number(first); id < Number(first) + Number(count); id++) {
  const change = { groupId: id, groupName: `group ${id}`, folder: `f${id}` };
  await saveGroupMappings({ baseDir, mappingFiles }, [change], { waitMs: 120_000 });
  process.stdout.write(`${id}\n`);
}
