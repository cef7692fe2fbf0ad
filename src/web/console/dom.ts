// The smallest thing that builds a page: h('button', {class: 'buy', onclick: ...}, 'Buy').

import {type Look, picture} from '../shared/picture';

export {count, hash, ms} from '../shared/text';

type Child = Node | string | number | null | undefined | false;
type Props = Record<string, unknown>;

function apply(element: Element, props: Props): void {
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on') && typeof value === 'function') {
      element.addEventListener(name.slice(2), value as EventListener);
    } else {
      element.setAttribute(name, value === true ? '' : String(value));
    }
  }
}

export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  props: Props = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  apply(element, props);
  fill(element, ...children);
  return element;
}

export function s(tag: string, props: Props = {}, ...children: Child[]): SVGElement {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
  apply(element, props);
  for (const child of children) if (child) element.append(child instanceof Node ? child : String(child));
  return element;
}

export function fill(element: Element, ...children: Child[]): void {
  element.replaceChildren(
    ...children.filter((c): c is Node | string | number => c !== null && c !== undefined && c !== false)
      .map((c) => (c instanceof Node ? c : String(c))),
  );
}

const reduced = window.matchMedia('(prefers-reduced-motion: reduce)');
export const calm = (): boolean => reduced.matches;

// A product's picture as an element.
export function draw(look: Look): Element {
  const holder = document.createElement('span');
  holder.innerHTML = picture(look);
  return holder.firstElementChild ?? holder;
}
