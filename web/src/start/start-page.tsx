import { useMutation, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useLocation } from 'wouter';
import { PageHead, Waiting } from '../admin/page-parts.tsx';
import { getJson, postFor } from '../api.ts';
import { Icon } from '../icon.tsx';
import { refusalText } from '../reason-dialog.tsx';
import { firstValues, inputOf, newId, valuesOf, type FormValues } from './form-values.ts';
import { InputField } from './input-field.tsx';
import { ParameterField } from './parameter-field.tsx';
import { StartSummary } from './start-summary.tsx';
import type { StartCheck, StartRequest, WorkflowDetail, WorkflowList } from './types.ts';

/** Starts a run: which workflow, on what, with which parameters; what it would be is shown before it is started. */
export function StartPage(): React.ReactElement {
  const list = useQuery({
    queryKey: ['workflows'],
    queryFn: ({ signal }) => getJson<WorkflowList>('/api/workflows', signal),
  });
  const [chosen, setChosen] = useState<string | null>(null);
  const workflows = list.data?.workflows ?? [];
  const name = chosen ?? workflows.find((w) => w.problem === null)?.name ?? null;
  const lede =
    'A run belongs to the group of its images. Its results are archived, and imported into OMERO beside them.';
  return (
    <>
      <PageHead title="Start a run" lede={lede} />
      {!list.data && <Waiting what="workflows" error={list.error} again={() => void list.refetch()} />}
      {list.data && workflows.length === 0 && (
        <div className="panel empty">
          <h2>There are no workflows here</h2>
          <p>The admin of this service lists them in slurm-config.ini, under [WORKFLOWS].</p>
        </div>
      )}
      {workflows.length > 0 && (
        <div className="panel start">
          <div className="field">
            <label htmlFor="workflow">Workflow</label>
            <span className="select-wrap">
              <select
                id="workflow"
                className="select"
                value={name ?? ''}
                onChange={(event) => setChosen(event.target.value)}
              >
                {name === null && <option value="">Choose one</option>}
                {workflows.map((workflow) => (
                  <option key={workflow.name} value={workflow.name}>
                    {workflow.name} {workflow.version}
                  </option>
                ))}
              </select>
              <Icon name="down" />
            </span>
          </div>
          {name !== null && <Workflow key={name} name={name} />}
        </div>
      )}
    </>
  );
}

function Workflow({ name }: { name: string }): React.ReactElement {
  const detail = useQuery({
    queryKey: ['workflow', name],
    queryFn: ({ signal }) => getJson<WorkflowDetail>(`/api/workflows/${encodeURIComponent(name)}`, signal),
  });
  if (!detail.data) return <Waiting what="parameters" error={detail.error} again={() => void detail.refetch()} />;
  if (detail.data.problem !== null)
    return (
      <p className="error" role="alert">
        <Icon name="fail" />
        <span>This workflow cannot be started: {detail.data.problem}</span>
      </p>
    );
  return <StartForm workflow={detail.data} />;
}

function StartForm({ workflow }: { workflow: WorkflowDetail }): React.ReactElement {
  const [, navigate] = useLocation();
  const [values, setValues] = useState<FormValues>(() => firstValues(workflow));
  // One id per form: the same press twice, or again after a break, is one run.
  const [id] = useState(newId);
  const [wrong, setWrong] = useState<string | null>(null);
  const check = useMutation({ mutationFn: (request: StartRequest) => postFor<StartCheck>('/api/runs/check', request) });
  const start = useMutation({
    mutationFn: (request: StartRequest) => postFor<{ id: string }>('/api/runs', request),
    onSuccess: (made) => navigate(`/runs/${made.id}`),
  });
  const change = (next: Partial<FormValues>): void => {
    setValues({ ...values, ...next });
    setWrong(null);
    // What was checked is no more what would be started.
    check.reset();
    start.reset();
  };
  const request = (): StartRequest | null => {
    const input = inputOf(values);
    if (typeof input === 'string') {
      setWrong(input);
      return null;
    }
    return { workflow: workflow.name, id, ...input, parameters: valuesOf(workflow, values) };
  };
  const refused = check.error ?? start.error;
  const checked = check.data !== undefined;
  const busy = check.isPending || start.isPending || start.isSuccess;
  const go = (): void => {
    const wanted = busy ? null : request();
    if (wanted === null) return;
    if (checked) start.mutate(wanted);
    else check.mutate(wanted);
  };
  return (
    <form
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        go();
      }}
    >
      {workflow.description && <p className="quiet">{workflow.description}</p>}
      <InputField values={values} wrong={wrong} onChange={change} />
      {workflow.parameters.length > 0 && (
        <fieldset className="parameters">
          <legend>Parameters</legend>
          {workflow.parameters.map((parameter) => (
            <ParameterField
              key={parameter.id}
              parameter={parameter}
              value={values.parameters[parameter.id] ?? ''}
              onChange={(value) => change({ parameters: { ...values.parameters, [parameter.id]: value } })}
            />
          ))}
        </fieldset>
      )}
      {!workflow.described && (
        <p className="quiet">This workflow describes no parameters; it runs with those of its own script.</p>
      )}
      <div role="status">{check.data && <StartSummary check={check.data} />}</div>
      <p role="alert" className="error">
        {refused && (
          <>
            <Icon name="fail" />
            <span>{refusalText(refused)}</span>
          </>
        )}
      </p>
      <div className="actions">
        <button className="button primary" type="submit" aria-busy={busy}>
          {checked ? 'Start the run' : 'Check'}
        </button>
        <span className="hint">
          {checked ? 'It starts at once.' : 'Nothing is started yet: what would run, and where its results would go.'}
        </span>
      </div>
    </form>
  );
}
