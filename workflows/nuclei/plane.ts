/** One grey plane, row by row. */
export interface Plane {
  width: number;
  height: number;
  data: Float32Array;
}

/** True where a pixel belongs to something: 1, else 0. */
export interface Mask {
  width: number;
  height: number;
  data: Uint8Array;
}

/** Number of the object that a pixel belongs to, from 1; 0 is background. */
export interface Labels {
  width: number;
  height: number;
  data: Int32Array;
  count: number;
}
