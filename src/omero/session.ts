/** The gateway to OMERO: one user's session. Reads go over all groups that the user sees, writes into the session's group. */
import type { OmeroConfig } from '../config/config.ts';
import { bridgeError } from '../domain/errors.ts';
import type { IceObject } from './ice/values.ts';
import { OmeroLink } from './link.ts';
import * as annotations from './queries/annotations.ts';
import * as containers from './queries/containers.ts';
import * as deletion from './queries/deletion.ts';
import * as external from './queries/external-info.ts';
import * as files from './queries/files.ts';
import * as filesets from './queries/filesets.ts';
import * as graphs from './queries/graphs.ts';
import * as rois from './queries/rois.ts';
import * as server from './queries/server.ts';
import * as sessions from './queries/sessions.ts';
import * as tables from './queries/tables.ts';
import * as texts from './queries/texts.ts';
import * as thumbnails from './queries/thumbnails.ts';
import * as users from './queries/users.ts';

const defaultIdleMs = 10 * 60_000;

export class OmeroSession {
  readonly context: users.EventContext;
  /** The session key, a secret: for the import process only. */
  readonly key: string;
  readonly #config: OmeroConfig;
  readonly #link: OmeroLink;
  readonly #owned: boolean;
  #closed: Promise<void> | null = null;

  private constructor(config: OmeroConfig, link: OmeroLink, context: users.EventContext, owned: boolean) {
    this.#config = config;
    this.#link = link;
    this.context = context;
    this.key = context.sessionUuid;
    this.#owned = owned;
  }

  /** Signs in with a password, by default as the configured account. Throws the errors of `OmeroLink.open`. */
  static async signIn(
    config: OmeroConfig,
    credentials: { user: string; password: string } = config,
  ): Promise<OmeroSession> {
    const link = await OmeroLink.open(config, credentials.user, credentials.password);
    return OmeroSession.#start(config, link, true);
  }

  /** Joins a session by its key; closing it then leaves it to the others. */
  static async join(config: OmeroConfig, key: string): Promise<OmeroSession> {
    return OmeroSession.#start(config, await OmeroLink.open(config, key, key, 'the holder of a session key'), false);
  }

  static async #start(config: OmeroConfig, link: OmeroLink, owned: boolean): Promise<OmeroSession> {
    try {
      const context = await users.readEventContext(link);
      link.user = context.userName;
      return new OmeroSession(config, link, context, owned);
    } catch (error) {
      await link.close();
      throw error;
    }
  }

  /** Aborted, with the reason, when the session ended without `close`. */
  get lost(): AbortSignal {
    return this.#link.lost;
  }

  /** Who and where the session is, asked of OMERO anew: groups and rights may have changed since it began. */
  readContext(): Promise<users.EventContext> {
    return users.readEventContext(this.#link);
  }

  version(): Promise<string> {
    return server.readVersion(this.#link);
  }

  /** Folder of the managed repository, absolute, as the server sees it. */
  managedRepositoryPath(): Promise<string> {
    return server.managedRepositoryPath(this.#link);
  }

  /**
   * A session of another user in a group, on a connection of its own; it ends with `close`, or idle for `idleMs`.
   * Throws OMERO_USER_UNKNOWN, OMERO_GROUP_UNKNOWN, OMERO_NOT_IN_GROUP, OMERO_SUDO_REFUSED.
   */
  async sudo(user: string, group: string, { idleMs = defaultIdleMs }: { idleMs?: number } = {}): Promise<OmeroSession> {
    // OMERO takes an empty group, and "user", as the default group of whoever it is.
    if (group.trim() === '') throw bridgeError('OMERO_GROUP_UNKNOWN', { group: group || '(empty)' });
    const uuid = await sessions.createSudoSession(this.#link, user, group, idleMs);
    let session: OmeroSession;
    try {
      const link = await OmeroLink.open(this.#config, uuid, uuid, user);
      session = await OmeroSession.#start(this.#config, link, true);
    } catch (error) {
      await sessions.endSession(this.#link, uuid).catch(() => undefined);
      throw error;
    }
    if (session.context.userName === user && session.context.groupName === group) return session;
    await session.close();
    throw bridgeError('OMERO_NOT_IN_GROUP', { user, group });
  }

  /** Ends any session by its id, repeated until it is gone; `gone` when it was not open. For admins. */
  closeSession(sessionId: number): Promise<'closed' | 'gone'> {
    return sessions.closeSessionById(this.#link, sessionId);
  }

  findUser(name: string): Promise<{ id: number; name: string } | null> {
    return users.findUser(this.#link, name);
  }

  /** Login name of a user by id, or null. */
  userName(userId: number): Promise<string | null> {
    return users.userName(this.#link, userId);
  }

  /** Name of a group by id, or null. */
  groupName(groupId: number): Promise<string | null> {
    return users.groupName(this.#link, groupId);
  }

  findGroup(name: string): Promise<{ id: number; name: string; permissions: string } | null> {
    return users.findGroup(this.#link, name);
  }

  allGroups(): Promise<{ id: number; name: string }[]> {
    return users.allGroups(this.#link);
  }

  groupsOf(userId: number): Promise<{ id: number; name: string; leader: boolean }[]> {
    return users.groupsOf(this.#link, userId);
  }

  findContainer(
    type: containers.ContainerType,
    id: number,
  ): Promise<{ id: number; name: string; groupId: number; ownerId: number } | null> {
    return containers.findContainer(this.#link, type, id);
  }

  /** Datasets of the session's group with exactly this name, the user's own first. */
  findDatasetsByName(name: string): Promise<{ id: number; name: string; ownerId: number }[]> {
    return containers.findContainersByName(this.#link, 'Dataset', this.context, name);
  }

  createDataset(name: string, description: string): Promise<number> {
    return containers.createContainer(this.#link, this.context.groupId, 'Dataset', name, description);
  }

  /** Containers of the session's group with exactly this name, the user's own first. */
  findContainersByName(
    type: containers.CreatedContainer,
    name: string,
  ): Promise<{ id: number; name: string; ownerId: number }[]> {
    return containers.findContainersByName(this.#link, type, this.context, name);
  }

  createContainer(type: containers.CreatedContainer, name: string, description: string): Promise<number> {
    return containers.createContainer(this.#link, this.context.groupId, type, name, description);
  }

  /** Puts datasets into a project, images into a dataset, plates into a screen; see `queries/containers.ts`. */
  putInto(
    container: { readonly type: containers.CreatedContainer; readonly id: number },
    ids: readonly number[],
  ): Promise<void> {
    return containers.putInto(this.#link, this.context.groupId, container, ids);
  }

  /** Datasets that hold each of these images, by image id. */
  datasetsOfImages(imageIds: readonly number[]): Promise<Map<number, number[]>> {
    return external.datasetsOf(this.#link, imageIds);
  }

  imagesIn(datasetId: number): Promise<{ id: number; name: string; filesetId: number | null }[]> {
    return containers.imagesIn(this.#link, datasetId);
  }

  /** Names and groups of those images that the user can see. */
  imageNames(ids: readonly number[]): Promise<{ id: number; name: string; groupId: number }[]> {
    return containers.imageNames(this.#link, ids);
  }

  /** Width and height of images in pixels, by id. */
  imageSizes(ids: readonly number[]): Promise<Map<number, { width: number; height: number }>> {
    return containers.imageSizes(this.#link, ids);
  }

  /** Filesets by exact client path; see `queries/filesets.ts`. */
  filesetsByClientPath(paths: readonly string[]): Promise<filesets.FilesetByPath[]> {
    return filesets.filesetsByClientPath(this.#link, paths);
  }

  filesetContents(filesetIds: readonly number[]): Promise<filesets.FilesetContents[]> {
    return filesets.filesetContents(this.#link, filesetIds);
  }

  unfinishedImportJobs(filesetIds: readonly number[]): Promise<number[]> {
    return filesets.unfinishedImportJobs(this.#link, filesetIds);
  }

  storedFilesOf(imageIds: readonly number[]): Promise<filesets.StoredFile[]> {
    return filesets.storedFilesOf(this.#link, imageIds);
  }

  /** Images by where their pixels lie outside of OMERO; see `queries/external-info.ts`. */
  imagesByLsid(lsids: readonly string[]): Promise<external.ExternalImage[]> {
    return external.imagesByLsid(this.#link, lsids);
  }

  /** Acquisitions of a plate, by name. */
  plateAcquisitions(plateId: number): Promise<Map<string, number>> {
    return external.plateAcquisitions(this.#link, plateId);
  }

  /** Places of a plate that have a well, as `row/column` counted from 0. */
  wellPositions(plateId: number): Promise<string[]> {
    return external.wellPositions(this.#link, plateId);
  }

  /** Ids of the values of an enumeration. */
  enumeration(type: graphs.EnumerationType): Promise<Map<string, number>> {
    return graphs.enumeration(this.#link, type);
  }

  /** Saves new objects with all that hangs on them, all or nothing; see `queries/graphs.ts`. */
  saveGraphs(objects: readonly IceObject[]): Promise<number[]> {
    return graphs.saveGraphs(this.#link, this.context.groupId, objects);
  }

  /** Gives an image another name. */
  renameImage(imageId: number, name: string): Promise<void> {
    return graphs.renameImage(this.#link, this.context.groupId, imageId, name);
  }

  /** Gives each target a map annotation unless it has it; see `queries/annotations.ts`. */
  annotate(
    targets: readonly annotations.AnnotationTarget[],
    ns: string,
    pairs: readonly annotations.Pair[],
    { key }: { key?: string } = {},
  ): Promise<void> {
    return annotations.annotate(this.#link, this.context.groupId, targets, ns, pairs, key);
  }

  mapAnnotations(
    type: annotations.AnnotatedType,
    ids: readonly number[],
    ns?: string,
  ): Promise<annotations.MapAnnotation[]> {
    return annotations.mapAnnotations(this.#link, type, ids, ns);
  }

  /** Gives each target a comment unless it has the same one; see `queries/texts.ts`. */
  addComment(targets: readonly annotations.AnnotationTarget[], ns: string, text: string): Promise<void> {
    return texts.addComment(this.#link, this.context.groupId, targets, ns, text);
  }

  /** Tags targets with a tag of the user's, made when there is none; see `queries/texts.ts`. */
  addTag(targets: readonly annotations.AnnotationTarget[], name: string): Promise<void> {
    return texts.addTag(this.#link, this.context, targets, name);
  }

  texts(
    kind: texts.TextKind,
    type: annotations.AnnotatedType,
    ids: readonly number[],
  ): Promise<texts.TextAnnotation[]> {
    return texts.textAnnotations(this.#link, kind, type, ids);
  }

  /** Attaches a local file unless it hangs there already; see `queries/files.ts`. */
  attachFile(target: annotations.AnnotationTarget, file: files.LocalFile): Promise<{ fileId: number }> {
    return files.attachFile(this.#link, this.context.groupId, target, file);
  }

  attachedFiles(type: annotations.AnnotatedType, ids: readonly number[]): Promise<files.AttachedFile[]> {
    return files.attachedFiles(this.#link, type, ids);
  }

  scriptsNamed(names: readonly string[]): Promise<{ id: number; path: string; name: string }[]> {
    return files.scriptsNamed(this.#link, names);
  }

  /** Copies a file of OMERO's to a path where nothing is yet; see `queries/files.ts`. */
  downloadFile(fileId: number, path: string): Promise<void> {
    return files.downloadFile(this.#link, this.context.groupId, fileId, path);
  }

  /** Attaches a table of measurements to an object; see `queries/tables.ts`. */
  attachTable(
    target: annotations.AnnotationTarget,
    table: { readonly name: string; readonly columns: readonly tables.TableColumn[]; readonly ns?: string },
  ): Promise<{ fileId: number; annotationId: number }> {
    return tables.attachTable(this.#link, this.context.groupId, target, table);
  }

  readTable(fileId: number): Promise<tables.TableColumn[]> {
    return tables.readTable(this.#link, this.context.groupId, fileId);
  }

  /** Small pictures of images by image id, those that have one; see `queries/thumbnails.ts`. */
  thumbnails(imageIds: readonly number[], size: number): Promise<Map<number, thumbnails.Thumbnail>> {
    return thumbnails.thumbnails(this.#link, imageIds, size);
  }

  /** Saves regions of interest, polygons and masks; see `queries/rois.ts`. */
  createRois(list: readonly rois.NewRoi[]): Promise<number[]> {
    return rois.createRois(this.#link, this.context.groupId, list);
  }

  roisOf(imageIds: readonly number[]): Promise<rois.Roi[]> {
    return rois.roisOf(this.#link, imageIds);
  }

  /** ROIs without their shapes. */
  roiNames(imageIds: readonly number[]): Promise<rois.RoiName[]> {
    return rois.roiNames(this.#link, imageIds);
  }

  maskBits(shapeId: number): Promise<Uint8Array | null> {
    return rois.maskBits(this.#link, shapeId);
  }

  /** Deletes objects with what hangs on them; see `queries/deletion.ts`. */
  deleteObjects(type: deletion.DeletedType, ids: readonly number[]): Promise<void> {
    return deletion.deleteObjects(this.#link, this.context.groupId, type, ids);
  }

  keepAlive(): Promise<void> {
    return this.#link.keepAlive();
  }

  /** Ends the session (a joined one is only left) and its connection. Does not throw. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#link.expectEnd();
    // An import process that died may have left its reference: only all of them together end the session.
    if (this.#owned && !this.lost.aborted) await sessions.endSession(this.#link, this.key).catch(() => undefined);
    await this.#link.close();
  }
}
