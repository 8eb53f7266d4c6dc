import type { StartRequest, WorkflowDetail } from './types.ts';

export interface FormValues {
  of: 'dataset' | 'images';
  /** Ids as they are typed. */
  ids: string;
  /** Text of every parameter; empty: none. */
  parameters: Readonly<Record<string, string>>;
}

/** A form with every default filled in. */
export function firstValues(workflow: Pick<WorkflowDetail, 'parameters'>): FormValues {
  const parameters = workflow.parameters.map((p) => [p.id, p.default === null ? '' : String(p.default)]);
  return { of: 'dataset', ids: '', parameters: Object.fromEntries(parameters) };
}

/** What is to be analysed, or what is wrong with how it is typed. Commas, spaces and OMERO's `Image:5` are understood. */
export function inputOf(values: Pick<FormValues, 'of' | 'ids'>): Pick<StartRequest, 'dataset' | 'images'> | string {
  const words = values.ids
    .replaceAll(/\b(?:dataset|image)[-:]?\s*/gi, ' ')
    .split(/[\s,;|]+/)
    .filter((word) => word !== '');
  const ids = words.map((word) => (/^\d{1,12}$/.test(word) ? Number(word) : NaN));
  if (ids.length === 0) return values.of === 'dataset' ? 'Give the id of a dataset.' : 'Give the ids of some images.';
  if (ids.some(Number.isNaN)) return 'Ids are whole numbers, as OMERO.web shows them.';
  if (values.of === 'images') return { images: ids };
  const [dataset = 0, ...more] = ids;
  return more.length > 0 ? 'Give one dataset; a run has one.' : { dataset };
}

/** Values to send: text is taken for whatever type the parameter has; what is empty is none. */
export function valuesOf(workflow: Pick<WorkflowDetail, 'parameters'>, values: FormValues): StartRequest['parameters'] {
  return Object.fromEntries(
    workflow.parameters.map(({ id, type }) => {
      const text = values.parameters[id] ?? '';
      return [id, text === '' && type !== 'string' ? null : text];
    }),
  );
}

/** A random UUID; `crypto.randomUUID` is there by https only. */
export function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
