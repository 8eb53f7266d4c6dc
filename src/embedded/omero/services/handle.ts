import type { IceObject } from '../../../omero/ice/values.ts';
import { IceException } from '../../../omero/ice/values.ts';
import type { Call, Service } from '../context.ts';
import { deleteGraph } from '../deletion.ts';
import { failure } from '../failures.ts';

/** A request under way or done; the answer is null until then. */
export interface Submitted {
  readonly request: IceObject | null;
  response: IceObject | null;
  readonly started: number;
  ended: number;
}

let last = 0;

/** Starts a request and returns the name of its handle. What is not supported is answered with an error, as OMERO does. */
export function submit(call: Call, request: IceObject | null): string {
  const name = `${call.session.uuid}/Handle/${++last}`;
  const submitted: Submitted = { request, response: null, started: Date.now(), ended: 0 };
  call.client.handles.set(name, submitted);
  void answer(call, request).then((response) => Object.assign(submitted, { response, ended: Date.now() }));
  return name;
}

async function answer(call: Call, request: IceObject | null): Promise<IceObject> {
  try {
    if (request?.$type === '::omero::cmd::Delete2') return await deleteGraph(call, request);
    return error('Unknown', 'unknown', `${request?.$type ?? 'null'} is not supported by this server`);
  } catch (e) {
    if (e instanceof IceException) return error('GraphException', 'graph-fail', String(e.members['message']));
    call.server.log.error({ error: String(e) }, 'the OMERO stand-in failed in a request');
    return error('GraphException', 'graph-fail', 'the request failed inside the server');
  }
}

function error(type: 'GraphException' | 'Unknown', name: string, message: string): IceObject {
  const parameters = new Map([['message', message]]);
  return { $type: `::omero::cmd::${type}`, category: '::omero::cmd', name, parameters, message };
}

/** Handle: what became of a submitted request. */
export const handleService: Service = {
  getRequest: (call) => of(call).request,
  getResponse: (call) => of(call).response,
  getStatus(call) {
    const { started, ended, response } = of(call);
    return {
      $type: '::omero::cmd::Status',
      source: null,
      category: '::omero::cmd',
      name: '',
      // The first flag is CANCELLED, the second FAILURE.
      flags: response && 'message' in response ? [1] : [],
      parameters: new Map(),
      currentStep: response ? 1 : 0,
      steps: 1,
      startTime: started,
      stepStartTimes: [started],
      stepStopTimes: response ? [ended] : [],
      stopTime: response ? ended : 0,
    };
  },
  // Clients ask for the answer too: nobody is called back.
  addCallback: () => undefined,
  removeCallback: () => undefined,
  cancel: () => false,
  close(call) {
    call.client.handles.delete(call.objectName);
  },
};

function of(call: Call): Submitted {
  const submitted = call.client.handles.get(call.objectName);
  if (!submitted) throw failure('ApiUsageException', 'this handle was closed');
  return submitted;
}
