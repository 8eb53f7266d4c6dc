import type { z } from 'zod';
import type { startBody, startCheck, workflowList, workflowView } from '../../../src/http/schemas/start.ts';

export type WorkflowList = z.infer<typeof workflowList>;
export type WorkflowDetail = z.infer<typeof workflowView>;
export type Parameter = WorkflowDetail['parameters'][number];
export type StartRequest = z.input<typeof startBody>;
export type StartCheck = z.infer<typeof startCheck>;
