import { livingSession, made, type Check } from './check.ts';

export const checkDataset: Check = {
  id: 'dataset',
  title: 'Create a dataset',
  needs: ['acting'],
  async run(site) {
    const session = made(site, 'session');
    const id = await session.createDataset(site.mark, 'Made by the check of biomero-bridge, to be removed at its end.');
    site.cleanup.add(`dataset ${id}`, async () => (await livingSession(site)).deleteObjects('Dataset', [id]));
    site.made.datasetId = id;
    const found = await session.findContainer('Dataset', id);
    const { userId, groupId } = session.context;
    if (found?.name === site.mark && found.ownerId === userId && found.groupId === groupId)
      return { outcome: 'passed', detail: `Dataset ${id}, owned by ${session.context.userName}, in the right group.` };
    return {
      outcome: 'failed',
      detail: `Dataset ${id} was created but ${found ? `came back as ${JSON.stringify(found)}` : 'is not found'}.`,
      remedy: 'Report this with the version of OMERO.',
    };
  },
};
