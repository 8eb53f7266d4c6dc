import type { Delivery } from '../../src/runs/delivery.ts';

/** Nothing is asked for beside the import. */
export const nothingAsked: Delivery = {
  importImages: true,
  zip: [],
  log: [],
  tables: [],
  files: [],
  sources: null,
  rename: null,
  rois: null,
};
