/** Reads label images for its parent, one at a time: whatever a broken image does to this process, it does to no other. */
import { describeError, isBridgeError } from '../domain/errors.ts';
import { readPlane } from '../previews/make-preview.ts';
import { NoPreview } from '../previews/plane.ts';
import type { LabelImageAnswer, LabelImageRequest } from './label-reader.ts';
import { labelAreas, NoLabels } from './label-shapes.ts';

process.on('message', (request: LabelImageRequest) => {
  read(request).then(
    (answer) => process.send?.(answer),
    (error: unknown) => process.send?.({ reason: reasonOf(error) } satisfies LabelImageAnswer),
  );
});
process.on('disconnect', () => process.exit(0));

async function read({ root, path, shape, size }: LabelImageRequest): Promise<LabelImageAnswer> {
  if (!/\.(?:tiff?|png)$/i.test(path)) throw new NoLabels('label images are read from TIFF and PNG files');
  // Of a pyramid the largest level.
  const plane = await readPlane(root, path, Number.MAX_SAFE_INTEGER);
  if (plane.fullWidth !== size.width || plane.fullHeight !== size.height || plane.width !== plane.fullWidth)
    throw new NoLabels(
      `it has ${plane.fullWidth} × ${plane.fullHeight} pixels, and the image that it was made from ${size.width} × ${size.height}`,
    );
  return { areas: labelAreas(plane, shape) };
}

function reasonOf(error: unknown): string {
  if (error instanceof NoLabels || error instanceof NoPreview || isBridgeError(error)) return error.message;
  // Of a decoder that broke, the first line.
  return `it cannot be read (${describeError(error).split('\n')[0] ?? ''})`;
}
