/**
 * What a workflow says of itself: its container, its parameters and how they are handed to its program. One shape for
 * the three forms of descriptors that BIOMERO reads (BIAFLOWS, BIOMERO's own, bilayers).
 */

export type ParameterType = 'integer' | 'float' | 'boolean' | 'string';
export type ParameterValue = string | number | boolean | null;

export interface WorkflowParameter {
  id: string;
  name: string;
  description: string;
  type: ParameterType;
  /** Null: none. */
  default: ParameterValue;
  /** May be left without a value; then the program is not given the option at all. */
  optional: boolean;
  choices: readonly { value: string | number; label: string }[] | null;
  minimum: number | null;
  maximum: number | null;
  flag: string;
  /** `switch`: the option stands without a value when the parameter is true, and is left out when it is false. */
  style: 'value' | 'switch';
}

/** An argument that does not depend on parameters. */
export type FixedArgument =
  { kind: 'folder'; flag: string; folder: 'in' | 'out' | 'gt' } | { kind: 'word'; word: string };

export interface WorkflowDescriptor {
  form: 'biaflows' | 'biomero' | 'bilayers';
  name: string;
  description: string;
  version: string | null;
  /** Container image such as `org/name`, without a tag. */
  image: string | null;
  parameters: readonly WorkflowParameter[];
  fixed: readonly FixedArgument[];
}

/** The variable that carries a parameter into the job. */
export function variableOf(id: string): string {
  return id.toUpperCase();
}

/**
 * Name of the container's file, as BIOMERO stores it: the image's last name, `_`, the version, `.sif`. Null when the
 * descriptor names no image.
 */
export function containerFile(image: string | null, version: string): string | null {
  const name = image?.split('/').at(-1);
  return name ? `${name}_${version}.sif` : null;
}
