import { readdir, readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { startTestOmero, type TestOmero } from '../../embedded/omero/testing.ts';
import { openPool } from '../../lib/database.ts';
import { packageFile } from '../../lib/package-root.ts';
import { OmeroLink } from '../link.ts';
import * as annotations from './annotations.ts';
import * as containers from './containers.ts';
import * as external from './external-info.ts';
import * as files from './files.ts';
import * as filesets from './filesets.ts';
import * as graphs from './graphs.ts';
import * as rois from './rois.ts';
import * as sessions from './sessions.ts';
import * as texts from './texts.ts';
import { oddWorld, writeWorld, type OddWorld } from '../testing/odd-world.ts';
import * as thumbnails from './thumbnails.ts';
import * as users from './users.ts';

// Every named query, asked by owner, member, leader, stranger and administrators, in groups of every kind, about
// objects that the gateway never made. What a query may tell is stated once, and follows for each who asks.

const groups = ['private', 'readonly', 'annotate', 'write'] as const;
const viewers = ['alice', 'bob', 'carol', 'dora', 'bridge', 'root'] as const;
type Viewer = (typeof viewers)[number];

const roles: Readonly<Record<Viewer, string>> = {
  alice: 'the owner',
  bob: 'a member',
  carol: 'a stranger',
  dora: 'a leader of the group',
  bridge: 'an administrator who may do nothing but act for others',
  root: 'an administrator',
};

function maySee(viewer: Viewer, group: string): boolean {
  if (viewer === 'bob') return group !== 'private';
  return viewer !== 'carol';
}

interface Row {
  /** Name of the function that is asked, as its module exports it. */
  readonly asks: string;
  readonly ask: (link: OmeroLink, world: OddWorld) => Promise<unknown>;
  /** The answer for whoever may see. */
  readonly seen: (world: OddWorld) => unknown;
  readonly hidden: unknown;
  /** Also strangers see it, as people, groups and the server are everybody's. */
  readonly everybody?: boolean;
  /** OMERO refuses a group that one does not belong to, instead of answering nothing. */
  readonly refusesStrangers?: boolean;
}

function childOf(w: OddWorld, type: 'Project' | 'Dataset' | 'Screen'): number {
  return { Project: w.ids.Dataset, Dataset: w.ids.Image, Screen: w.ids.Plate }[type];
}

const containerTypes = ['Dataset', 'Project', 'Screen', 'Plate'] as const;
const annotated = ['Image', 'Dataset', 'Project', 'Screen', 'Plate'] as const;

const rows: Readonly<Record<string, Row>> = {
  ...Object.fromEntries(
    containerTypes.map((type): [string, Row] => [
      `a ${type} with an odd name`,
      {
        asks: 'findContainer',
        ask: (link, w) => containers.findContainer(link, type, w.ids[type]),
        seen: (w) => ({ id: w.ids[type], name: w.name, groupId: w.group, ownerId: w.owner }),
        hidden: null,
      },
    ]),
  ),
  ...Object.fromEntries(
    (['Project', 'Dataset', 'Screen'] as const).flatMap((type): [string, Row][] => [
      [
        `a ${type} by a name with quotes, percent and control characters`,
        {
          asks: 'findContainersByName',
          ask: (link, w) => containers.findContainersByName(link, type, { groupId: w.group, userId: w.owner }, w.name),
          seen: (w) => [{ id: w.ids[type], name: w.name, ownerId: w.owner }],
          hidden: [],
          refusesStrangers: true,
        },
      ],
      [
        `what lies in a ${type}, put there by two people`,
        {
          asks: 'childrenIn',
          ask: (link, w) => containers.childrenIn(link, { type, id: w.ids[type] }, [childOf(w, type), -1]),
          seen: (w) => [childOf(w, type)],
          hidden: [],
        },
      ],
    ]),
  ),
  'images by where their pixels lie, one of a plate': {
    asks: 'imagesByLsid',
    ask: (link, w) => external.imagesByLsid(link, [w.lsid, `${w.lsid}/`, `${w.lsid}/A/1`]),
    seen: (w) => [
      {
        lsid: w.lsid,
        imageId: w.ids.bareImage,
        ownerId: w.owner,
        groupId: w.group,
        datasetIds: [w.ids.Dataset],
        plateId: null,
        screenIds: [],
      },
      {
        lsid: `${w.lsid}/A/1`,
        imageId: w.wellImages[0],
        ownerId: w.owner,
        groupId: w.group,
        datasetIds: [],
        plateId: w.ids.Plate,
        screenIds: [w.ids.Screen],
      },
    ],
    hidden: [],
  },
  'datasets that hold an image, put there by two people': {
    asks: 'datasetsOf',
    ask: (link, w) => external.datasetsOf(link, [w.ids.Image, w.wellImages[0] ?? -1, -1]),
    seen: (w) => new Map([[w.ids.Image, [w.ids.Dataset]]]),
    hidden: new Map(),
  },
  'acquisitions of a plate, one without a name': {
    asks: 'plateAcquisitions',
    ask: (link, w) => external.plateAcquisitions(link, w.ids.Plate),
    seen: (w) =>
      new Map([
        ['', w.base + 501],
        [w.name, w.base + 502],
      ]),
    hidden: new Map(),
  },
  'places of the wells of a plate, one without a place': {
    asks: 'wellPositions',
    ask: async (link, w) => (await external.wellPositions(link, w.ids.Plate)).toSorted(),
    seen: (w) => w.wellImages.map((_, i) => `${Math.floor(i / 24)}/${i % 24}`).toSorted(),
    hidden: [],
  },
  ...Object.fromEntries(
    (['PixelsType', 'DimensionOrder', 'RenderingModel', 'Family'] as const).map((type): [string, Row] => [
      `the values of ${type}`,
      {
        asks: 'enumeration',
        ask: async (link) => (await graphs.enumeration(link, type)) instanceof Map,
        seen: () => true,
        hidden: false,
        everybody: true,
      },
    ]),
  ),
  'pixels of images: of one without any, and of one with two sets': {
    asks: 'pixelsOf',
    ask: (link, w) => thumbnails.pixelsOf(link, [w.ids.bareImage, w.ids.Image]),
    seen: (w) => [{ imageId: w.ids.Image, pixelsId: w.base + 600, group: w.group }],
    hidden: [],
  },
  'thumbnails of images whose files are gone': {
    asks: 'thumbnails',
    ask: (link, w) => thumbnails.thumbnails(link, [w.ids.bareImage, w.ids.Image], 96),
    seen: () => new Map(),
    hidden: new Map(),
  },
  'regions of interest: one without shapes and name, a polygon as older clients wrote it, a mask': {
    asks: 'roisOf',
    ask: (link, w) => rois.roisOf(link, [w.ids.Image, w.ids.bareImage]),
    seen: (w) => w.rois,
    hidden: [],
  },
  'names of regions of interest, without their shapes': {
    asks: 'roiNames',
    ask: (link, w) => rois.roiNames(link, [w.ids.Image, w.ids.bareImage]),
    seen: (w) => w.rois.map(({ id, imageId, ownerId, name }) => ({ id, imageId, ownerId, name, description: '' })),
    hidden: [],
  },
  'the pixels of a mask': {
    asks: 'maskBits',
    ask: (link, w) => rois.maskBits(link, w.mask),
    seen: (w) => w.maskBytes,
    hidden: null,
  },
  'names of images: one without': {
    asks: 'imageNames',
    ask: (link, w) => containers.imageNames(link, [w.ids.Image, w.ids.bareImage]),
    seen: (w) => [
      { id: w.ids.bareImage, name: '', groupId: w.group },
      { id: w.ids.Image, name: w.hugeName, groupId: w.group },
    ],
    hidden: [],
  },
  'sizes of images: one without pixels, one with two': {
    asks: 'imageSizes',
    ask: (link, w) => containers.imageSizes(link, [w.ids.Image, w.ids.bareImage]),
    seen: (w) => new Map([[w.ids.Image, { width: 1, height: 1 }]]),
    hidden: new Map(),
  },
  'images of a dataset: one without pixels and fileset, one linked twice': {
    asks: 'imagesIn',
    ask: (link, w) => containers.imagesIn(link, w.ids.Dataset),
    seen: (w) => [
      { id: w.ids.bareImage, name: '', filesetId: null },
      { id: w.ids.Image, name: w.hugeName, filesetId: w.ids.fileset },
    ],
    hidden: [],
  },
  'filesets by client path: with images, and without': {
    asks: 'filesetsByClientPath',
    ask: (link, w) => filesets.filesetsByClientPath(link, [`/${w.hugePath}`, `/${w.emptyPath}`, '/none']),
    seen: (w) => [
      {
        filesetId: w.ids.fileset,
        clientPath: w.hugePath,
        imageIds: [w.ids.Image],
        plateIds: [],
        datasetIds: [w.ids.Dataset],
      },
      { filesetId: w.ids.emptyFileset, clientPath: w.emptyPath, imageIds: [], plateIds: [], datasetIds: [] },
    ],
    hidden: [],
  },
  'contents of a plate with 384 wells': {
    asks: 'filesetContents',
    ask: (link, w) => filesets.filesetContents(link, [w.ids.plateFileset, w.ids.entrylessFileset]),
    seen: (w) => [
      { filesetId: w.ids.plateFileset, clientPaths: [w.platePath], imageIds: w.wellImages, plateIds: [w.ids.Plate] },
    ],
    hidden: [],
  },
  'a job that has started and not ended': {
    asks: 'unfinishedImportJobs',
    ask: (link, w) => filesets.unfinishedImportJobs(link, [w.ids.fileset, w.ids.emptyFileset, w.ids.plateFileset]),
    seen: (w) => [w.ids.emptyFileset],
    hidden: [],
  },
  'stored files, of an image without any too': {
    asks: 'storedFilesOf',
    ask: (link, w) => filesets.storedFilesOf(link, [w.ids.bareImage, w.ids.Image]),
    seen: (w) => [{ imageId: w.ids.Image, path: w.storedFolder, name: w.storedName, clientPath: w.hugePath }],
    hidden: [],
  },
  ...Object.fromEntries(
    annotated.flatMap((type): [string, Row][] => [
      [
        `annotations of a ${type}: without namespace, without pairs, beside a tag and a comment`,
        {
          asks: 'mapAnnotations',
          ask: (link, w) => annotations.mapAnnotations(link, type, [w.ids[type]]),
          seen: (w) => w.annotationsOf(type),
          hidden: [],
        },
      ],
      [
        `annotations of a ${type} by namespace`,
        {
          asks: 'mapAnnotations',
          ask: (link, w) => annotations.mapAnnotations(link, type, [w.ids[type]], w.ns),
          seen: (w) => w.annotationsOf(type).filter((a) => a.ns === w.ns),
          hidden: [],
        },
      ],
    ]),
  ),
  ...Object.fromEntries(
    annotated.flatMap((type): [string, Row][] => [
      [
        `rows of annotations of every kind of a ${type}`,
        {
          asks: 'annotationLinks',
          ask: async (link, w) => (await annotations.annotationLinks(link, type, [w.ids[type]])).length,
          seen: () => 6,
          hidden: 0,
        },
      ],
      [
        `comments of a ${type}: an empty one`,
        {
          asks: 'textAnnotations',
          ask: (link, w) => texts.textAnnotations(link, 'Comment', type, [w.ids[type]]),
          seen: (w) => w.textsOf('Comment', type),
          hidden: [],
        },
      ],
      [
        `tags of a ${type}`,
        {
          asks: 'textAnnotations',
          ask: (link, w) => texts.textAnnotations(link, 'Tag', type, [w.ids[type]]),
          seen: (w) => w.textsOf('Tag', type),
          hidden: [],
        },
      ],
      [
        `files of a ${type}: one that never arrived`,
        {
          asks: 'attachedFiles',
          ask: (link, w) => files.attachedFiles(link, type, [w.ids[type]]),
          seen: (w) => w.filesOf(type),
          hidden: [],
        },
      ],
    ]),
  ),
  "a file's checksum that nobody computed": {
    asks: 'fileChecksum',
    ask: (link, w) => files.fileChecksum(link, w.unsentFile),
    seen: (w) => ({ name: w.name, size: null, hash: '', hasher: '' }),
    hidden: null,
  },
  'scripts by an odd name, in two folders': {
    asks: 'scriptsNamed',
    ask: (link, w) => files.scriptsNamed(link, [w.name, 'none.py']),
    seen: (w) => w.scripts,
    hidden: [],
  },
  'a tag by an odd name, of the several the first': {
    asks: 'ownTag',
    ask: (link, w) => texts.ownTag(link, w.group, w.owner, w.name),
    seen: (w) => w.textsOf('Tag', 'Image')[1]?.annotationId,
    hidden: null,
    refusesStrangers: true,
  },
  'a user by name': {
    asks: 'findUser',
    ask: (link) => users.findUser(link, 'alice'),
    seen: (w) => ({ id: w.owner, name: 'alice' }),
    hidden: null,
    everybody: true,
  },
  "a user's name": {
    asks: 'userName',
    ask: (link, w) => users.userName(link, w.owner),
    seen: () => 'alice',
    hidden: null,
    everybody: true,
  },
  "a group's name": {
    asks: 'groupName',
    ask: (link, w) => users.groupName(link, w.group),
    seen: (w) => w.groupName,
    hidden: null,
    everybody: true,
  },
  'a group and its permissions': {
    asks: 'findGroup',
    ask: (link, w) => users.findGroup(link, w.groupName),
    seen: (w) => ({ id: w.group, name: w.groupName, permissions: w.permissions }),
    hidden: null,
    everybody: true,
  },
  'all groups': {
    asks: 'allGroups',
    ask: async (link) => (await users.allGroups(link)).map((g) => g.name),
    seen: () => [...groups],
    hidden: [],
    everybody: true,
  },
  'groups of a user': {
    asks: 'groupsOf',
    ask: async (link, w) => (await users.groupsOf(link, w.owner)).find((g) => g.id === w.group),
    seen: (w) => ({ id: w.group, name: w.groupName, leader: w.groupName === 'write' }),
    hidden: undefined,
    everybody: true,
  },
  'a session that is not open': {
    asks: 'closeSessionById',
    ask: (link) => sessions.closeSessionById(link, 987_654_321),
    seen: () => 'gone',
    hidden: 'gone',
    everybody: true,
  },
};

/** Exports that read nothing of the data: they write, or ask who one is and what the server is. */
const notOfTheMatrix = new Set([
  ...['annotate', 'createContainer', 'putInto', 'createRois', 'packMask', 'saveGraphs', 'renameImage'],
  ...['deleteObjects', 'createSudoSession', 'endSession'],
  ...['addComment', 'addTag', 'attachFile', 'downloadFile', 'attachTable', 'readTable'],
  ...['readEventContext', 'readVersion', 'managedRepositoryPath'],
]);

let omero: TestOmero;
let worlds: ReadonlyMap<string, OddWorld>;
const links = new Map<Viewer, OmeroLink>();
const asked = new Set<string>();

beforeAll(async () => {
  omero = await startTestOmero();
  const pool = openPool(omero.database.url, { max: 1 });
  try {
    worlds = new Map(await Promise.all(groups.map(async (name, i) => [name, await oddWorld(pool, name, i)] as const)));
    for (const world of worlds.values()) await writeWorld(pool, world);
  } finally {
    await pool.end();
  }
  omero = await omero.restart();
  const config = { host: '127.0.0.1', port: omero.port, transport: 'tcp', tls: 'verify', caFile: null, webUrl: null };
  for (const user of viewers) {
    const account = { user, password: `${user}-secret` };
    const link = await OmeroLink.open({ ...config, ...account } as never, user, account.password);
    const call = link.call.bind(link);
    vi.spyOn(link, 'call').mockImplementation((...args: Parameters<OmeroLink['call']>) => {
      if (args[0] === 'IQuery') asked.add(String(args[2][0]));
      return call(...args);
    });
    links.set(user, link);
  }
});
afterAll(async () => {
  for (const link of links.values()) await link.close();
  await omero?.drop();
});

describe.each(groups)('group %s', (group) => {
  describe.each(viewers)('%s', (viewer) => {
    test.each(Object.keys(rows))(`${roles[viewer]} asks for %s`, async (name) => {
      const [row, world, link] = [rows[name], worlds.get(group), links.get(viewer)];
      if (!row || !world || !link) throw new Error('the matrix is not complete');
      const answer = row.ask(link, world);
      if (row.refusesStrangers && viewer === 'carol') {
        await expect(answer).rejects.toMatchObject({ code: 'OMERO_NOT_PERMITTED' });
        return;
      }
      const sees = row.everybody === true || maySee(viewer, group);
      expect(await answer).toEqual(sees ? row.seen(world) : row.hidden);
    });
  });
});

test('every query of the gateway has a row, and every HQL text was asked', async () => {
  const modules: object[] = await Promise.all((await queryModules()).map((name) => import(`./${name}`)));
  const exported = modules
    .flatMap((module) => Object.entries(module).filter(([, value]) => typeof value === 'function'))
    .map(([name]) => name);
  const covered = new Set(Object.values(rows).map((row) => row.asks));
  expect(exported.filter((name) => !covered.has(name) && !notOfTheMatrix.has(name))).toEqual([]);

  const unasked: string[] = [];
  for (const text of await writtenTexts()) if (!asked.has(text)) unasked.push(text);
  expect(unasked).toEqual([]);
});

/** Files of queries, but for the two that all of them use. */
async function queryModules(): Promise<string[]> {
  const names = await readdir(packageFile('src', 'omero', 'queries'));
  return names.filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts') && name !== 'project.ts');
}

/** The HQL texts as they stand in the modules; the ones for links of annotations once per class. */
async function writtenTexts(): Promise<string[]> {
  const folder = packageFile('src', 'omero', 'queries');
  const sources = await Promise.all((await queryModules()).map((name) => readFile(`${folder}/${name}`, 'utf8')));
  const texts = sources.flatMap((s) => [...s.matchAll(/['"`]((?:select|from)\s[^'"`]*)['"`]/g)].map((m) => m[1] ?? ''));
  expect(texts.length).toBeGreaterThan(15);
  return texts.flatMap((text) =>
    text.includes('${link}') ? annotated.map((type) => text.replaceAll('${link}', `${type}AnnotationLink`)) : [text],
  );
}
