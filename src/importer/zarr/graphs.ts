/**
 * Graphs of new OMERO objects for what an OME-Zarr holds. Each object is part of one graph only, and each graph is saved
 * in one call, so that an image, a well or a plate with its first well stands as a whole or not at all.
 */
import type { DestinationType } from '../../domain/vocabulary.ts';
import type { IceObject } from '../../omero/ice/values.ts';
import { newObject, reference } from '../../omero/model.ts';
import { rbool, rdouble, rint, rlong, rstring, rtime } from '../../omero/rtypes.ts';
import type { OmeroSession } from '../../omero/session.ts';
import type { Acquisition } from '../../zarr/plate-metadata.ts';
import type { ChannelRendering, ImageMetadata, Rendering } from '../../zarr/image-metadata.ts';
import type { ZarrImage, ZarrPlate, ZarrWell } from '../../zarr/read-store.ts';
import { lengthUnit } from './units.ts';

/** What the zarr pixel buffer of an OMERO server looks for: the values of the Python importer. */
const entityId = 3;
const entityType = 'com.glencoesoftware.ngff:multiscales';
/** Steps of an 8-bit channel on the screen. */
const brightest = 255;

/** References to values of OMERO's enumerations. */
export class Enumerations {
  readonly #ids: ReadonlyMap<string, ReadonlyMap<string, number>>;

  private constructor(ids: ReadonlyMap<string, ReadonlyMap<string, number>>) {
    this.#ids = ids;
  }

  static async read(session: OmeroSession): Promise<Enumerations> {
    const types = ['PixelsType', 'DimensionOrder', 'RenderingModel', 'Family'] as const;
    const entries = await Promise.all(types.map(async (t) => [t, await session.enumeration(t)] as const));
    return new Enumerations(new Map(entries));
  }

  /** The value, or where OMERO lacks it the other. */
  get(type: string, value: string, otherwise = value): IceObject {
    const ids = this.#ids.get(type);
    const id = ids?.get(value) ?? ids?.get(otherwise);
    if (id === undefined) throw new Error(`OMERO has no ${type} ${value}`);
    return reference(type, id);
  }
}

/** An image in a dataset, as the link between them. */
export function imageInDataset(image: ZarrImage, datasetId: number, enumerations: Enumerations): IceObject {
  return newObject('DatasetImageLink', {
    parent: reference('Dataset', datasetId),
    child: imageGraph(image, enumerations),
  });
}

/** A link of what is stored already. */
export function linkTo(type: DestinationType, id: number, childId: number): IceObject {
  const [link, child] =
    type === 'Dataset' ? (['DatasetImageLink', 'Image'] as const) : (['ScreenPlateLink', 'Plate'] as const);
  return newObject(link, { parent: reference(type, id), child: reference(child, childId) });
}

/** A plate with its first well: never one without an image by which it could be found again. */
export function plateGraph(plate: ZarrPlate, first: ZarrWell, enumerations: Enumerations): IceObject {
  const object = newObject('Plate', {
    name: rstring(plate.name),
    rows: rint(plate.rows),
    columns: rint(plate.columns),
    rowNamingConvention: rstring(plate.rowNaming),
    columnNamingConvention: rstring(plate.columnNaming),
  });
  const acquisitions = new Map(plate.acquisitions.map((a) => [a.name, acquisitionGraph(object, a)]));
  const well = wellGraph(first, plate, (name) => acquisitions.get(name) ?? null, enumerations);
  return Object.assign(object, {
    plateAcquisitionsSeq: [...acquisitions.values()],
    wellsSeq: [Object.assign(well, { plate: object })],
  });
}

/** A further well of a plate that is stored. */
export function wellOfPlate(
  well: ZarrWell,
  plate: ZarrPlate,
  stored: { plateId: number; acquisitions: ReadonlyMap<string, number> },
  enumerations: Enumerations,
): IceObject {
  const acquisition = (name: string): IceObject | null => {
    const id = stored.acquisitions.get(name);
    return id === undefined ? null : reference('PlateAcquisition', id);
  };
  const graph = wellGraph(well, plate, acquisition, enumerations);
  return Object.assign(graph, { plate: reference('Plate', stored.plateId) });
}

function wellGraph(
  well: ZarrWell,
  plate: ZarrPlate,
  acquisition: (name: string) => IceObject | null,
  enumerations: Enumerations,
): IceObject {
  const object = newObject('Well', { row: rint(well.row), column: rint(well.column) });
  object['wellSamplesSeq'] = well.fields.map((field) => {
    const named = plate.acquisitions.find((a) => a.id === field.acquisition)?.name;
    return newObject('WellSample', {
      well: object,
      image: imageGraph(field.image, enumerations),
      plateAcquisition: named === undefined ? null : acquisition(named),
    });
  });
  return object;
}

function acquisitionGraph(plate: IceObject, acquisition: Acquisition): IceObject {
  const { name, maximumFieldCount, start, end } = acquisition;
  return newObject('PlateAcquisition', {
    plate,
    name: rstring(name),
    ...(maximumFieldCount === null ? {} : { maximumFieldCount: rint(maximumFieldCount) }),
    ...(start === null ? {} : { startTime: rtime(start) }),
    ...(end === null ? {} : { endTime: rtime(end) }),
  });
}

function imageGraph({ name, lsid, metadata }: ZarrImage, enumerations: Enumerations): IceObject {
  const image = newObject('Image', { name: rstring(name), details: { $type: '::omero::model::Details' } });
  (image['details'] as IceObject)['externalInfo'] = newObject('ExternalInfo', {
    entityId: rlong(entityId),
    entityType: rstring(entityType),
    lsid: rstring(lsid),
  });
  image['pixelsSeq'] = [pixelsGraph(image, metadata, enumerations)];
  return image;
}

function pixelsGraph(image: IceObject, metadata: ImageMetadata, enumerations: Enumerations): IceObject {
  const { size, physicalSize } = metadata;
  const pixels = newObject('Pixels', {
    image,
    pixelsType: enumerations.get('PixelsType', metadata.pixelsType),
    dimensionOrder: enumerations.get('DimensionOrder', 'XYZCT'),
    significantBits: rint(metadata.bits),
    sha1: rstring('Pending...'),
    sizeX: rint(size.x),
    sizeY: rint(size.y),
    sizeZ: rint(size.z),
    sizeC: rint(size.c),
    sizeT: rint(size.t),
  });
  for (const axis of ['x', 'y', 'z'] as const) {
    const length = physicalSize[axis];
    if (length)
      pixels[`physicalSize${axis.toUpperCase()}`] = {
        $type: '::omero::model::Length',
        value: length.value,
        unit: lengthUnit(length.unit),
      };
  }
  pixels['channelsSeq'] = metadata.channels.map((channel) => {
    const [red, green, blue] = channel.color ?? [null, null, null];
    return newObject('Channel', {
      pixels,
      logicalChannel: newObject('LogicalChannel', channel.name === null ? {} : { name: rstring(channel.name) }),
      ...(red === null ? {} : { red: rint(red), green: rint(green), blue: rint(blue), alpha: rint(brightest) }),
      ...(channel.range === null
        ? {}
        : {
            statsInfo: newObject('StatsInfo', {
              globalMin: rdouble(channel.range[0]),
              globalMax: rdouble(channel.range[1]),
            }),
          }),
    });
  });
  if (metadata.rendering) pixels['settingsSeq'] = [renderingGraph(pixels, metadata.rendering, enumerations)];
  return pixels;
}

function renderingGraph(pixels: IceObject, rendering: Rendering, enumerations: Enumerations): IceObject {
  const settings = newObject('RenderingDef', {
    pixels,
    defaultZ: rint(rendering.defaultZ),
    defaultT: rint(rendering.defaultT),
    model: enumerations.get('RenderingModel', rendering.model),
    quantization: newObject('QuantumDef', {
      cdStart: rint(0),
      cdEnd: rint(brightest),
      bitResolution: rint(brightest),
    }),
  });
  settings['waveRenderingSeq'] = rendering.channels.map((channel) => bindingGraph(settings, channel, enumerations));
  return settings;
}

function bindingGraph(settings: IceObject, channel: ChannelRendering, enumerations: Enumerations): IceObject {
  const [red, green, blue] = channel.color;
  const [start, end] = channel.window;
  const binding = newObject('ChannelBinding', {
    renderingDef: settings,
    family: enumerations.get('Family', channel.family, 'linear'),
    coefficient: rdouble(channel.coefficient),
    inputStart: rdouble(start),
    inputEnd: rdouble(end),
    active: rbool(channel.active),
    noiseReduction: rbool(false),
    red: rint(red),
    green: rint(green),
    blue: rint(blue),
    alpha: rint(brightest),
  });
  if (channel.inverted)
    binding['spatialDomainEnhancementSeq'] = [
      newObject('ReverseIntensityContext', { channelBinding: binding, reverse: rbool(true) }),
    ];
  return binding;
}
