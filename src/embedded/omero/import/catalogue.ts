import { isBridgeError } from '../../../domain/errors.ts';
import { OmeroLink } from '../../../omero/link.ts';
import { clientPathOf } from '../../../omero/client-path.ts';
import type { IceObject } from '../../../omero/ice/values.ts';
import { rint, rlong, rstring, rtime, unwrap } from '../../../omero/rtypes.ts';
import type { ImageFile, ImageInFile } from './images.ts';
import type { ManagedFile } from './managed-folder.ts';
import type { Target } from './target.ts';

/** A fileset that was begun: its files are registered, its job has started, there are no images yet. */
export interface Begun {
  readonly filesetId: number;
  readonly job: IceObject;
}

export interface Registered {
  readonly imageIds: readonly number[];
  readonly plateId: number | null;
}

/** Members of OMERO's enumeration of lengths that files use. */
const lengthUnits: Readonly<Record<string, number>> = { m: 10, cm: 12, mm: 13, µm: 14, μm: 14, nm: 15, pm: 16 };

/** What an import writes to the server, as the user of the session, over the wire. */
export class Catalogue {
  readonly user: { readonly name: string; readonly id: number };
  readonly #link: OmeroLink;

  private constructor(link: OmeroLink, user: Catalogue['user']) {
    this.#link = link;
    this.user = user;
  }

  /** Joins the session of the key. */
  static async join(server: { host: string; port: number; transport: 'tcp' | 'ssl' }, key: string): Promise<Catalogue> {
    const open = (tls: 'self-signed' | 'anonymous'): Promise<OmeroLink> => {
      // It does not join again either: the session's end is the end of its import.
      const config = { ...server, user: '', password: '', tls, caFile: null, webUrl: null, reconnectSeconds: 0 };
      return OmeroLink.open(config, key, key, 'the holder of the session key');
    };
    // OMERO's own importer takes any certificate, and none.
    const link = await open('self-signed').catch((error: unknown) => {
      if (isBridgeError(error, 'OMERO_TLS_REFUSED')) return open('anonymous');
      throw error;
    });
    const { userName, userId } = (await link.call('IAdmin', 'getEventContext', [])) as IceObject;
    return new Catalogue(link, { name: String(userName), id: Number(userId) });
  }

  /** True once the session or its connection has ended. */
  get isLost(): boolean {
    return this.#link.lost.aborted;
  }

  async repository(): Promise<string> {
    return String(await this.#link.call('IConfig', 'getConfigValue', ['omero.managed.dir']));
  }

  /** The target must be there, in the session's group, and be open to links by this user. */
  async checkTarget({ type, id }: Target): Promise<void> {
    const found = (await this.#link.call('IQuery', 'find', [type, id])) as IceObject | null;
    if (!found) throw new Error(`Error: ${type}:${id} does not exist, or is not in the group of the session`);
    const details = found['details'] as IceObject | null;
    const restrictions = (details?.['permissions'] as IceObject | null)?.['restrictions'] as boolean[] | undefined;
    if (restrictions?.[0] !== false) throw new Error(`Error: ${type}:${id} cannot be linked to`);
  }

  /** Registers the file, and a job that has started and not finished. */
  async begin(file: ImageFile, { folder, name }: ManagedFile): Promise<Begun> {
    const now = Date.now();
    const originalFile = fresh('OriginalFile', {
      name: rstring(name),
      path: rstring(folder),
      size: rlong(file.bytes),
      repo: rstring('ManagedRepository'),
    });
    const entry = fresh('FilesetEntry', { clientPath: rstring(clientPathOf(file.path)), originalFile });
    const fileset = fresh('Fileset', { templatePrefix: rstring(folder), usedFilesSeq: [entry], usedFilesLoaded: true });
    const job = fresh('UploadJob', {
      username: rstring(this.user.name),
      groupname: rstring(''),
      type: rstring('Import'),
      message: rstring('importing'),
      submitted: rtime(now),
      scheduledFor: rtime(now),
      started: rtime(now),
    });
    const link = fresh('FilesetJobLink', { parent: fileset, child: job });
    const saved = (await this.#link.call('IUpdate', 'saveAndReturnObject', [link])) as IceObject;
    return { filesetId: idOf(saved['parent']), job: { ...job, id: rlong(idOf(saved['child'])) } };
  }

  /** Stores the images in their container and finishes the job, all or nothing. */
  async finish(file: ImageFile, begun: Begun, target: Target | null, name: string | null): Promise<Registered> {
    const fileset = reference('Fileset', begun.filesetId);
    const images = file.images.map((image) => imageObject(image, fileset, name));
    const containers = target ? contain(images, target, name ?? file.images[0]?.name ?? 'Plate') : [];
    const done = { ...begun.job, message: rstring('imported'), finished: rtime(Date.now()) };
    const list = [...images, ...containers, done];
    const saved = (await this.#link.call('IUpdate', 'saveAndReturnArray', [list])) as IceObject[];
    const link = saved.find((object) => object.$type === '::omero::model::ScreenPlateLink');
    return { imageIds: saved.slice(0, images.length).map(idOf), plateId: link ? idOf(link['child']) : null };
  }

  /** Ends the job of a file that could not be imported; its fileset stays without images, as on a real server. */
  async fail({ job }: Begun, reason: string): Promise<void> {
    const failed = { ...job, message: rstring(`failed: ${reason}`.slice(0, 1000)), finished: rtime(Date.now()) };
    await this.#link.call('IUpdate', 'saveObject', [failed]);
  }

  leave(): Promise<void> {
    return this.#link.close();
  }
}

function imageObject(image: ImageInFile, fileset: IceObject, name: string | null): IceObject {
  const { size, physicalSize } = image;
  const object = fresh('Image', { name: rstring(name ?? image.name), series: rint(image.series), fileset });
  const pixels = fresh('Pixels', {
    image: object,
    pixelsType: fresh('PixelsType', { value: rstring(image.pixelsType) }),
    dimensionOrder: fresh('DimensionOrder', { value: rstring(image.dimensionOrder) }),
    significantBits: rint(image.bits),
    sha1: rstring('Pending...'),
  });
  for (const axis of ['X', 'Y', 'Z', 'C', 'T'] as const) pixels[`size${axis}`] = rint(size[axis]);
  for (const axis of ['X', 'Y', 'Z'] as const) {
    const length = physicalSize[axis];
    const unit = length && lengthUnits[length.unit];
    if (unit !== undefined)
      pixels[`physicalSize${axis}`] = { $type: '::omero::model::Length', value: length?.value, unit };
  }
  return Object.assign(object, { pixelsSeq: [pixels], pixelsLoaded: true });
}

/**
 * Images go into a dataset, or onto a plate of a screen. A plate has one well here, with the file's images as its fields:
 * a simplification, as only formats of plate readers, which are not read here, know more.
 */
function contain(images: readonly IceObject[], { type, id }: Target, name: string): IceObject[] {
  const parent = reference(type, id);
  if (type === 'Dataset') return images.map((child) => fresh('DatasetImageLink', { parent, child }));
  const samples = images.map((image) => fresh('WellSample', { image }));
  const well = fresh('Well', { row: rint(0), column: rint(0), wellSamplesSeq: samples, wellSamplesLoaded: true });
  const plate = fresh('Plate', {
    name: rstring(name),
    rows: rint(1),
    columns: rint(1),
    wellsSeq: [well],
    wellsLoaded: true,
  });
  return [fresh('ScreenPlateLink', { parent, child: plate })];
}

function fresh(name: string, members: Record<string, unknown>): IceObject {
  return { $type: `::omero::model::${name}`, loaded: true, ...members };
}

function reference(name: string, id: number): IceObject {
  return { $type: `::omero::model::${name}`, id: rlong(id), loaded: false };
}

function idOf(object: unknown): number {
  const id = unwrap((object as IceObject | null)?.['id']);
  if (typeof id !== 'number') throw new Error('the server saved an object and told no id');
  return id;
}
