import { Icon } from '../icon.tsx';
import { numberText, sizeText } from '../words.ts';
import type { StartCheck } from './types.ts';

/** What would be started, as the server understood it, and where its results would go. */
export function StartSummary({ check }: { check: StartCheck }): React.ReactElement {
  const { storage } = check;
  return (
    <div className="banner ok">
      <Icon name="done" />
      <div>
        <h2>It can be started</h2>
        <dl className="pairs">
          <dt>Workflow</dt>
          <dd>
            {check.workflow} {check.version}
          </dd>
          <dt>Input</dt>
          <dd>
            {numberText(check.images, 'image')} of dataset {check.dataset.id}, <bdi>{check.dataset.name}</bdi>
          </dd>
          <dt>In the name of</dt>
          <dd>
            <bdi>{check.user}</bdi>, group <bdi>{check.group}</bdi>
          </dd>
          <dt>Results go to</dt>
          <dd>
            {storage ? (
              <>
                <code className="path">{storage.path}</code>
                {storage.freeBytes !== null && ` (${sizeText(storage.freeBytes)} free)`}
                {storage.source === 'fallback' && '; the group has no mapping, so the folder bears its name'}
              </>
            ) : (
              'OMERO alone; they are not archived on the storage'
            )}
          </dd>
        </dl>
      </div>
    </div>
  );
}
