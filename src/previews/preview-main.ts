/** Draws previews for its parent, one at a time: whatever a broken image does to this process, it does to no other. */
import { describeError, isBridgeError } from '../domain/errors.ts';
import { makePreview, type PreviewRequest } from './make-preview.ts';
import { NoPreview } from './plane.ts';

process.on('message', (request: PreviewRequest & { id: number }) => {
  makePreview(request).then(
    ({ png, ...rest }) => process.send?.({ id: request.id, ...rest, png: Buffer.from(png).toString('base64') }),
    (error: unknown) => process.send?.({ id: request.id, ...reasonOf(error) }),
  );
});
process.on('disconnect', () => process.exit(0));

/** `lasting`: the image itself is the reason, and will be tomorrow. */
function reasonOf(error: unknown): { reason: string; lasting: boolean } {
  if (error instanceof NoPreview) return { reason: error.message, lasting: true };
  if (isBridgeError(error)) return { reason: error.message, lasting: false };
  const code = error instanceof Error && 'code' in error ? error.code : null;
  if (code === 'ENOENT') return { reason: 'it is not there any more', lasting: false };
  if (code !== null) return { reason: `it cannot be read (${String(code)})`, lasting: false };
  // Decoders speak of offsets and tags, which help nobody but a developer; their first line goes along.
  const first = describeError(error).split('\n')[0] ?? '';
  return { reason: `it cannot be drawn (${first.replace(/\.$/, '')})`, lasting: true };
}
