import { useMutation, useQuery } from '@tanstack/react-query';
import type { GroupStorageView } from '../../../src/http/routes/admin-storage.ts';
import type { MountState, StoredGroup } from '../../../src/storage/check.ts';
import { getJson, postFor } from '../api.ts';
import { Copyable } from '../copy.tsx';
import type { Json } from '../json.ts';
import { refusalText } from '../reason-dialog.tsx';
import { StateMark } from '../state.tsx';
import { Time } from '../time.tsx';
import { sizeText } from '../words.ts';
import { PageHead, Section, TablePanel, Waiting } from './page-parts.tsx';

interface StorageAnswer {
  baseDir: string;
  uid: number;
  gid: number;
  mounts: Json<MountState>[];
  groups: StoredGroup[];
}

/** The shared storage: is it the one that was there, is there room, can the groups' folders be written. */
export function StoragePage(): React.ReactElement {
  const storage = useQuery({
    queryKey: ['admin', 'storage'],
    queryFn: ({ signal }) => getJson<StorageAnswer>('/api/admin/storage', signal),
    refetchInterval: 30_000,
  });
  if (!storage.data)
    return (
      <>
        <PageHead title="Storage" />
        <Waiting what="storage" error={storage.error} again={() => void storage.refetch()} />
      </>
    );
  const { baseDir, uid, gid, mounts, groups } = storage.data;
  return (
    <>
      <PageHead
        title="Storage"
        lede={
          <>
            Results are archived below <code>{baseDir}</code>, as seen by this web server (uid:gid {uid}:{gid}).
          </>
        }
      />
      <Section
        id="mounts"
        title="Mounts"
        aside="A mount is known by a marker file, so that an empty folder in its place is noticed."
      >
        <TablePanel label="mounts">
          <table className="middle">
            <caption className="vh">Mounts of the storage with their marker and free room</caption>
            <thead>
              <tr>
                <th scope="col">State</th>
                <th scope="col">Folder</th>
                <th scope="col">Marker</th>
                <th scope="col" className="num">
                  Free
                </th>
                <th scope="col" className="num">
                  Room for files
                </th>
                <th scope="col" className="num">
                  Last seen
                </th>
              </tr>
            </thead>
            <tbody>
              {mounts.map((mount) => (
                <MountRow key={mount.path} mount={mount} />
              ))}
            </tbody>
          </table>
        </TablePanel>
      </Section>
      <Groups groups={groups} />
    </>
  );
}

const mountStates = {
  known: { tone: 'ok', icon: 'done', word: 'Known' },
  unmarked: { tone: 'warn', icon: 'warn', word: 'No marker' },
  changed: { tone: 'fail', icon: 'fail', word: 'Another one' },
  missing: { tone: 'fail', icon: 'fail', word: 'Not there' },
} as const;

function MountRow({ mount }: { mount: Json<MountState> }): React.ReactElement {
  const { room } = mount;
  return (
    <tr>
      <td>
        <StateMark {...mountStates[mount.state]} />
      </td>
      <th scope="row">
        <code className="path">{mount.path}</code>
        {mountRemedy(mount) && <small className="says">{mountRemedy(mount)}</small>}
      </th>
      <td>
        {mount.marker === null ? (
          <span className="quiet">none</span>
        ) : (
          <Copyable text={mount.marker} shown={mount.marker.slice(0, 8)} what="marker" />
        )}
      </td>
      <td className="num">{room?.bytes === null || !room ? '' : sizeText(room.bytes)}</td>
      <td className="num">{room?.names?.toLocaleString('en') ?? ''}</td>
      <td className="num">{mount.seenAt && <Time iso={mount.seenAt} />}</td>
    </tr>
  );
}

function mountRemedy(mount: Json<MountState>): string | null {
  if (mount.state === 'unmarked')
    return 'A mount that went away cannot be told from an empty one. While it is mounted: biomero-bridge storage adopt';
  if (mount.state === 'changed')
    return `${mount.found === null ? 'Its marker is not there' : `It bears the marker ${mount.found}`}. Nothing is written to it. Mount the right storage there, or, if this one took its place on purpose: biomero-bridge storage adopt --replace`;
  return mount.reason;
}

function Groups({ groups }: { groups: StoredGroup[] }): React.ReactElement {
  const check = useMutation({
    mutationFn: (group?: string) =>
      postFor<{ checks: GroupStorageView[] }>('/api/admin/storage/check', group === undefined ? {} : { group }),
  });
  const checks = check.data?.checks ?? [];
  return (
    <Section
      id="groups"
      title="Folders of groups"
      aside="The check writes a small file where archives go, and removes it."
      actions={
        groups.length > 0 && (
          <button
            className="button"
            type="button"
            aria-busy={check.isPending}
            onClick={() => !check.isPending && check.mutate(undefined)}
          >
            {check.isPending ? 'Checking' : 'Check all groups'}
          </button>
        )
      }
    >
      <p role="status" className={check.error ? 'fail' : 'vh'}>
        {check.error ? refusalText(check.error) : check.data ? verdict(checks) : ''}
      </p>
      {groups.length === 0 ? (
        <div className="panel empty">
          <h3>No group has a mapping or a run yet</h3>
          <p>Groups appear here with their first run, or when they are mapped to a folder.</p>
        </div>
      ) : (
        <TablePanel label="folders of groups" foot={check.data && <span>{verdict(checks)}</span>}>
          <table className="middle">
            <caption className="vh">Groups with their folder and whether it can be written</caption>
            <thead>
              <tr>
                <th scope="col">Group</th>
                <th scope="col" className="num">
                  OMERO id
                </th>
                <th scope="col">Check</th>
                <th scope="col">Folder</th>
                <th scope="col" className="num">
                  Free
                </th>
              </tr>
            </thead>
            <tbody>
              {groups.map((group) => (
                <GroupRow
                  key={`${group.id} ${group.name}`}
                  group={group}
                  check={checks.find((c) => c.id === group.id && c.name === group.name) ?? null}
                />
              ))}
            </tbody>
          </table>
        </TablePanel>
      )}
    </Section>
  );
}

function verdict(checks: GroupStorageView[]): string {
  const failed = checks.filter((c) => c.outcome === 'failed').length;
  return failed === 0
    ? checks.length === 1
      ? 'The folder can be written.'
      : `All ${checks.length} folders can be written.`
    : `${failed} of ${checks.length} folders cannot be used.`;
}

function GroupRow({ group, check }: { group: StoredGroup; check: GroupStorageView | null }): React.ReactElement {
  return (
    <tr>
      <th scope="row">
        <bdi>{group.name}</bdi>
      </th>
      <td className="num quiet">{group.id}</td>
      <td>
        {check === null ? (
          <StateMark tone="idle" icon="wait" word="Not checked" />
        ) : check.outcome === 'passed' ? (
          <StateMark tone="ok" icon="done" word="Can be written" />
        ) : (
          <StateMark tone="fail" icon="fail" word="Cannot be used" />
        )}
      </td>
      <td>
        {check?.path && (
          <>
            <code className="path">{check.path}</code>
            {check.source === 'fallback' && <small>not mapped: named after the group</small>}
          </>
        )}
        {check?.error && (
          <>
            <span className="fail says">{check.error.message}</span>
            <small className="says">{check.error.remedy}</small>
          </>
        )}
      </td>
      <td className="num">{check?.freeBytes ? sizeText(check.freeBytes) : ''}</td>
    </tr>
  );
}
