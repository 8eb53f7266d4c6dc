import type { RunView } from '../../src/runs/view.ts';
import { Copyable } from './copy.tsx';
import { OrderLink } from './order-link.tsx';
import { Time } from './time.tsx';

/** Where the results came from, what was ordered for them, and with which parameters they were made. */
export function Origin({ view }: { view: RunView }): React.ReactElement {
  const parameters = Object.entries(view.parameters);
  return (
    <section className="section" id="origin" aria-labelledby="origin-title">
      <div className="section-head">
        <h2 id="origin-title">Origin and parameters</h2>
      </div>
      <div className="panel columns">
        <div>
          <h3>Where it came from</h3>
          <dl className="pairs">
            <dt>Workflow</dt>
            <dd>
              {view.workflow} {view.workflowVersion}
            </dd>
            {view.input && (
              <>
                <dt>Input</dt>
                <dd>
                  {view.input.type} {view.input.id}, {view.input.name}
                  {view.inputImages &&
                    `: ${view.inputImages.length === 1 ? 'image' : 'images'} ${view.inputImages.join(', ')}`}
                </dd>
              </>
            )}
            <dt>Launched by</dt>
            <dd>
              {view.user}, {view.group}
            </dd>
            {view.endedAt && (
              <>
                <dt>Ended</dt>
                <dd>
                  <Time iso={view.endedAt} exact />
                </dd>
              </>
            )}
          </dl>
        </div>
        <div>
          <h3>In BIOMERO</h3>
          <dl className="pairs">
            <dt>Status</dt>
            <dd>{view.status}</dd>
            <dt>Recipe</dt>
            <dd>{view.recipe}</dd>
            <dt>Import task</dt>
            <dd>
              <Copyable text={view.taskId} what="import task id" />
            </dd>
            {view.orders.map((order) => (
              <OrderPair key={order.uuid} order={order} />
            ))}
          </dl>
        </div>
        <div>
          <h3>Parameters</h3>
          {parameters.length === 0 ? (
            <p className="quiet">None given: the workflow's own defaults.</p>
          ) : (
            <dl className="pairs">
              {parameters.map(([name, value]) => (
                <ParameterPair key={name} name={name} value={value} />
              ))}
            </dl>
          )}
        </div>
      </div>
    </section>
  );
}

function OrderPair({ order }: { order: RunView['orders'][number] }): React.ReactElement {
  return (
    <>
      <dt>Upload order</dt>
      <dd>
        <Copyable text={order.uuid} what="order uuid" />{' '}
        <OrderLink uuid={order.uuid} text="Open" label={`Open order ${order.uuid.slice(0, 8)}`} />
        <small>
          {order.stage}
          {order.description && `: ${order.description}`}, <Time iso={order.updatedAt} exact />
        </small>
      </dd>
    </>
  );
}

function ParameterPair({ name, value }: { name: string; value: unknown }): React.ReactElement {
  return (
    <>
      <dt>
        <code>{name}</code>
      </dt>
      <dd>
        <code>{typeof value === 'string' ? value : JSON.stringify(value)}</code>
      </dd>
    </>
  );
}
