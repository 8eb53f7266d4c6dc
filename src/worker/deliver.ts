import { readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { isBridgeError } from '../domain/errors.ts';
import { jobLogName, resultsNamespace } from '../domain/vocabulary.ts';
import type { AnnotationTarget } from '../omero/queries/annotations.ts';
import type { LocalFile } from '../omero/queries/files.ts';
import type { OmeroSession } from '../omero/session.ts';
import type { ArchivedImage } from '../runs/archived-images.ts';
import type { Delivered, Delivery, DeliveryTarget } from '../runs/delivery.ts';
import type { ArchiveFileRow } from '../runs/read-runs.ts';
import type { Run } from '../runs/run.ts';
import { loggedInputIds } from '../tracking/find-job.ts';
import { setDelivered } from '../runs/write-run.ts';
import type { StepHandle, WorkerContext } from './context.ts';
import { csvColumns } from './csv-table.ts';
import { makeRois } from './make-rois.ts';
import { mediaType } from './media-type.ts';
import { becauseOf } from './not-done.ts';
import { divideName, renamed, sourceOf } from './result-names.ts';

/** A larger CSV file is attached as it is. */
const mostTableBytes = 32 * 1024 * 1024;
const tablesNamespace = 'openmicroscopy.org/omero/bulk_annotations';

type What = Delivered['files'][number]['what'];

/** Does what was asked beside the import, and notes what became of it; nothing where nothing was asked. */
export async function deliverResults(
  ctx: WorkerContext,
  run: Run,
  step: StepHandle,
  parts: Omit<DeliveryParts, 'loggedSources' | 'signal'>,
): Promise<void> {
  if (!run.delivery) return;
  const loggedSources = await loggedInputIds(ctx.runs, run.workflowId, run.taskId);
  const delivered = await deliver(ctx, run, run.delivery, { ...parts, loggedSources, signal: step.signal });
  await step.write((tx) => setDelivered(tx, run.id, delivered));
}

interface DeliveryParts {
  /** Folder of the archive, or of what was fetched. */
  folder: string;
  files: readonly ArchiveFileRow[];
  images: readonly ArchivedImage[];
  /** Images in OMERO by the path of their file. */
  inOmero: ReadonlyMap<string, { imageIds: number[] }>;
  /** Input images that BIOMERO's log names. */
  loggedSources: readonly number[];
  signal: AbortSignal;
}

/**
 * Does in OMERO what was asked beside the import, in the user's name: attaches, makes tables and ROIs, renames. What stands there
 * already is left, so a repeat adds nothing. What cannot be done is told in the outcome and fails nothing; only what is
 * worth another try is thrown.
 */
async function deliver(ctx: WorkerContext, run: Run, wanted: Delivery, parts: DeliveryParts): Promise<Delivered> {
  return ctx.omero.as(run.user.name, run.group.name, (session) => new DeliveryWork(run, wanted, parts, session).do());
}

const isCsv = (file: ArchiveFileRow): boolean => file.path.toLowerCase().endsWith('.csv');

class DeliveryWork {
  readonly #run: Run;
  readonly #wanted: Delivery;
  readonly #parts: DeliveryParts;
  readonly #session: OmeroSession;
  readonly #done: Delivered = { files: [], renamed: 0, rois: 0, notDone: [] };

  constructor(run: Run, wanted: Delivery, parts: DeliveryParts, session: OmeroSession) {
    this.#run = run;
    this.#wanted = wanted;
    this.#parts = parts;
    this.#session = session;
  }

  async do(): Promise<Delivered> {
    const { folder, files } = this.#parts;
    const job = this.#run.job?.id;
    const of = `SLURM job ${job} (Workflow ${this.#run.workflowId})`;
    const wanted = this.#wanted;
    await this.#attach('log', wanted.log, join(folder, jobLogName(job ?? 0)), { description: `Log from ${of}` });
    const results = files.filter((f) => f.kind !== 'image' && /^[^/]+_out\/data\/out\/(?!.*\/\.|\.)/s.test(f.path));
    const [tables, others] = [results.filter(isCsv), results.filter((f) => !isCsv(f))];
    for (const file of wanted.tables.length ? tables : []) await this.#table(join(folder, file.path), of);
    for (const file of wanted.files.length ? others : [])
      await this.#attach('file', wanted.files, join(folder, file.path), { description: `File output from ${of}` });
    if (wanted.sources !== null) await this.#attachToSources(wanted.sources);
    if (wanted.rois !== null) {
      const { rois, notDone } = await makeRois(this.#session, this.#run, wanted.rois, this.#parts);
      this.#done.rois = rois;
      this.#done.notDone.push(...notDone);
    }
    if (wanted.rename !== null) await this.#rename(wanted.rename);
    // Last, as BIOMERO's scripts name it as the attached file of the run.
    await this.#attach('zip', wanted.zip, join(folder, `${job}_out.zip`), { description: `Results from ${of}` });
    return this.#done;
  }

  async #attach(
    what: What,
    targets: readonly DeliveryTarget[],
    path: string,
    about: { description: string; name?: string },
  ): Promise<void> {
    const name = about.name ?? basename(path);
    const mimetype = mediaType(name);
    for (const to of this.#targets(targets, name))
      await this.#try(`${name} was not attached to ${to.type} ${to.id}`, async () => {
        const file: LocalFile = { path, name, mimetype, ns: resultsNamespace, description: about.description };
        const { fileId } = await this.#session.attachFile(to, file);
        await this.#note(what, name, to, fileId);
      });
  }

  async #table(path: string, of: string): Promise<void> {
    const { job, workflowId } = this.#run;
    const name = `${basename(path).replace(/\.csv$/i, '')}_${job?.id}_${workflowId}.csv`;
    for (const to of this.#targets(this.#wanted.tables, name)) {
      let failure: unknown;
      try {
        this.#parts.signal.throwIfAborted();
        const there = await this.#session.attachedFiles(to.type, [to.id]);
        const same = there.find((f) => f.ns === tablesNamespace && f.name === name);
        if (!same && (await stat(path)).size > mostTableBytes) throw new Error('it is too large');
        const fileId =
          same?.fileId ??
          (await this.#session.attachTable(to, { name, columns: csvColumns(await readFile(path, 'utf8')) })).fileId;
        await this.#note('table', name, to, fileId);
        continue;
      } catch (error) {
        if (this.#parts.signal.aborted || (isBridgeError(error) && error.retryable)) throw error;
        failure = error;
      }
      this.#done.notDone.push(becauseOf(`${basename(path)} became no OMERO.table, and is attached as a file`, failure));
      await this.#attach('file', [to], path, { name, description: `Results from ${of}` });
    }
  }

  async #attachToSources(asked: readonly number[]): Promise<void> {
    const ids = asked.length ? asked : this.#parts.loggedSources;
    const sources = (await this.#session.imageNames(ids)).filter((i) => i.groupId === this.#session.context.groupId);
    for (const image of this.#parts.images) {
      const own = basename(image.path);
      const source = sourceOf(own, sources);
      if (image.sha256 === '') this.#done.notDone.push(`${own} is a folder, which cannot be attached to an image.`);
      else if (!source)
        this.#done.notDone.push(`${own} was attached to no image: its name does not tell which it was made from.`);
      else {
        const { file, ext } = divideName(own);
        const { id: job } = this.#run.job ?? {};
        const of = `Result from job ${job} (Workflow ${this.#run.workflowId})`;
        await this.#attach('image', [{ type: 'Image', id: source.id }], image.absolute, {
          name: `${file}.${this.#run.workflowId}.${ext}`.replace(/\.$/, ''),
          description: `${of} | source: ${source.name} (id: ${source.id})`,
        });
      }
    }
  }

  async #rename(pattern: string): Promise<void> {
    const asked = this.#wanted.sources?.length ? this.#wanted.sources : this.#parts.loggedSources;
    const sources = await this.#session.imageNames(asked);
    for (const image of this.#parts.images) {
      const own = basename(image.path);
      const name = renamed(pattern, own, sourceOf(own, sources)?.name ?? null);
      for (const { id, name: old } of await this.#session.imageNames(
        this.#parts.inOmero.get(image.absolute)?.imageIds ?? [],
      ))
        await this.#try(`Image ${id} was not renamed`, async () => {
          // Of a file with several images each keeps what tells it from the others; one that people renamed stays.
          if (old !== own && !old.startsWith(`${own} [`)) return;
          await this.#session.renameImage(id, name + old.slice(own.length));
          this.#done.renamed++;
        });
    }
  }

  #targets(targets: readonly DeliveryTarget[], name: string): AnnotationTarget[] {
    const { destination } = this.#run;
    const found = targets.flatMap((target): AnnotationTarget[] =>
      target !== 'destination' ? [target] : destination ? [{ type: destination.type, id: destination.id }] : [],
    );
    if (targets.length && !found.length)
      this.#done.notDone.push(`${name} was not attached: the run has no dataset, and no other place was named.`);
    return found;
  }

  /** The annotation that a file hangs by is looked up: whoever asked may want to show it. */
  async #note(what: What, name: string, to: AnnotationTarget, fileId: number): Promise<void> {
    const there = await this.#session.attachedFiles(to.type, [to.id]);
    const annotationId = there.find((f) => f.fileId === fileId)?.annotationId ?? 0;
    this.#done.files.push({ what, name, to, fileId, annotationId });
  }

  async #try(problem: string, work: () => Promise<void>): Promise<void> {
    this.#parts.signal.throwIfAborted();
    try {
      await work();
    } catch (error) {
      if (this.#parts.signal.aborted || (isBridgeError(error) && error.retryable)) throw error;
      this.#done.notDone.push(becauseOf(problem, error));
    }
  }
}
