import { made, type Check } from './check.ts';

/** Order and repeated keys count; what is not plain text must come back as it went. */
const pairs: [string, string][] = [
  ['Workflow', 'check'],
  ['Param', '2'],
  ['Param', '1'],
  ['Größe', '0.5 µm'],
  ['Empty', ''],
];
const ns = 'biomero-bridge.check';

export const checkAnnotations: Check = {
  id: 'annotations',
  title: 'Annotate and read back',
  needs: ['import'],
  async run(site) {
    const session = made(site, 'session');
    const { imageId } = made(site, 'imported');
    const datasetId = made(site, 'datasetId');
    await session.annotate([{ type: 'Image', id: imageId }], ns, pairs);
    await session.annotate([{ type: 'Dataset', id: datasetId }], ns, pairs);
    const found = [
      ...(await session.mapAnnotations('Image', [imageId], ns)),
      ...(await session.mapAnnotations('Dataset', [datasetId], ns)),
    ];
    if (found.length === 2 && found.every((a) => JSON.stringify(a.pairs) === JSON.stringify(pairs)))
      return { outcome: 'passed', detail: 'Key-value pairs on an image and on its dataset came back as they went.' };
    return {
      outcome: 'failed',
      detail: `Key-value pairs came back as ${JSON.stringify(found.map((a) => a.pairs))}.`,
      remedy: 'Report this with the version of OMERO.',
    };
  },
};
