import { describeError } from '../../domain/errors.ts';
import type { OmeroSession } from '../session.ts';
import { made, type Check } from './check.ts';

/** Asks for what no server has: whether the server understands the question is what counts. */
const none = -1;
const questions: Readonly<Record<string, (session: OmeroSession) => Promise<unknown>>> = {
  'a user by name': (s) => s.findUser('biomero-bridge-check-nobody'),
  'a group by name': (s) => s.findGroup('biomero-bridge-check-nobody'),
  'groups of a user': (s) => s.groupsOf(none),
  'a dataset': (s) => s.findContainer('Dataset', none),
  'a screen': (s) => s.findContainer('Screen', none),
  'a project': (s) => s.findContainer('Project', none),
  'a plate': (s) => s.findContainer('Plate', none),
  'projects by name': (s) => s.findContainersByName('Project', 'biomero-bridge-check-none'),
  'datasets by name': (s) => s.findContainersByName('Dataset', 'biomero-bridge-check-none'),
  'screens by name': (s) => s.findContainersByName('Screen', 'biomero-bridge-check-none'),
  'images of a dataset': (s) => s.imagesIn(none),
  'filesets by path': (s) => s.filesetsByClientPath(['/biomero-bridge-check/none.tif']),
  'contents of filesets': (s) => s.filesetContents([none]),
  'unfinished imports': (s) => s.unfinishedImportJobs([none]),
  'files of images': (s) => s.storedFilesOf([none]),
  'annotations of images': (s) => s.mapAnnotations('Image', [none]),
  'annotations of datasets by namespace': (s) => s.mapAnnotations('Dataset', [none], 'biomero-bridge.check'),
  'annotations of plates': (s) => s.mapAnnotations('Plate', [none]),
  'annotations of projects and screens': async (s) => {
    await s.mapAnnotations('Project', [none]);
    await s.mapAnnotations('Screen', [none]);
  },
  'comments of images': (s) => s.texts('Comment', 'Image', [none]),
  'tags of images': (s) => s.texts('Tag', 'Image', [none]),
  'files of datasets': (s) => s.attachedFiles('Dataset', [none]),
  'scripts by name': (s) => s.scriptsNamed(['biomero-bridge-check-none.py']),
  'regions of interest': (s) => s.roisOf([none]),
  'pixels of images': (s) => s.thumbnails([none], 96),
  'pixels of a mask': (s) => s.maskBits(none),
  'images by where their pixels lie': (s) => s.imagesByLsid(['/biomero-bridge-check/none.zarr']),
  'acquisitions of a plate': (s) => s.plateAcquisitions(none),
  'wells of a plate': (s) => s.wellPositions(none),
  'types of pixels': (s) => s.enumeration('PixelsType'),
  'an open session': (s) => s.closeSession(none),
};

export const checkQueries: Check = {
  id: 'queries',
  title: 'Queries',
  needs: ['sign-in'],
  async run(site) {
    const session = made(site, 'admin');
    const refused: string[] = [];
    for (const [name, ask] of Object.entries(questions)) {
      site.signal.throwIfAborted();
      try {
        await ask(session);
      } catch (error) {
        session.lost.throwIfAborted();
        refused.push(`${name} (${describeError(error)})`);
      }
    }
    const all = Object.keys(questions).length;
    if (!refused.length) return { outcome: 'passed', detail: `The server understands all ${all} questions.` };
    return {
      outcome: 'failed',
      detail: `The server refused ${refused.length} of ${all} questions: ${refused.join('; ')}.`,
      remedy: 'Report this with the version of OMERO: the questions do not suit the server.',
    };
  },
};
