import { useQuery } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import type { FolderList } from '../../../src/storage/list-folders.ts';
import { getJson } from '../api.ts';
import { Icon } from '../icon.tsx';
import { refusalText } from '../reason-dialog.tsx';

interface TreeState {
  chosen: string | null;
  /** The node that Tab leads to. */
  current: string;
  open: ReadonlySet<string>;
  /** Group that has a folder, by path. */
  owners: ReadonlyMap<string, string>;
  onChoose: (path: string) => void;
  onToggle: (path: string) => void;
  onFocus: (path: string) => void;
}

/** Folders of the storage, each level read when it is opened. Arrows move, Enter chooses. */
export function FolderTree(props: {
  labelledBy: string;
  chosen: string | null;
  owners: ReadonlyMap<string, string>;
  onChoose: (path: string) => void;
}): React.ReactElement {
  const tree = useRef<HTMLUListElement>(null);
  const [open, setOpen] = useState<ReadonlySet<string>>(() => new Set(parentsOf(props.chosen)));
  const [current, setCurrent] = useState(props.chosen ?? '');
  const toggle = (path: string): void =>
    setOpen((old) => {
      const next = new Set(old);
      if (!next.delete(path)) next.add(path);
      return next;
    });
  const state: TreeState = {
    chosen: props.chosen,
    current,
    open,
    owners: props.owners,
    onChoose: props.onChoose,
    onToggle: toggle,
    onFocus: setCurrent,
  };
  const onKeyDown = (event: React.KeyboardEvent): void => {
    const nodes = [...(tree.current?.querySelectorAll<HTMLElement>('[role=treeitem]') ?? [])];
    const at = nodes.findIndex((node) => node === document.activeElement);
    const path = nodes[at]?.dataset['path'];
    if (path === undefined) return;
    const go = (node: HTMLElement | null | undefined): void => node?.focus();
    if (event.key === 'ArrowDown') go(nodes[at + 1]);
    else if (event.key === 'ArrowUp') go(nodes[at - 1]);
    else if (event.key === 'Home') go(nodes[0]);
    else if (event.key === 'End') go(nodes.at(-1));
    else if (event.key === 'ArrowRight' && !open.has(path)) toggle(path);
    else if (event.key === 'ArrowRight') go(nodes[at + 1]);
    else if (event.key === 'ArrowLeft' && open.has(path)) toggle(path);
    else if (event.key === 'ArrowLeft') go(nodes.find((n) => n.dataset['path'] === parentOf(path)));
    else if (event.key === 'Enter' || event.key === ' ') props.onChoose(path);
    else return;
    event.preventDefault();
  };
  return (
    <ul className="tree" role="tree" aria-labelledby={props.labelledBy} ref={tree} onKeyDown={onKeyDown}>
      <Level path="" level={1} state={state} />
    </ul>
  );
}

function Level({ path, level, state }: { path: string; level: number; state: TreeState }): React.ReactElement {
  const list = useQuery({
    queryKey: ['admin', 'folders', path],
    queryFn: ({ signal }) => getJson<FolderList>(`/api/admin/folders?path=${encodeURIComponent(path)}`, signal),
    staleTime: 10_000,
  });
  if (!list.data)
    return (
      <li role="none" className="node note">
        {list.error ? refusalText(list.error) : 'Reading folders'}
      </li>
    );
  const { folders, more } = list.data;
  const paths = folders.map((name) => (path === '' ? name : `${path}/${name}`));
  return (
    <>
      {folders.length === 0 && (
        <li role="none" className="node note">
          No folders
        </li>
      )}
      {folders.map((name, i) => (
        <Node
          key={name}
          name={name}
          path={paths[i] ?? ''}
          level={level}
          state={state}
          // Tab leads to one node: the one that had the focus, else the first.
          first={level === 1 && i === 0 && !isShown(state)}
        />
      ))}
      {more && (
        <li role="none" className="node note">
          and more: type the name below
        </li>
      )}
    </>
  );
}

function Node(props: {
  name: string;
  path: string;
  level: number;
  state: TreeState;
  first: boolean;
}): React.ReactElement {
  const { name, path, level, state } = props;
  const isOpen = state.open.has(path);
  const owner = state.owners.get(path);
  const note = [state.chosen === path ? 'chosen' : '', owner ?? ''].filter((word) => word !== '').join(', ');
  // Levels are told by number, not by nesting, so that a node's name is its own text alone.
  return (
    <>
      <li
        role="treeitem"
        aria-level={level}
        aria-expanded={isOpen}
        aria-selected={state.chosen === path}
        data-path={path}
        tabIndex={state.current === path || props.first ? 0 : -1}
        className="node"
        style={{ paddingLeft: `${0.5 + (level - 1) * 1.15}rem` }}
        onFocus={() => state.onFocus(path)}
        onClick={() => state.onChoose(path)}
      >
        <span
          className="twist"
          aria-hidden="true"
          onClick={(event) => {
            event.stopPropagation();
            state.onToggle(path);
          }}
        >
          <Icon name={isOpen ? 'down' : 'right'} />
        </span>
        <Icon name="folder" />
        <bdi>{name}</bdi> {note && <span className="note">{note}</span>}
      </li>
      {isOpen && <Level path={path} level={level + 1} state={state} />}
    </>
  );
}

/** Whether the node that Tab leads to is on the page. */
function isShown({ current, open }: TreeState): boolean {
  return current !== '' && parentsOf(current).every((parent) => open.has(parent));
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}

function parentsOf(path: string | null): string[] {
  const parents: string[] = [];
  for (let at = parentOf(path ?? ''); at !== ''; at = parentOf(at)) parents.push(at);
  return parents;
}
