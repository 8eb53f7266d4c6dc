import type { TableColumn } from '../queries/tables.ts';
import { livingSession, made, type Check } from './check.ts';

export const checkTable: Check = {
  id: 'table',
  title: 'Attach a table',
  needs: ['import'],
  async run(site) {
    const session = made(site, 'session');
    const { imageId } = made(site, 'imported');
    const columns: TableColumn[] = [
      { kind: 'Image', name: 'Image', values: [imageId, imageId] },
      { kind: 'Double', name: 'Area (µm²)', values: [0.5, -1e-300] },
      { kind: 'String', name: 'Label', values: ['größer', ''] },
    ];
    const table = { name: `${site.mark}.h5`, columns };
    const { fileId, annotationId } = await session.attachTable({ type: 'Image', id: imageId }, table);
    site.cleanup.add(`file annotation ${annotationId}`, async () =>
      (await livingSession(site)).deleteObjects('Annotation', [annotationId]),
    );
    const back = await session.readTable(fileId);
    if (JSON.stringify(back) === JSON.stringify(columns))
      return { outcome: 'passed', detail: 'A table of two rows came back as it went.' };
    return {
      outcome: 'failed',
      detail: `A table came back as ${JSON.stringify(back)}.`,
      remedy: 'Report this with the version of OMERO.',
    };
  },
};
