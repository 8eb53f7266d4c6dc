import { useMutation, useQuery } from '@tanstack/react-query';
import { useId, useState } from 'react';
import type { MappingPreview, MappingsView } from '../../../src/http/routes/admin-mappings.ts';
import { postFor } from '../api.ts';
import { Icon, type IconName } from '../icon.tsx';
import { refusalText } from '../reason-dialog.tsx';
import type { Tone } from '../run-words.ts';
import { numberText } from '../words.ts';
import { FolderTree } from './folder-tree.tsx';

export interface GroupRow {
  id: number;
  /** As OMERO has it, else as the mapping has it. */
  name: string;
  folder: string | null;
}

/** Chooses the folder of one group: tried before it is saved. */
export function MappingEditor(props: {
  view: MappingsView;
  group: GroupRow;
  onSaved: (notes: string[]) => void;
  onClose: () => void;
}): React.ReactElement {
  const { view, group } = props;
  const id = useId();
  const [folder, setFolder] = useState(group.folder ?? '');
  const [shared, setShared] = useState(false);
  const preview = useQuery({
    queryKey: ['admin', 'mapping-preview', group.id, folder, view.revision],
    queryFn: () =>
      postFor<MappingPreview>('/api/admin/mappings/check', { groupId: group.id, groupName: group.name, folder }),
    enabled: folder !== '',
    placeholderData: (old) => old,
  });
  const save = useMutation({
    mutationFn: (to: string | null) =>
      postFor<{ notes: string[] }>('/api/admin/mappings', {
        groupId: group.id,
        groupName: group.name,
        folder: to,
        revision: view.revision,
        allowShared: shared,
      }),
    onSuccess: (answer) => props.onSaved(answer.notes),
  });
  const tried = folder === '' || preview.isPlaceholderData ? undefined : preview.data;
  const overlaps = tried?.findings.some((f) => f.kind === 'shared' || f.kind === 'nested') ?? false;
  const refused = tried?.findings.some((f) => f.level === 'error') ?? false;
  const owners = new Map(view.mappings.map((m) => [m.folder.replace(/\/$/, ''), m.groupName]));
  const renamed = view.findings.some((f) => f.key === String(group.id) && f.kind === 'renamed');
  const changed = folder !== (group.folder ?? '') || renamed;
  return (
    <form
      className="panel editor"
      aria-labelledby={`${id}-title`}
      onSubmit={(event) => {
        event.preventDefault();
        if (!save.isPending && folder !== '') save.mutate(folder);
      }}
    >
      <div>
        <h2 id={`${id}-title`}>
          <bdi>{group.name}</bdi>
        </h2>
        <p className="hint">OMERO group {group.id}</p>
      </div>
      <div className="field">
        <span className="label" id={`${id}-pick`}>
          Folder below <code>{view.baseDir}</code>
        </span>
        <FolderTree labelledBy={`${id}-pick`} chosen={folder || null} owners={owners} onChoose={setFolder} />
        <input
          className="input mono"
          aria-label="Folder, relative to the storage"
          spellCheck={false}
          autoCapitalize="none"
          maxLength={1024}
          value={folder}
          onChange={(event) => setFolder(event.target.value)}
        />
        <span className="hint">
          Folders are read when opened. Files, links and <code>.analyzed</code> are left out.
        </span>
      </div>
      <div className="field">
        <span className="label">Results will go to</span>
        <div className="resolved" role="region" aria-label="Resolved path">
          {folder === '' ? (
            <span className="quiet">Choose a folder.</span>
          ) : (
            <code>
              <span className="quiet">{view.baseDir.replace(/\/$/, '')}/</span>
              <strong>{folder.replace(/\/$/, '')}</strong>
              <span className="quiet">/.analyzed/&lt;workflow run&gt;/&lt;time&gt;/</span>
            </code>
          )}
        </div>
      </div>
      <ul className="messages" aria-live="polite">
        {tried &&
          messagesOf(tried, group).map(([tone, icon, word, text]) => (
            <li key={text}>
              <span className={tone}>
                <Icon name={icon} />
                <span className="vh">{word}</span>
              </span>
              <span>{text}</span>
            </li>
          ))}
        {preview.error && (
          <li>
            <span className="fail">
              <Icon name="fail" />
            </span>
            <span>{refusalText(preview.error)}</span>
          </li>
        )}
      </ul>
      {overlaps && !refused && (
        <label className="tick">
          <input type="checkbox" checked={shared} onChange={(event) => setShared(event.target.checked)} />
          The groups are meant to share it
        </label>
      )}
      <p role="alert" className="error">
        {save.error && (
          <>
            <Icon name="fail" />
            <span>{refusalText(save.error)}</span>
          </>
        )}
      </p>
      <div className="actions">
        {changed && folder !== '' && !refused && (!overlaps || shared) && (
          <button className="button primary" type="submit" aria-busy={save.isPending}>
            Save mapping
          </button>
        )}
        <button className="button" type="button" onClick={props.onClose}>
          Close
        </button>
        {group.folder !== null && (
          <button className="button bare" type="button" onClick={() => !save.isPending && save.mutate(null)}>
            Remove mapping
          </button>
        )}
      </div>
    </form>
  );
}

type Message = [tone: Tone, icon: IconName, word: string, text: string];

function messagesOf(preview: MappingPreview, group: GroupRow): Message[] {
  const key = String(group.id);
  const found = preview.findings.map((f): Message => {
    const about = f.key === key ? '' : `Group "${f.groupName}": `;
    const text = `${about}${f.reason}. ${f.remedy}`;
    return f.level === 'error' ? ['fail', 'fail', 'Refused', text] : ['warn', 'warn', 'Attention', text];
  });
  const wrong = preview.findings.some((f) => f.level === 'error');
  return [
    ...found,
    ...(wrong
      ? []
      : preview.notWritable
        ? [['warn', 'warn', 'Attention', `${preview.notWritable.message} ${preview.notWritable.remedy}`] as Message]
        : [
            [
              'ok',
              'done',
              'Pass',
              'It is there, below the storage, and this server can write, sync, rename and remove in it.',
            ] as Message,
          ]),
    ...(preview.archivesElsewhere > 0
      ? [
          [
            'idle',
            'unknown',
            'Note',
            `${numberText(preview.archivesElsewhere, 'archive')} of this group ${preview.archivesElsewhere === 1 ? 'stays' : 'stay'} where ${preview.archivesElsewhere === 1 ? 'it is' : 'they are'}; images in OMERO keep working.`,
          ] as Message,
        ]
      : []),
  ];
}
