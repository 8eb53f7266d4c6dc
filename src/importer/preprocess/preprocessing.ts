/** Pure: what a row of `imports_preprocessing` asks for. Anybody who can write to the database may have written it. */
import { isAbsolute, normalize } from 'node:path';
import { bridgeError } from '../../domain/errors.ts';

export interface PreprocessingRow {
  id: number;
  container: string;
  input_file: string;
  output_folder: string;
  alt_output_folder: string | null;
  extra_params: unknown;
}

export interface Preprocessing {
  id: number;
  /** As ordered, such as `cellularimagingcf/convertleica-docker:v1.2.0`. */
  container: string;
  /** With its registry, as a runtime takes it. */
  image: string;
  /** The value of `--inputfile`, in which `{Files}` stands for the file. */
  inputFile: string;
  /** Folders inside the container: of the file, and of a second copy. */
  outputFolder: string;
  altOutputFolder: string;
  /** Further flags, in order. */
  extra: readonly (readonly [string, string])[];
}

/** @throws ORDER_INVALID */
export function parsePreprocessing(order: string, row: PreprocessingRow): Preprocessing {
  const fail = (reason: string): never => {
    throw bridgeError('ORDER_INVALID', { order, reason: `its preprocessing ${reason}` });
  };
  const container = row.container.trim();
  if (!/^[A-Za-z0-9][A-Za-z0-9._:/@-]{0,400}$/.test(container) || container.includes('//'))
    fail(`names no container image: "${row.container.slice(0, 100)}"`);
  if (!row.input_file.includes('{Files}')) fail('has no {Files} in its input file');
  const folder = (value: string | null, what: string): string => {
    const path = (value ?? '').trim().replace(/\/+$/, '');
    const valid = isAbsolute(path) && normalize(path) === path && path !== '/' && !/[:,]|\p{Cc}/u.test(path);
    if (!valid) fail(`names no ${what}: "${value ?? ''}"`);
    return path;
  };
  const outputFolder = folder(row.output_folder, 'output folder');
  const altOutputFolder = folder(row.alt_output_folder, 'alternative output folder');
  if (`${outputFolder}/`.startsWith(`${altOutputFolder}/`) || `${altOutputFolder}/`.startsWith(`${outputFolder}/`))
    fail('has its output folders inside each other');
  return {
    id: row.id,
    container,
    image: withRegistry(container),
    inputFile: row.input_file,
    outputFolder,
    altOutputFolder,
    extra: extraOf(row.extra_params, fail),
  };
}

/** An image without a registry is Docker Hub's, as for the Python importer; any other registry is left as it is. */
function withRegistry(container: string): string {
  const [first = '', ...rest] = container.split('/');
  return rest.length > 0 && (/[.:]/.test(first) || first === 'localhost') ? container : `docker.io/${container}`;
}

function extraOf(value: unknown, fail: (reason: string) => never): [string, string][] {
  if (value === null || value === undefined) return [];
  if (typeof value !== 'object' || Array.isArray(value))
    return fail('has extra parameters that are no list of names and values');
  return Object.entries(value).map(([key, given]: [string, unknown]): [string, string] => {
    if (!/^[A-Za-z][\w-]{0,60}$/.test(key)) fail(`has an extra parameter of the name "${key.slice(0, 60)}"`);
    if (reserved.has(key.toLowerCase())) fail(`sets ${key} a second time`);
    // As Python writes them on a command line.
    if (typeof given === 'boolean') return [key, given ? 'True' : 'False'];
    if (typeof given !== 'string' && typeof given !== 'number') fail(`has an extra parameter ${key} that is no text`);
    const text = String(given);
    if (text.includes('\0')) fail(`has a NUL byte in ${key}`);
    return [key, text];
  });
}

const reserved = new Set(['inputfile', 'outputfolder', 'altoutputfolder']);

/** The container's own arguments for one file, in the Python importer's order. */
export function containerArguments(work: Preprocessing, fileName: string): string[] {
  const file = `${work.outputFolder}/${fileName}`;
  const flags = [['inputfile', work.inputFile] as const, ...work.extra].flatMap(([key, value]) => [
    `--${key}`,
    value.replaceAll('{Files}', () => file),
  ]);
  return [...flags, '--outputfolder', processedFolder(work), '--altoutputfolder', work.altOutputFolder];
}

/** Where the container writes what is kept. */
export function processedFolder(work: Preprocessing): string {
  return `${work.outputFolder}/.processed`;
}

/** What is noted on the images: the order's own words, under the Python importer's keys. */
export function preprocessingPairs(work: Preprocessing): [string, string][] {
  return [
    ['preprocessing_container', work.container],
    ['preprocessing_inputfile', work.inputFile],
    ['preprocessing_outputfolder', work.outputFolder],
    ['preprocessing_altoutputfolder', work.altOutputFolder],
    ...work.extra.map(([key, value]): [string, string] => [`preprocessing_${key}`, value]),
    ['preprocessing_id', String(work.id)],
  ];
}
