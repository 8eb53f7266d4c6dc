import type { Logger } from 'pino';
import type { TrackingConfig } from '../config/config.ts';
import { bridgeError } from '../domain/errors.ts';
import { transaction, type Pool } from '../lib/database.ts';
import { foldTask, foldWorkflow, type TaskState, type WorkflowState } from './aggregate.ts';
import { commandResult, type CommandResult } from './command-result.ts';
import * as decide from './decide.ts';
import { appendEvents, ensureEventLog, readEvents, type Append, type LoggedEvent } from './event-log.ts';
import type { TrackingEvent } from './events.ts';
import { again, withRetries } from './retry.ts';
import { writable, type JsonText, type StateValue } from './transcoding.ts';
import { ensureViews, refreshViews } from './views.ts';

/**
 * Publishes our runs in BIOMERO's event log and its view tables. Every command is idempotent: it reads what the log
 * says, adds an event only when that says something new, and may be repeated after any crash. Ids are the caller's. When
 * tracking is off every command does nothing; so does one for a workflow or task that the log does not know, which is
 * the case when tracking was switched on in the middle of a run.
 */
export class Tracker {
  readonly #pool: Pool;
  readonly #config: TrackingConfig;
  readonly #log: Logger | null;
  readonly #now: () => Date;
  /** Workflows whose view rows this process has brought up to date: a repeated command need not look again. */
  readonly #refreshed = new Set<string>();

  constructor(pool: Pool, config: TrackingConfig, options: { log?: Logger; now?: () => Date } = {}) {
    this.#pool = pool;
    this.#config = config;
    this.#log = options.log ?? null;
    this.#now = options.now ?? (() => new Date());
  }

  /** Creates the log and the view tables where they are absent. */
  async ensureTables(): Promise<void> {
    if (!this.#config.enabled) return;
    await withRetries(() =>
      transaction(this.#pool, async (tx) => {
        await tx.query(`select pg_advisory_xact_lock(hashtext('biomero_bridge_tracking'))`);
        await ensureEventLog(tx);
        await ensureViews(tx);
      }),
    );
  }

  async initiateWorkflow(workflow: {
    id: string;
    name: string;
    description: string;
    user: number;
    group: number;
  }): Promise<void> {
    const { id, ...attributes } = workflow;
    if (!this.#config.enabled) return;
    const changed = await withRetries(async () => {
      const events = await readEvents(this.#pool, [id]);
      return this.#append([[id, events, decide.initiate(foldWorkflow(events), this.#now(), attributes)]]);
    });
    await this.#refresh(id, changed);
  }

  /** Adds a task; its parameters as values, or as JsonText to keep the JSON to the letter. */
  async addTask(task: {
    workflowId: string;
    taskId: string;
    name: string;
    version: string;
    inputData: unknown;
    params: Readonly<Record<string, unknown>> | JsonText;
  }): Promise<void> {
    const [workflowId, taskId] = [task.workflowId.toLowerCase(), task.taskId.toLowerCase()];
    if (!this.#config.enabled) return;
    const changed = await withRetries(async () => {
      const events = await readEvents(this.#pool, [workflowId, taskId]);
      const workflowEvents = events.filter((e) => e.originatorId === workflowId);
      const taskEvents = events.filter((e) => e.originatorId === taskId);
      const workflow = foldWorkflow(workflowEvents);
      const known = foldTask(taskEvents);
      if (!workflow) return this.#unknown('workflow', workflowId);
      if (known && known.workflowId !== workflowId)
        throw bridgeError('TRACKING_TASK_ELSEWHERE', { task: taskId, found: known.workflowId, asked: workflowId });
      const at = this.#now();
      const created: TrackingEvent = {
        type: 'TaskCreated',
        at,
        workflow_id: workflowId,
        task_name: task.name,
        task_version: task.version,
        input_data: task.inputData,
        params: task.params,
      };
      const added: TrackingEvent = { type: 'TaskAdded', at, task_id: taskId };
      // One transaction: a task that no workflow knows would be lost to every reader.
      return this.#append([
        [taskId, taskEvents, known ? [] : [created]],
        [workflowId, workflowEvents, workflow.taskIds.includes(taskId) ? [] : [added]],
      ]);
    });
    await this.#refresh(workflowId, changed);
  }

  startWorkflow(workflowId: string): Promise<void> {
    return this.#workflow(workflowId, decide.startWorkflow);
  }

  completeWorkflow(workflowId: string): Promise<void> {
    return this.#workflow(workflowId, decide.completeWorkflow);
  }

  failWorkflow(workflowId: string, error: string): Promise<void> {
    return this.#workflow(workflowId, (state, at) => decide.failWorkflow(state, at, writable(error)));
  }

  startTask(taskId: string): Promise<void> {
    return this.#task(taskId, decide.startTask);
  }

  addJobId(taskId: string, jobId: number): Promise<void> {
    return this.#task(taskId, (state, at) => decide.addJobId(state, at, jobId));
  }

  updateStatus(taskId: string, status: string): Promise<void> {
    return this.#task(taskId, (state, at) => decide.updateStatus(state, at, writable(status)));
  }

  /** Progress of the job in BIOMERO's form, such as `43%`. */
  updateProgress(taskId: string, progress: string | null): Promise<void> {
    return this.#task(taskId, (state, at) => decide.updateProgress(state, at, progress && writable(progress)));
  }

  /** What a command gave; `env` must be free of secrets, it becomes an annotation. */
  addResult(
    taskId: string,
    result: { command: string; env: Readonly<Record<string, string>>; stdout: string; stderr: string },
  ): Promise<void> {
    const value: Readonly<Record<string, StateValue>> = {
      command: writable(result.command),
      env: Object.fromEntries(Object.entries(result.env).map(([name, text]) => [writable(name), writable(text)])),
      stdout: writable(result.stdout),
      stderr: writable(result.stderr),
    };
    return this.#task(taskId, (state, at) => decide.addResult(state, at, value));
  }

  /** Commands that the log has of a task, with their variables, oldest first; whoever added them. */
  async resultsOf(taskId: string): Promise<CommandResult[]> {
    if (!this.#config.enabled) return [];
    const state = foldTask(await readEvents(this.#pool, [taskId]));
    return (state?.results ?? []).flatMap((text) => commandResult.safeParse(JSON.parse(text)).data ?? []);
  }

  completeTask(taskId: string, result: string): Promise<void> {
    return this.#task(taskId, (state, at) => decide.completeTask(state, at, result));
  }

  failTask(taskId: string, error: string): Promise<void> {
    return this.#task(taskId, (state, at) => decide.failTask(state, at, writable(error)));
  }

  async #workflow(id: string, decision: (state: WorkflowState, at: Date) => TrackingEvent[]): Promise<void> {
    if (!this.#config.enabled) return;
    const changed = await withRetries(async () => {
      const events = await readEvents(this.#pool, [id]);
      const state = foldWorkflow(events);
      return state ? this.#append([[id, events, decision(state, this.#now())]]) : this.#unknown('workflow', id);
    });
    await this.#refresh(id, changed);
  }

  async #task(id: string, decision: (state: TaskState, at: Date) => TrackingEvent[]): Promise<void> {
    if (!this.#config.enabled) return;
    let workflowId = '';
    const changed = await withRetries(async () => {
      const events = await readEvents(this.#pool, [id]);
      const state = foldTask(events);
      if (!state) return this.#unknown('task', id);
      workflowId = state.workflowId;
      return this.#append([[id, events, decision(state, this.#now())]]);
    });
    await this.#refresh(workflowId, changed);
  }

  /** True: events were added; false: nothing to add; `again`: somebody was faster. */
  async #append(parts: [id: string, read: LoggedEvent[], add: TrackingEvent[]][]): Promise<boolean | typeof again> {
    const appends = parts.flatMap(([originatorId, read, events]): Append[] =>
      events.length ? [{ originatorId, after: read.at(-1)?.version ?? -1, events }] : [],
    );
    if (!appends.length) return false;
    return (await appendEvents(this.#pool, appends)) || again;
  }

  #unknown(what: 'workflow' | 'task', id: string): null {
    this.#log?.warn({ [what]: id }, `BIOMERO's log does not know this ${what}; nothing is written about it`);
    return null;
  }

  async #refresh(workflowId: string, changed: boolean | null): Promise<void> {
    if (changed === null || (!changed && this.#refreshed.has(workflowId))) return;
    await withRetries(() => refreshViews(this.#pool, workflowId, this.#config));
    if (this.#refreshed.size >= 1000) this.#refreshed.clear();
    this.#refreshed.add(workflowId);
  }
}
