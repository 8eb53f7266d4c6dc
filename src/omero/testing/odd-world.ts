/** For tests: objects as other programs leave them in OMERO, written into the stand-in's database. */
import type { Database } from '../../lib/database.ts';
import type { AnnotatedType, MapAnnotation, Pair } from '../queries/annotations.ts';
import type { AttachedFile } from '../queries/files.ts';
import type { Roi } from '../queries/rois.ts';
import type { TextAnnotation, TextKind } from '../queries/texts.ts';

const kinds = [
  ...(['Dataset', 'Project', 'Screen', 'Plate', 'Image'] as const),
  ...(['bareImage', 'fileset', 'emptyFileset', 'plateFileset', 'entrylessFileset'] as const),
];
type Kind = (typeof kinds)[number];

/** The objects of one group, all of user alice. */
export interface OddWorld {
  readonly groupName: string;
  readonly permissions: string;
  readonly group: number;
  readonly owner: number;
  readonly other: number;
  readonly base: number;
  readonly ids: Readonly<Record<Kind, number>>;
  readonly wellImages: number[];
  readonly name: string;
  readonly hugeName: string;
  readonly hugePath: string;
  readonly emptyPath: string;
  readonly platePath: string;
  readonly storedFolder: string;
  readonly storedName: string;
  readonly ns: string;
  readonly unsentFile: number;
  readonly scripts: { id: number; path: string; name: string }[];
  annotationsOf(type: AnnotatedType): MapAnnotation[];
  textsOf(kind: TextKind, type: AnnotatedType): TextAnnotation[];
  filesOf(type: AnnotatedType): AttachedFile[];
  readonly rois: Roi[];
  readonly mask: number;
  readonly maskBytes: Uint8Array;
  readonly lsid: string;
}

const wells = 384;
const annotatedTypes: readonly AnnotatedType[] = ['Image', 'Dataset', 'Project', 'Screen', 'Plate'];
const oddPairs: Pair[] = [
  ['', ''],
  ['Ключ', '値\n"\'\\ '],
  ['again', '2'],
  ['again', '1'],
  ['long', 'x'.repeat(20_000)],
];

/** Describes the objects of a group; `place` keeps the ids of groups apart. */
export async function oddWorld(db: Database, groupName: string, place: number): Promise<OddWorld> {
  const idOf = async (kind: string, field: string, name: string): Promise<[number, string]> => {
    const { rows } = await db.query<{ id: number; permissions: string | null }>(
      `select id::int as id, data->>'permissions' as permissions from omero_standin.objects
       where class = $1 and data->>$2 = $3`,
      [kind, field, name],
    );
    return [rows[0]?.id ?? -1, rows[0]?.permissions ?? ''];
  };
  const [group, permissions] = await idOf('ExperimenterGroup', 'name', groupName);
  const [owner] = await idOf('Experimenter', 'omeName', 'alice');
  const [other] = await idOf('Experimenter', 'omeName', 'bob');
  const base = 1_000_000 * (place + 1);
  const ids = Object.fromEntries(kinds.map((kind, i) => [kind, base + i])) as Record<Kind, number>;
  // The image that has files comes after the one that has none.
  [ids.Image, ids.bareImage] = [Math.max(ids.Image, ids.bareImage), Math.min(ids.Image, ids.bareImage)];
  const ns = 'ünï/ns?%_';
  return {
    ...{ groupName, permissions, group, owner, other, base, ids, ns },
    wellImages: Array.from({ length: wells }, (_, i) => base + 1_000 + i),
    name: oddName(groupName),
    hugeName: '長'.repeat(20_000),
    hugePath: `${groupName}/${'d'.repeat(200)}/`.repeat(20) + 'ümlaut 核.tif',
    emptyPath: `${groupName}/never arrived.tif`,
    platePath: `${groupName}/plate.companion.ome`,
    storedFolder: `alice_${owner}/2024-01/${groupName}/`,
    storedName: 'ümlaut 核.tif',
    unsentFile: base + 300,
    // Named as the file that never arrived, which is no script.
    scripts: ['/biomero/ünï/', '/'].map((path, i) => ({ id: base + 310 + i, path, name: oddName(groupName) })),
    lsid: `/data/${groupName}/ümlaut 100%_.zarr/0`,
    rois: roisOf(base, ids.Image, owner, groupName === 'private' ? owner : other),
    mask: base + 403,
    maskBytes: new Uint8Array([0x80, 0xff]),
    textsOf: (kind, type) => {
      const [, , tag, comment] = annotationIds(base, type);
      const [, plain] = extraIds(base, type);
      const targetId = ids[type];
      if (kind === 'Comment') return [{ targetId, annotationId: comment, ns: '', text: '' }];
      return [
        { targetId, annotationId: tag, ns, text: 'a tag' },
        { targetId, annotationId: plain, ns: '', text: oddName(groupName) },
      ];
    },
    filesOf: (type) => {
      const [annotationId] = extraIds(base, type);
      const about = { targetId: ids[type], annotationId, ns, fileId: base + 300 };
      return [{ ...about, name: oddName(groupName), size: null, hash: '' }];
    },
    annotationsOf: (type) => {
      const [first] = annotationIds(base, type);
      const targetId = ids[type];
      return [
        { targetId, annotationId: first, ns: '', pairs: [] },
        { targetId, annotationId: first + 1, ns, pairs: oddPairs },
      ];
    },
  };
}

/** One without shapes and name, of somebody else; one with a polygon as old clients wrote it, and a mask. */
function roisOf(base: number, imageId: number, owner: number, other: number): Roi[] {
  const plane = { z: null, t: null, c: null };
  const points: [number, number][] = [
    [0, 1.5],
    [-2, 3],
    [4e2, 5],
  ];
  const mask = { x: 0.5, y: -1, width: 3, height: 4 };
  return [
    { id: base + 400, imageId, ownerId: other, name: '', shapes: [] },
    {
      id: base + 401,
      imageId,
      ownerId: owner,
      name: 'ünï',
      shapes: [
        { kind: 'polygon', id: base + 402, ...plane, z: 3, label: '', points },
        { kind: 'mask', id: base + 403, ...plane, t: 0, c: 1, label: 'a "mask"', ...mask },
      ],
    },
  ];
}

function annotationIds(base: number, type: AnnotatedType): [number, number, number, number] {
  const first = base + 10_000 + 10 * annotatedTypes.indexOf(type);
  return [first, first + 1, first + 2, first + 3];
}

function extraIds(base: number, type: AnnotatedType): [file: number, plainTag: number] {
  const [first] = annotationIds(base, type);
  return [first + 4, first + 5];
}

function oddName(groupName: string): string {
  return `${groupName}'s 100%_"odd" \\ 核 🔬\ttab`;
}

/** Writes the objects; a server sees them from its next start. */
export async function writeWorld(db: Database, world: OddWorld): Promise<void> {
  const { base, group, ids, name, ns, wellImages } = world;
  const objects: [type: string, id: number, owner: number, data: Record<string, unknown>][] = [];
  let nextLink = base + 20_000;
  const add = (type: string, id: number, data: Record<string, unknown>, owner = world.owner): void => {
    objects.push([type, id, owner, data]);
  };
  const link = (type: string, parent: number, child: number, owner = world.owner): void =>
    add(type, nextLink++, { parent, child }, owner);

  for (const type of ['Dataset', 'Project', 'Screen', 'Plate'] as const) add(type, ids[type], { name });
  for (const fileset of [ids.fileset, ids.emptyFileset, ids.plateFileset, ids.entrylessFileset])
    add('Fileset', fileset, { templatePrefix: null });
  add('Image', ids.Image, { name: world.hugeName, fileset: ids.fileset, series: 0, acquisitionDate: null });
  add('Image', ids.bareImage, { name: '', fileset: null, 'details.externalInfo': base + 500 });
  add('ExternalInfo', base + 503, { entityId: 3, entityType: 'multiscales', lsid: `${world.lsid}/A/1` });
  add('ExternalInfo', base + 500, { entityId: 3, entityType: 'multiscales', lsid: world.lsid });
  link('ProjectDatasetLink', ids.Project, ids.Dataset);
  // In a private group one does not see what somebody else has put on one's objects.
  const second = world.groupName === 'private' ? world.owner : world.other;
  link('ScreenPlateLink', ids.Screen, ids.Plate, second);
  add('PlateAcquisition', base + 501, { plate: ids.Plate, name: null });
  add('PlateAcquisition', base + 502, { plate: ids.Plate, name });
  link('DatasetImageLink', ids.Dataset, ids.Image);
  link('DatasetImageLink', ids.Dataset, ids.bareImage);
  if (world.groupName !== 'private') link('DatasetImageLink', ids.Dataset, ids.Image, world.other);
  const entries: [number, string][] = [
    [ids.fileset, world.hugePath],
    [ids.emptyFileset, world.emptyPath],
    [ids.plateFileset, world.platePath],
  ];
  for (const [i, [fileset, clientPath]] of entries.entries()) {
    const file = base + 100 + i;
    add('OriginalFile', file, { name: world.storedName, path: world.storedFolder, size: null, hash: null });
    add('FilesetEntry', file, { fileset, originalFile: file, clientPath });
    const job = base + 200 + i;
    const finished = fileset === ids.emptyFileset ? null : 2_000;
    add('MetadataImportJob', job, { started: 1_000, finished });
    link('FilesetJobLink', fileset, job);
  }
  // A file whose upload never ended, on which everything else hangs.
  add('OriginalFile', world.unsentFile, { name, path: '', size: null, hash: null, hasher: null });
  for (const { id, ...script } of world.scripts) add('OriginalFile', id, { ...script, mimetype: 'text/x-python' });
  // A job that was never started.
  add('UploadJob', base + 210, { started: null, finished: null });
  link('FilesetJobLink', ids.fileset, base + 210);
  for (const [i, image] of wellImages.entries()) {
    const lies = i === 0 ? { 'details.externalInfo': base + 503 } : {};
    add('Image', image, { name: `well ${i}`, fileset: ids.plateFileset, ...lies });
    add('Well', image, { plate: ids.Plate, row: Math.floor(i / 24), column: i % 24 });
    add('WellSample', image, { well: image, image });
  }
  // A well without a sample.
  add('Well', base + 5_000, { plate: ids.Plate, row: null, column: null });
  for (const pixels of [base + 600, base + 601]) add('Pixels', pixels, { image: ids.Image, sizeX: 1, sizeY: 1 });
  const [shapeless, roi] = [base + 400, base + 401];
  add('Roi', shapeless, { image: ids.Image, name: null }, second);
  add('Roi', roi, { image: ids.Image, name: 'ünï' });
  add('Polygon', base + 402, { roi, theZ: 3, points: 'points[0,1.5 -2.0,3 4e2,5] points1[0,1 -2,3 4,5]' });
  const place = { x: 0.5, y: -1, width: 3, height: 4 };
  const bytes = Buffer.from(world.maskBytes).toString('base64');
  add('Mask', world.mask, { roi, theT: 0, theC: 1, textValue: 'a "mask"', ...place, bytes });
  add('Rectangle', base + 404, { roi, x: 0, y: 0, width: 1, height: 1 });
  for (const type of annotatedTypes) {
    const [bare, odd, tag, comment] = annotationIds(base, type);
    add('MapAnnotation', bare, { ns: null, mapValue: [] });
    add('MapAnnotation', odd, { ns, mapValue: oddPairs });
    add('TagAnnotation', tag, { ns, textValue: 'a tag' });
    add('CommentAnnotation', comment, { ns: null, textValue: '' });
    const [file, plain] = extraIds(base, type);
    add('FileAnnotation', file, { ns, file: world.unsentFile });
    add('TagAnnotation', plain, { ns: null, textValue: name });
    for (const annotation of [bare, odd, tag, comment, file, plain])
      link(`${type}AnnotationLink`, ids[type], annotation);
  }
  await db.query(
    `insert into omero_standin.objects (class, id, owner, grp, created, updated, data)
     select class, id, owner, $1, now(), now(), data
     from unnest($2::text[], $3::bigint[], $4::bigint[], $5::jsonb[]) as o (class, id, owner, data)`,
    [
      group,
      objects.map(([type]) => type),
      objects.map(([, id]) => id),
      objects.map(([, , owner]) => owner),
      objects.map(([, , , data]) => JSON.stringify(data)),
    ],
  );
}
