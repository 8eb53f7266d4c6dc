import type { Finding } from '../../omero/agent/self-check.ts';
import type { DoctorFinding } from '../check.ts';

const outcomes = { passed: 'ok', warning: 'warning', failed: 'problem' } as const;

/** A finding about OMERO in the doctor's words. */
export function asFinding({ outcome, detail, remedy }: Finding): DoctorFinding {
  return { outcome: outcomes[outcome], found: detail, ...(remedy ? { remedy, who: 'admin' as const } : {}) };
}
