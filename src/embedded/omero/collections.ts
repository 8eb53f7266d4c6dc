/**
 * What the interface's facts do not say: which reference of which class fills a collection, where a class lives in
 * OMERO's own packages (its messages name them), and which members may not be empty.
 */

/** `Class.collection` -> the class of its members and their reference back; annotation links follow from names. */
export const collections: Readonly<Record<string, readonly [of: string, by: string]>> = {
  'Image.pixels': ['Pixels', 'image'],
  'Image.wellSamples': ['WellSample', 'image'],
  'Image.rois': ['Roi', 'image'],
  'Image.datasetLinks': ['DatasetImageLink', 'child'],
  'Dataset.projectLinks': ['ProjectDatasetLink', 'child'],
  'Dataset.imageLinks': ['DatasetImageLink', 'parent'],
  'Project.datasetLinks': ['ProjectDatasetLink', 'parent'],
  'Plate.screenLinks': ['ScreenPlateLink', 'child'],
  'Plate.wells': ['Well', 'plate'],
  'Plate.plateAcquisitions': ['PlateAcquisition', 'plate'],
  'PlateAcquisition.wellSample': ['WellSample', 'plateAcquisition'],
  'Well.wellSamples': ['WellSample', 'well'],
  'Screen.plateLinks': ['ScreenPlateLink', 'parent'],
  'Fileset.usedFiles': ['FilesetEntry', 'fileset'],
  'Fileset.images': ['Image', 'fileset'],
  'Fileset.jobLinks': ['FilesetJobLink', 'parent'],
  'OriginalFile.filesetEntries': ['FilesetEntry', 'originalFile'],
  'Experimenter.groupExperimenterMap': ['GroupExperimenterMap', 'child'],
  'ExperimenterGroup.groupExperimenterMap': ['GroupExperimenterMap', 'parent'],
  'Roi.shapes': ['Shape', 'roi'],
  'Pixels.channels': ['Channel', 'pixels'],
  'Pixels.planeInfo': ['PlaneInfo', 'pixels'],
  'Pixels.thumbnails': ['Thumbnail', 'pixels'],
  'LogicalChannel.channels': ['Channel', 'logicalChannel'],
  'Pixels.settings': ['RenderingDef', 'pixels'],
  'ChannelBinding.spatialDomainEnhancement': ['CodomainMapContext', 'channelBinding'],
  'RenderingDef.waveRendering': ['ChannelBinding', 'renderingDef'],
  'Folder.childFolders': ['Folder', 'parentFolder'],
};

const packages: Readonly<Record<string, readonly string[]>> = {
  containers: ['Project', 'Dataset', 'ProjectDatasetLink', 'DatasetImageLink', 'Folder'],
  core: ['Image', 'Pixels', 'Channel', 'LogicalChannel', 'OriginalFile', 'PlaneInfo'],
  display: [
    'RenderingDef',
    'QuantumDef',
    'ChannelBinding',
    'CodomainMapContext',
    'ReverseIntensityContext',
    'Thumbnail',
  ],
  enums: ['PixelsType', 'DimensionOrder', 'ChecksumAlgorithm', 'EventType', 'RenderingModel', 'Family'],
  fs: ['Fileset', 'FilesetEntry', 'FilesetJobLink'],
  jobs: ['Job', 'UploadJob', 'MetadataImportJob'],
  meta: ['Experimenter', 'ExperimenterGroup', 'GroupExperimenterMap', 'Session', 'Node', 'Event', 'ExternalInfo'],
  roi: ['Roi', 'Shape', 'Polygon', 'Polyline', 'Mask', 'Rectangle', 'Label', 'Line', 'Ellipse', 'Point'],
  screen: ['Screen', 'Plate', 'PlateAcquisition', 'Well', 'WellSample', 'ScreenPlateLink'],
  stats: ['StatsInfo'],
  acquisition: ['Instrument', 'Objective'],
};
const packageOf = new Map(Object.entries(packages).flatMap(([name, classes]) => classes.map((c) => [c, name])));

/** `Dataset` -> `ome.model.containers.Dataset`. */
export function javaNameOf(name: string): string {
  return `ome.model.${packageOf.get(name) ?? 'annotations'}.${name}`;
}

/** Classes whose rows belong to no group: everybody reads them, nobody saves them through IUpdate. */
export const globalClasses: ReadonlySet<string> = new Set([
  'Experimenter',
  'ExperimenterGroup',
  'GroupExperimenterMap',
  'Session',
  'Node',
  'Event',
]);

/** Enumerations: read by everybody; made by the server when the import program first names a value. */
export const enumerationClasses: ReadonlySet<string> = new Set([
  'PixelsType',
  'DimensionOrder',
  'ChecksumAlgorithm',
  'EventType',
  'RenderingModel',
  'Family',
]);

const required: Readonly<Record<string, readonly string[]>> = {
  Project: ['name'],
  Dataset: ['name'],
  Screen: ['name'],
  Plate: ['name'],
  Image: ['name'],
  OriginalFile: ['name', 'path'],
  FilesetEntry: ['fileset', 'originalFile', 'clientPath'],
  Pixels: ['image', 'pixelsType', 'dimensionOrder', 'sha1', 'sizeX', 'sizeY', 'sizeZ', 'sizeC', 'sizeT'],
  Well: ['plate'],
  WellSample: ['well', 'image'],
  PlateAcquisition: ['plate'],
  Shape: ['roi'],
  ExternalInfo: ['entityId', 'entityType'],
  Channel: ['pixels', 'logicalChannel'],
  StatsInfo: ['globalMin', 'globalMax'],
  RenderingDef: ['pixels', 'defaultZ', 'defaultT', 'model', 'quantization'],
  QuantumDef: ['cdStart', 'cdEnd', 'bitResolution'],
  ChannelBinding:
    'renderingDef family coefficient inputStart inputEnd active noiseReduction red green blue alpha'.split(' '),
};

/** Members without which a row of the class cannot be saved. */
export function requiredOf(name: string): readonly string[] {
  return isLink(name) ? ['parent', 'child'] : (required[name] ?? []);
}

/** Links join a parent and a child; two with the same ends and the same owner are refused. */
export function isLink(name: string): boolean {
  return name.endsWith('Link');
}

export function isAnnotationLink(name: string): boolean {
  return name.endsWith('AnnotationLink');
}

/** Text members that are searched by equality often enough to be indexed. */
export const indexedText: ReadonlySet<string> = new Set([
  'clientPath',
  'lsid',
  'name',
  'ns',
  'omeName',
  'uuid',
  'value',
]);

/** Values that a fresh server knows, of the enumerations that clients refer to by id. */
export const enumerators: Readonly<Record<string, readonly string[]>> = {
  PixelsType: 'bit int8 int16 int32 uint8 uint16 uint32 float double complex double-complex'.split(' '),
  DimensionOrder: ['XYZCT', 'XYZTC', 'XYCTZ', 'XYCZT', 'XYTCZ', 'XYTZC'],
  RenderingModel: ['rgb', 'greyscale'],
  Family: ['linear', 'polynomial', 'exponential', 'logarithmic'],
};
