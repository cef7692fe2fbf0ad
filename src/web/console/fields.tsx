// Small inputs that the forms of settings and rules are made of. A value that the server would refuse is still sent:
// its error names the field and what was expected.
import type {ComponentChildren, VNode} from 'preact';
import {useState} from 'preact/hooks';

export const Words = ({label, value, change, placeholder, read, bare}: {label: string; value: string[]; change: (next: string[]) => void; placeholder?: string; read?: boolean; bare?: boolean}): VNode => {
  // What is typed stays as it is until the field is left: a comma must not vanish under the cursor.
  const [typing, setTyping] = useState<string | undefined>(undefined);
  return (
    <label class={bare ? '' : 'grow'}><span class={bare ? 'sr' : ''}>{label}</span> <input value={typing ?? value.join(', ')} readOnly={read} placeholder={placeholder} spellcheck={false}
      onInput={(event) => {
        setTyping(event.currentTarget.value);
        change(event.currentTarget.value.split(',').map((one) => one.trim()).filter(Boolean));
      }} onBlur={() => setTyping(undefined)} /></label>
  );
};

export const Num = ({label, value, change, min = 0, max, step = 1, read, bare}: {label: string; value: number; change: (next: number) => void; min?: number; max?: number; step?: number | 'any'; read?: boolean; bare?: boolean}): VNode => {
  const input = <input class="num" type="number" aria-label={bare ? label : undefined} value={value} min={min} max={max} step={step} readOnly={read} onInput={(event) => {
    if (event.currentTarget.value !== '') change(Number(event.currentTarget.value));
  }} />;
  return bare ? input : <label>{label} {input}</label>;
};

export const Flag = ({label, value, change, read, bare}: {label: string; value: boolean; change: (next: boolean) => void; read?: boolean; bare?: boolean}): VNode => (
  <label class="flag"><input type="checkbox" checked={value} disabled={read} onChange={(event) => change(event.currentTarget.checked)} /><span class={bare ? 'sr' : ''}>{label}</span></label>
);

export const Choice = ({label, value, among, change, read, bare}: {label: string; value: string; among: Record<string, string>; change: (next: string) => void; read?: boolean; bare?: boolean}): VNode => {
  const select = <select aria-label={bare ? label : undefined} value={value} disabled={read} onChange={(event) => change(event.currentTarget.value)}>{Object.entries(among).map(([name, text]) => <option value={name}>{text}</option>)}</select>;
  return bare ? select : <label>{label} {select}</label>;
};

// From 0 to 1, with what it does beneath.
export const Share = ({label, help, value, change, read}: {label: string; help: string; value: number; change: (next: number) => void; read?: boolean}): VNode => (
  <label class="share"><span>{label}<output>{value.toFixed(2)}</output></span><input type="range" min={0} max={1} step={0.01} value={value} disabled={read} onInput={(event) => change(Number(event.currentTarget.value))} /><small>{help}</small></label>
);

// A list whose entries can be removed and added.
export function Rows<T>({name, head, list, change, row, fresh, read, ordered}: {name: string; head: string[]; list: T[]; change: (next: T[]) => void; row: (one: T, set: (next: T) => void, place: number) => ComponentChildren[]; fresh: () => T; read?: boolean; ordered?: boolean}): VNode {
  const move = (from: number, to: number): void => {
    const next = [...list];
    const [one] = next.splice(from, 1);
    if (one !== undefined) next.splice(to, 0, one);
    change(next);
  };
  return (
    <>
      {list.length === 0 ? <p class="empty">None.</p> : (
        <div class="scroll" tabIndex={0} role="region" aria-label={name}>
          <table class="edit">
            <thead><tr>{head.map((one) => <th scope="col">{one}</th>)}{read ? null : <th scope="col"><span class="sr">Change</span></th>}</tr></thead>
            <tbody>{list.map((one, i) => (
              <tr key={i}>{row(one, (next) => change(list.map((each, j) => (j === i ? next : each))), i).map((cell) => <td>{cell}</td>)}
                {read ? null : <td class="nowrap">
                  {ordered ? <><button type="button" class="plain" aria-label={`${name} ${i + 1}: earlier`} disabled={i === 0} onClick={() => move(i, i - 1)}>↑</button> <button type="button" class="plain" aria-label={`${name} ${i + 1}: later`} disabled={i === list.length - 1} onClick={() => move(i, i + 1)}>↓</button> </> : null}
                  <button type="button" class="plain" aria-label={`${name} ${i + 1}: remove`} onClick={() => change(list.filter((_, j) => j !== i))}>Remove</button></td>}
              </tr>
            ))}</tbody>
          </table>
        </div>
      )}
      {read ? null : <div class="buttons tight"><button type="button" class="line" onClick={() => change([...list, fresh()])}>Add {name.toLowerCase()}</button></div>}
    </>
  );
}
