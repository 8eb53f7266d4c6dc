/** Pixels of one plane as they were read, before anything is drawn. */
export interface Plane {
  readonly width: number;
  readonly height: number;
  /** Size of the whole image, when a smaller level of a pyramid was read. */
  readonly fullWidth: number;
  readonly fullHeight: number;
  /** Values of each pixel, interleaved: 1 grey, 3 colour, 4 colour with transparency. */
  readonly samples: 1 | 3 | 4;
  readonly pixels: ArrayLike<number>;
  /** Largest value of the pixels' type; null for floating point. */
  readonly typeMax: number | null;
  /** Planes in the file; the one shown is the first or, of a stack, the middle one. */
  readonly planes: number;
}

/** Why an image has no preview, in words for its reader. */
export class NoPreview extends Error {}

/** Longest side that is read without a pyramid, squared: larger images are said to be too large. */
export const mostPixels = 100 << 20;

export function checkSize(width: number, height: number): void {
  if (width < 1 || height < 1) throw new NoPreview('it has no pixels');
  if (width * height > mostPixels)
    throw new NoPreview(`its smallest level has ${width} x ${height} pixels, too many to read at once`);
}
