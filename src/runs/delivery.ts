/** What else is to be done with results in OMERO, as BIOMERO's result scripts are asked to. */
import type { AnnotationTarget } from '../omero/queries/annotations.ts';

/** An object of OMERO, or the dataset or screen that the images go to. */
export type DeliveryTarget = AnnotationTarget | 'destination';

export interface Delivery {
  /** Whether the images are imported at all. */
  importImages: boolean;
  /** Where all results hang as one zip file. */
  zip: readonly DeliveryTarget[];
  /** Where the job's log hangs. */
  log: readonly DeliveryTarget[];
  /** Where CSV files hang as OMERO.tables. */
  tables: readonly DeliveryTarget[];
  /** Where other files hang. */
  files: readonly DeliveryTarget[];
  /** Input images that the images made from them hang on, found by name; empty: those that BIOMERO's log names; null: none. */
  sources: readonly number[] | null;
  /** Names of images in OMERO; `{file}`, `{ext}`, `{original_file}` and `{original_ext}` stand for parts of the old ones. */
  rename: string | null;
  /** ROIs that label images among the results become on the images that they were made from; null: none. */
  rois: RoiWish | null;
}

export interface RoiWish {
  /** Input images; empty: those that BIOMERO's log names. */
  sources: readonly number[];
  /** Which results are label images, by name or path below the results; null: by words in their names. */
  pattern: string | null;
  shape: 'polygon' | 'mask';
  /** What stands before the label in the name of a ROI. */
  prefix: string;
  /** `#RRGGBB`; null: OMERO's clients choose. */
  color: string | null;
  /** Removes the user's older ROIs whose names contain the text, from images that get new ones; null: none. */
  clear: { containing: string } | null;
}

/** What became of it. */
export interface Delivered {
  files: {
    what: 'zip' | 'log' | 'table' | 'file' | 'image';
    name: string;
    to: AnnotationTarget;
    fileId: number;
    annotationId: number;
  }[];
  renamed: number;
  /** Of this run, whoever of its attempts made them. */
  rois: number;
  /** What could not be done, each a sentence. */
  notDone: string[];
}
