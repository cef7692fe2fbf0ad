// What all views are put together from: loading, errors, tables, and who is allowed what.
import {signal} from '@preact/signals';
import type {ComponentChildren, VNode} from 'preact';
import {useCallback, useEffect, useState} from 'preact/hooks';
import {picture} from '../shared/picture';

export type Role = 'admin' | 'write' | 'read';
export const role = signal<Role>('admin');
// Paths that this server's own document names.
export const knows = new Map<string, boolean>();
export const mayChange = (): boolean => role.value === 'admin';

export const words = (error: unknown): string => (error instanceof Error ? error.message : String(error));

export interface Loaded<T> {
  data?: T;
  error?: string;
  again: () => void;
}

// Asks when the view opens and whenever one of `on` changes; keeps what was there while it asks again.
export function useLoad<T>(ask: () => Promise<T>, on: unknown[]): Loaded<T> {
  const [state, set] = useState<{data?: T; error?: string}>({});
  const [turn, next] = useState(0);
  useEffect(() => {
    let open = true;
    ask().then((data) => open && set({data}), (error: unknown) => open && set((old) => ({...old, error: words(error)})));
    return () => {
      open = false;
    };
  }, [...on, turn]);
  return {...state, again: useCallback(() => next((n) => n + 1), [])};
}

// Waits until typing has paused, so that not every letter is a question.
export function useSettled<T>(value: T, ms = 250): T {
  const [settled, set] = useState(value);
  useEffect(() => {
    const timer = window.setTimeout(() => set(value), ms);
    return () => window.clearTimeout(timer);
  }, [value]);
  return settled;
}

// A change and what came of it; `busy` while it runs.
export function useDo(): {busy: boolean; said: string; failed: string; run: (work: () => Promise<string | void>) => void} {
  const [state, set] = useState({busy: false, said: '', failed: ''});
  return {...state, run: (work) => {
    set({busy: true, said: '', failed: ''});
    work().then((said) => set({busy: false, said: said ?? '', failed: ''}), (error: unknown) => set({busy: false, said: '', failed: words(error)}));
  }};
}

export const Said = ({what}: {what: {said: string; failed: string}}): VNode => (
  <p class="said" role="status">{what.failed ? <span class="bad">{what.failed}</span> : what.said}</p>
);

export function View({title, lead, tools, children}: {title: string; lead: ComponentChildren; tools?: ComponentChildren; children: ComponentChildren}): VNode {
  useEffect(() => {
    document.title = `${title} · Freshet console`;
  }, [title]);
  return (
    <>
      <header class="view-head"><div><h1>{title}</h1><p>{lead}</p></div>{tools ? <div class="tools">{tools}</div> : null}</header>
      {children}
    </>
  );
}

export const Card = ({title, note, children, wide, tall}: {title: string; note?: ComponentChildren; children: ComponentChildren; wide?: boolean; tall?: boolean}): VNode => (
  <section class={`box${wide ? ' wide' : ''}${tall ? ' tall' : ''}`}><header><h2>{title}</h2>{note ? <p>{note}</p> : null}</header>{children}</section>
);

export const Stat = ({name, value, help}: {name: string; value: ComponentChildren; help?: string}): VNode => (
  <div class="stat" title={help}><b>{value}</b><span>{name}</span></div>
);

export function Waiting<T>({of, children}: {of: Loaded<T>; children: (data: T) => ComponentChildren}): VNode {
  return (
    <>
      {of.error ? <p class="trouble" role="alert">{of.error} <button type="button" class="plain" onClick={of.again}>Try again</button></p> : null}
      {of.data === undefined ? (of.error ? null : <p class="waiting">Asking the server …</p>) : children(of.data)}
    </>
  );
}

export const Empty = ({children}: {children: ComponentChildren}): VNode => <p class="empty">{children}</p>;

export const Table = ({label, head, rows}: {label: string; head: ComponentChildren[]; rows: ComponentChildren[][]}): VNode => (
  <div class="scroll" tabIndex={0} role="region" aria-label={label}>
    <table>
      <thead><tr>{head.map((one) => <th scope="col">{one}</th>)}</tr></thead>
      <tbody>{rows.map((row) => <tr>{row.map((one) => <td>{one}</td>)}</tr>)}</tbody>
    </table>
  </div>
);

export const Drawn = ({id, title}: {id: string; title: string}): VNode =>
  <span class="drawn" dangerouslySetInnerHTML={{__html: picture({id, title})}} />;

export const when = (ms: number | undefined): string =>
  ms === undefined ? '–' : new Date(ms).toLocaleString('en', {dateStyle: 'medium', timeStyle: 'short'});
export const percent = (value: number | null | undefined): string =>
  value === null || value === undefined ? '–' : `${(100 * value).toFixed(1)} %`;
export const short = (value: unknown): string => {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 220 ? `${text.slice(0, 217)}…` : text;
};
