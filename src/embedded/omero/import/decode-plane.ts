import { fromFile } from 'geotiff';
import { UnreadableImage } from './tiff-pages.ts';

/** Of larger planes only the first rows are decoded. */
const maxSamples = 64 << 20;

/** Decodes a page's pixels; the caller has checked that its directories are sound. */
export async function decodePlane(path: string, directory: number): Promise<void> {
  const tiff = await fromFile(path);
  try {
    const image = await tiff.getImage(directory);
    const [width, height, samples] = [image.getWidth(), image.getHeight(), image.getSamplesPerPixel()];
    const rows = Math.min(height, Math.max(1, Math.floor(maxSamples / (width * samples))));
    await image.readRasters({ window: [0, 0, width, rows] });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new UnreadableImage(`page ${directory + 1} cannot be decoded: ${reason}`, { cause });
  } finally {
    await tiff.close();
  }
}
