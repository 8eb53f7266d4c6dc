import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { livingSession, made, type Check } from './check.ts';

const ns = 'biomero-bridge.check';
const words = 'größer als 0.5 µm\nsecond line';

export const checkAttachments: Check = {
  id: 'attachments',
  title: 'Comment, tag and attach a file',
  needs: ['import', 'annotations'],
  async run(site) {
    const session = made(site, 'session');
    const target = { type: 'Image', id: made(site, 'imported').imageId } as const;
    // Tags and files may outlive the image that they hang on.
    site.cleanup.add('the comment, tag and file of the check', async () => {
      const again = await livingSession(site);
      const found = [
        ...(await again.texts('Comment', 'Image', [target.id])),
        ...(await again.texts('Tag', 'Image', [target.id])),
        ...(await again.attachedFiles('Image', [target.id])),
      ];
      const own = found.filter((a) => a.ns === ns || ('text' in a && a.text === site.mark));
      await again.deleteObjects(
        'Annotation',
        own.map((a) => a.annotationId),
      );
    });
    await session.addComment([target], ns, words);
    await session.addTag([target], site.mark);
    const comments = await session.texts('Comment', 'Image', [target.id]);
    const tags = await session.texts('Tag', 'Image', [target.id]);
    const { path } = made(site, 'imported');
    const file = { path, name: `${site.mark}.tif`, mimetype: 'image/tiff', ns };
    const { fileId } = await session.attachFile(target, file);
    const back = join(made(site, 'folder'), 'downloaded');
    await session.downloadFile(fileId, back);
    const wrong = [
      comments.some((c) => c.text === words) ? [] : ['the comment'],
      tags.some((t) => t.text === site.mark) ? [] : ['the tag'],
      (await readFile(back)).equals(await readFile(path)) ? [] : ['the file'],
    ].flat();
    if (!wrong.length)
      return { outcome: 'passed', detail: 'A comment, a tag and a file on the image came back as they went.' };
    return {
      outcome: 'failed',
      detail: `Not the same when read back: ${wrong.join(', ')}.`,
      remedy: 'Report this with the version of OMERO.',
    };
  },
};
