import { fileSchemas, fileTypes, type FileType } from '../config/file-schemas.ts';

/** `config schema [NAME]`: one as JSON, or the names of all. */
export function configSchema(name: FileType | undefined): void {
  const text = name ? JSON.stringify(fileSchemas[name], null, 2) : fileTypes.join('\n');
  process.stdout.write(`${text}\n`);
}
