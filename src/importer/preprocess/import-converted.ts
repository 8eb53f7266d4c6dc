import type { Logger } from 'pino';
import { bridgeError, describeError } from '../../domain/errors.ts';
import type { ContainerConfig } from '../../config/config.ts';
import type { Pool } from '../../lib/database.ts';
import type { OmeroSession } from '../../omero/session.ts';
import type { FileResult } from '../../orders/file-results.ts';
import type { OrderJournal } from '../order-journal.ts';
import { failedFile } from '../outcome.ts';
import type { ImportOrder } from '../parse-order.ts';
import { refusalOfImage } from './container-command.ts';
import { convertFile, removeLeftovers } from './convert-file.ts';
import { insertConversion, readConversions, readPreprocessing, type Conversion } from './conversions.ts';
import { preprocessingPairs, type Preprocessing } from './preprocessing.ts';

export interface ConvertedParts {
  readonly pool: Pool;
  readonly session: OmeroSession;
  readonly journal: OrderJournal;
  readonly order: ImportOrder;
  readonly log: Logger;
  readonly logDir: string;
  readonly containers: ContainerConfig;
  readonly signal: AbortSignal;
  /** Why files are not taken, by path. */
  readonly refusals: (paths: readonly string[]) => Promise<Map<string, string>>;
  /** Imports files as those of the order. */
  readonly importFiles: (paths: readonly string[]) => Promise<FileResult[]>;
}

/** What the images of one converted file are annotated with, beside what those of every file are. */
export interface ConvertedImages {
  readonly result: FileResult;
  readonly pairs: readonly [string, string][];
  /** Where the converter may have left a `metadata.csv`. */
  readonly folder: string;
}

/**
 * Imports what containers make of an order's files: converts each that was not converted yet, then imports all that was
 * made from where it is kept, so that OMERO's links lead there from the beginning.
 *
 * @returns results of the order's own files, and the images that each of the converted files became
 * @throws ORDER_INVALID, CONTAINER_NOT_STARTED, CONTAINER_RUNTIME_MISSING, the signal's reason, errors of OMERO
 */
export async function importConverted(
  parts: ConvertedParts,
  preprocessingId: number,
): Promise<{ results: FileResult[]; images: ConvertedImages[] }> {
  const { pool, order, containers } = parts;
  const work = await readPreprocessing(pool, order.uuid, preprocessingId);
  const disallowed = refusalOfImage(containers, work.image);
  if (disallowed !== null) throw bridgeError('ORDER_INVALID', { order: order.uuid, reason: disallowed });
  const { conversions, failed } = await convertAll(parts, containers, work);
  const outputs = conversions.flatMap((c) => c.outputs.map((o) => o.path));
  const imported = new Map((await parts.importFiles(outputs)).map((r) => [r.path, r]));
  const results = order.files.map((path): FileResult => {
    const conversion = conversions.find((c) => c.path === path);
    return conversion ? resultOf(conversion, imported) : failedFile(path, failed.get(path) ?? 'it was not converted');
  });
  await parts.journal.results(results);
  await renameImages(parts, conversions, imported);
  return { results, images: imagesOf(work, conversions, imported) };
}

/** Converts the files one after another; what an earlier attempt converted is kept. */
async function convertAll(
  parts: ConvertedParts,
  containers: ContainerConfig,
  work: Preprocessing,
): Promise<{ conversions: Conversion[]; failed: Map<string, string> }> {
  const { pool, session, journal, order, log, signal } = parts;
  const done = await readConversions(pool, order.uuid);
  const refused = await parts.refusals(order.files.filter((path) => !done.has(path)));
  const failed = new Map(refused);
  const open = order.files.filter((path) => !done.has(path) && !refused.has(path));
  if (open.length > 0) {
    await journal.preprocessing();
    await removeLeftovers(order.uuid, open, new Set([...done.values()].map((c) => c.folder)));
    await journal.sessionOpened(session.context.sessionId);
  }
  for (const path of open) {
    signal.throwIfAborted();
    const converting = {
      order: order.uuid,
      work,
      settings: containers,
      logDir: parts.logDir,
      signal,
      onStart: (process: Parameters<OrderJournal['processStarted']>[1]) => {
        journal.processStarted(session.context.sessionId, process).catch((error: unknown) => {
          log.debug({ error: describeError(error) }, 'the process of a container was not noted');
        });
      },
    };
    const conversion = await convertFile(converting, path, order.files.indexOf(path) + 1);
    if (typeof conversion === 'string') {
      log.warn({ path, reason: conversion }, 'a file was not converted');
      failed.set(path, conversion);
      await journal.results([failedFile(path, conversion)]);
      continue;
    }
    log.info({ path, folder: conversion.folder, files: conversion.outputs.length }, 'a file was converted');
    await insertConversion(pool, order.uuid, conversion);
    done.set(path, conversion);
  }
  if (open.length > 0) await journal.sessionEnded();
  return { conversions: order.files.flatMap((path) => done.get(path) ?? []), failed };
}

/** A file of the order is imported when everything that was made of it is. */
function resultOf({ path, outputs }: Conversion, imported: ReadonlyMap<string, FileResult>): FileResult {
  const results = outputs.flatMap((o) => imported.get(o.path) ?? []);
  const bad = results.find((r) => r.state === 'failed');
  const ids = { imageIds: results.flatMap((r) => r.imageIds), plateIds: results.flatMap((r) => r.plateIds) };
  if (bad || results.length < outputs.length)
    return { ...failedFile(path, `of what it was converted to: ${bad?.error ?? 'a file is missing'}`), ...ids };
  return { path, state: 'imported', filesetId: results[0]?.filesetId ?? null, ...ids, error: null };
}

/** Gives images the names that the converter chose; a file of several images keeps OMERO's names for them. */
async function renameImages(
  { session, order, log }: ConvertedParts,
  conversions: readonly Conversion[],
  imported: ReadonlyMap<string, FileResult>,
): Promise<void> {
  if (order.destination.type === 'Screen') return;
  for (const { path, name } of conversions.flatMap((c) => c.outputs)) {
    const [imageId, ...others] = imported.get(path)?.imageIds ?? [];
    if (name === null || imageId === undefined || others.length > 0) continue;
    try {
      await session.renameImage(imageId, name);
    } catch (error) {
      // A name is not worth a failed import.
      log.warn({ imageId, error: describeError(error) }, 'an image kept the name of its file');
    }
  }
}

function imagesOf(
  work: Preprocessing,
  conversions: readonly Conversion[],
  imported: ReadonlyMap<string, FileResult>,
): ConvertedImages[] {
  return conversions.flatMap(({ path, folder, outputs }) =>
    outputs.flatMap((output): ConvertedImages[] => {
      const result = imported.get(output.path);
      if (!result || result.state === 'failed') return [];
      const values = output.keyvalues.map(([key, value]): [string, string] => [`processing_output_${key}`, value]);
      return [{ result: { ...result, path }, pairs: [...preprocessingPairs(work), ...values], folder }];
    }),
  );
}
