import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { MappingsView } from '../../../src/http/routes/admin-mappings.ts';
import { getJson } from '../api.ts';
import { Icon } from '../icon.tsx';
import { StateMark } from '../state.tsx';
import { numberText } from '../words.ts';
import { MappingEditor, type GroupRow } from './mapping-editor.tsx';
import { PageHead, TablePanel, Waiting } from './page-parts.tsx';

/** Which folder of the storage each group has. */
export function MappingsPage(): React.ReactElement {
  const found = useQuery({
    queryKey: ['admin', 'mappings'],
    queryFn: ({ signal }) => getJson<MappingsView>('/api/admin/mappings', signal),
  });
  const [chosen, setChosen] = useState<number | null>(null);
  const [saved, setSaved] = useState<string[] | null>(null);
  const head = (
    <PageHead
      title="Mappings"
      lede="Where each group's results are archived. A change counts from the next archive on; archives that exist stay where they are."
    />
  );
  if (!found.data)
    return (
      <>
        {head}
        <Waiting what="mappings" error={found.error} again={() => void found.refetch()} />
      </>
    );
  const view = found.data;
  const rows = rowsOf(view);
  const open = rows.find((row) => row.id === chosen);
  return (
    <>
      {head}
      <div role="status">
        {view.groupsUnknown !== null && (
          <p className="banner warn">
            <Icon name="warn" />
            <span>
              <strong>OMERO does not answer, so only mapped groups are listed.</strong> {view.groupsUnknown}
            </span>
          </p>
        )}
        {saved !== null && (
          <p className="banner">
            <Icon name="done" />
            <span>
              <strong>Saved.</strong> It counts from the next archive on. {saved.join(' ')}
            </span>
          </p>
        )}
      </div>
      <div className={open ? 'mapper' : 'mapper single'}>
        <section aria-labelledby="groups-title">
          <h2 className="vh" id="groups-title">
            Groups
          </h2>
          <TablePanel
            label="mappings"
            foot={
              <span>
                {rows.filter((r) => r.folder !== null).length} of {numberText(rows.length, 'group')} mapped. The rest
                use <code>{view.baseDir.replace(/\/$/, '')}/&lt;group name&gt;</code>.
              </span>
            }
          >
            <table className="middle">
              <caption className="vh">Groups with their folder and what is to say about it</caption>
              <thead>
                <tr>
                  <th scope="col">Group</th>
                  <th scope="col" className="num">
                    OMERO id
                  </th>
                  <th scope="col">Folder</th>
                  <th scope="col">Check</th>
                </tr>
              </thead>
              <tbody>
                {rows.map((row) => (
                  <tr key={row.id} className={row.id === chosen ? 'chosen-row' : undefined}>
                    <th scope="row">
                      <button
                        className="as-link"
                        type="button"
                        data-row=""
                        aria-pressed={row.id === chosen}
                        onClick={() => {
                          setSaved(null);
                          setChosen(row.id);
                        }}
                      >
                        <bdi>{row.name}</bdi>
                      </button>
                    </th>
                    <td className="num quiet">{row.id}</td>
                    <td>
                      {row.folder === null ? (
                        <span className="quiet">not mapped</span>
                      ) : (
                        <code className="path">{row.folder}</code>
                      )}
                    </td>
                    <td>
                      <Check row={row} view={view} />
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </TablePanel>
          {view.mappings.length > 0 && (
            <p className="hint below">
              Stored in {[...new Set(view.mappings.map((m) => m.file))].join(', ')}, which OMERO.biomero reads too.
            </p>
          )}
        </section>
        {open && (
          <MappingEditor
            key={`${open.id} ${view.revision}`}
            view={view}
            group={open}
            onSaved={(notes) => {
              setSaved(notes);
              setChosen(null);
              void found.refetch();
            }}
            onClose={() => setChosen(null)}
          />
        )}
      </div>
    </>
  );
}

function rowsOf(view: MappingsView): GroupRow[] {
  const rows = new Map<number, GroupRow>();
  for (const { groupId: id, groupName: name, folder } of view.mappings) rows.set(id, { id, name, folder });
  for (const { id, name } of view.groups ?? []) rows.set(id, { id, name, folder: rows.get(id)?.folder ?? null });
  return [...rows.values()].sort((a, b) => a.name.localeCompare(b.name, 'en'));
}

function Check({ row, view }: { row: GroupRow; view: MappingsView }): React.ReactElement {
  const findings = view.findings.filter((f) => f.key === String(row.id));
  const worst = findings.find((f) => f.level === 'error') ?? findings[0];
  if (!worst)
    return row.folder === null ? (
      <StateMark tone="idle" icon="wait" word="Made on first run" />
    ) : (
      <StateMark tone="ok" icon="done" word="In order" />
    );
  return (
    <>
      {worst.level === 'error' ? (
        <StateMark tone="fail" icon="fail" word="Cannot be used" />
      ) : (
        <StateMark tone="warn" icon="warn" word="Look at it" />
      )}
      <small className="says">
        {worst.reason}. {worst.remedy}
      </small>
    </>
  );
}
