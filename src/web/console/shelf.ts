// A shelf: one answer of the recommender as a row of cards, showing what moved since the last answer.

import type {Page, Recommendation} from '../shared/api';
import {calm, fill, h} from './dom';
import {draw as picture} from './dom';

export interface ShelfActions {
  open: (item: Recommendation, page: Page) => void;
  cart: (item: Recommendation, page: Page) => void;
  buy: (item: Recommendation, page: Page) => void;
  dismiss: (item: Recommendation, page: Page) => void;
}

export interface Change {
  fresh: number;  // Cards that were not there before.
  moved: number;
  shown: number;
}

const price = (value: number | undefined): string =>
  value === undefined ? '' : new Intl.NumberFormat('en', {style: 'currency', currency: 'EUR'}).format(value);

export const priceText = price;

// "Marira Nimbus Bold Running Shoes, Violet" -> maker and what it is, so that the thing can be read at a glance.
export function nameParts(title: string): [string, string] {
  const words = title.split(' ');
  return words.length > 3 ? [words.slice(0, 2).join(' '), words.slice(2).join(' ')] : ['', title];
}

export class Shelf {
  readonly element: HTMLElement;
  private readonly row = h('ul', {class: 'row'});
  private readonly note = h('span', {class: 'note'});
  private readonly empty: HTMLElement;
  private cards = new Map<string, HTMLElement>();
  private order: string[] = [];
  private known = false;  // Something was shown before for this shopper: changes can be told.

  constructor(
    readonly surface: string,
    title: string,
    hint: string,
    private readonly actions: ShelfActions,
    emptyText = 'Nothing yet.',
    extra?: HTMLElement,
  ) {
    const id = `shelf-${surface}`;
    this.empty = h('p', {class: 'empty'}, emptyText);
    this.element = h('section', {class: 'shelf', 'aria-labelledby': id, 'data-surface': surface},
      h('header', {}, h('h2', {id}, title), h('p', {class: 'hint'}, hint), this.note), extra, this.row, this.empty);
  }

  forget(): void {
    this.known = false;
    this.order = [];
    this.cards.clear();
    fill(this.row);
    fill(this.note);
  }

  show(page: Page): Change {
    const before = new Map(this.order.map((id, i) => [id, i] as const));
    const places = new Map([...this.cards].map(([id, card]) => [id, card.getBoundingClientRect()] as const));
    const focused = document.activeElement?.closest('.card')?.getAttribute('data-item');
    const focusedIn = document.activeElement?.getAttribute('data-part');
    const change: Change = {fresh: 0, moved: 0, shown: page.items.length};
    const next = new Map<string, HTMLElement>();
    page.items.forEach((item, place) => {
      const was = before.get(item.item);
      const card = this.card(item, page, place);
      if (this.known && was === undefined) {
        ++change.fresh;
        card.classList.add('fresh');
        card.querySelector('.mark')?.replaceChildren('new');
      } else if (was !== undefined && was !== place) {
        ++change.moved;
        card.querySelector('.mark')?.replaceChildren(was > place ? `▲ ${was - place}` : `▼ ${place - was}`);
      }
      next.set(item.item, card);
    });
    fill(this.row, ...next.values());
    this.cards = next;
    this.order = [...next.keys()];
    this.empty.hidden = page.items.length > 0;
    if (focused && focusedIn)
      next.get(focused)?.querySelector<HTMLElement>(`[data-part="${focusedIn}"]`)?.focus({preventScroll: true});
    if (this.known && !calm()) this.glide(places);
    this.known = true;
    const words = [change.fresh ? `${change.fresh} new` : '', change.moved ? `${change.moved} moved` : ''];
    fill(this.note, words.filter(Boolean).join(', '));
    this.note.classList.toggle('on', change.fresh + change.moved > 0);
    return change;
  }

  // Cards that were here glide from where they were.
  private glide(places: Map<string, DOMRect>): void {
    for (const [id, card] of this.cards) {
      const from = places.get(id);
      if (!from) continue;
      const to = card.getBoundingClientRect();
      const dx = from.left - to.left;
      if (Math.abs(dx) > 2 && Math.abs(dx) < 3000)
        card.animate([{transform: `translateX(${dx}px)`}, {transform: 'none'}], {duration: 420, easing: 'cubic-bezier(.2,.8,.2,1)'});
    }
  }

  private card(item: Recommendation, page: Page, place: number): HTMLElement {
    const title = item.title ?? item.item;
    const [maker, name] = nameParts(title);
    const why = h('dl', {class: 'why', hidden: true},
      h('dt', {}, 'said by'), h('dd', {}, item.source || '–'),
      h('dt', {}, 'because'), h('dd', {}, item.reason || '–'),
      h('dt', {}, 'score'), h('dd', {class: 'number'}, item.score.toPrecision(3)),
      h('dt', {}, 'place'), h('dd', {class: 'number'}, String(place + 1)));
    const ask = h('button', {
      type: 'button', class: 'reason', 'aria-expanded': 'false', 'data-part': 'why',
      title: 'Why this?',
      onclick: () => {
        why.hidden = !why.hidden;
        ask.setAttribute('aria-expanded', String(!why.hidden));
      },
    }, h('span', {}, item.reason || item.source || 'why this?'));
    return h('li', {class: 'card', 'data-item': item.item},
      h('button', {
        type: 'button', class: 'face', 'data-part': 'open', onclick: () => this.actions.open(item, page),
        'aria-label': `Look at ${title}, ${price(item.price)}`,
      }, picture({id: item.item, title}), h('span', {class: 'mark'}),
        h('span', {class: 'maker'}, maker), h('span', {class: 'name'}, name), h('span', {class: 'price'}, price(item.price))),
      h('div', {class: 'acts'},
        h('button', {type: 'button', 'data-part': 'cart', onclick: () => this.actions.cart(item, page), 'aria-label': `Put ${title} into the cart`}, 'Cart'),
        h('button', {type: 'button', 'data-part': 'buy', onclick: () => this.actions.buy(item, page), 'aria-label': `Buy ${title}`}, 'Buy'),
        h('button', {type: 'button', class: 'no', 'data-part': 'dismiss', onclick: () => this.actions.dismiss(item, page), 'aria-label': `Not for me: ${title}`, title: 'Not for me'}, '✕')),
      ask, why);
  }
}
