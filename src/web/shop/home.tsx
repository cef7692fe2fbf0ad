// The first page: what the shop would show this person now, and what moved since the last answer.
import {signal} from '@preact/signals';
import type {VNode} from 'preact';
import {useEffect, useRef} from 'preact/hooks';
import {type Page, type Recommendation, recommend} from '../shared/api';
import {Card} from './card';
import {departments, hrefOf} from './departments';
import {type Product, forYou, isNew, problem, session, shopper} from './state';
import {picture} from '../shared/picture';

export const productOfShelf = (one: Recommendation): Product =>
  ({id: one.item, title: one.title ?? one.item, ...(one.price === undefined ? {} : {price: one.price})});

const shelves = signal<Record<string, Page | undefined>>({});

export async function refreshShelves(): Promise<void> {
  const who = shopper.value;
  await Promise.all(['recently-viewed', 'trending', 'buy-again'].map(async (surface) => {
    try {
      const page = await recommend({surface, user: who, session: session.value, k: 6}, false);
      if (who === shopper.value) shelves.value = {...shelves.value, [surface]: page};
    } catch {
      // The first shelf says it when the server is away.
    }
  }));
}

const Row = ({surface, title, hint}: {surface: string; title: string; hint: string}): VNode | null => {
  const page = shelves.value[surface];
  if (!page?.items.length) return null;
  return (
    <section class="shelf" aria-labelledby={`row-${surface}`} data-surface={surface}>
      <header><h2 id={`row-${surface}`}>{title}</h2><p>{hint}</p></header>
      <ul class="grid row">
        {page.items.map((one) => (
          <li key={one.item}>
            <Card product={productOfShelf(one)} from={{surface, query_id: page.query_id}} reason={one.reason}
              why={{kind: 'shelf', surface, known: one}} />
          </li>
        ))}
      </ul>
    </section>
  );
};

const calm = window.matchMedia('(prefers-reduced-motion: reduce)');

function ForYou(): VNode {
  const page = forYou.value;
  const list = useRef<HTMLUListElement>(null);
  const places = useRef(new Map<string, DOMRect>());
  const order = useRef<{who: string; ids: string[]; marks: Map<string, string>; page: Page | undefined}>({who: '', ids: [], marks: new Map(), page: undefined});
  if (page && page !== order.current.page) {
    const was = order.current;
    const marks = new Map<string, string>();
    if (was.who === shopper.value && was.ids.length) {
      page.items.forEach((one, place) => {
        const before = was.ids.indexOf(one.item);
        if (before < 0) marks.set(one.item, 'new');
        else if (before !== place) marks.set(one.item, before > place ? `up ${before - place}` : `down ${place - before}`);
      });
    }
    order.current = {who: shopper.value, ids: page.items.map((one) => one.item), marks, page};
  }
  useEffect(() => {  // Cards glide from where they stood.
    const now = new Map<string, DOMRect>();
    for (const card of list.current?.querySelectorAll<HTMLElement>('.card') ?? []) {
      const box = card.getBoundingClientRect();
      const id = card.dataset['item'] ?? '';
      now.set(id, box);
      const before = places.current.get(id);
      if (before && !calm.matches && box.width && (before.left !== box.left || before.top !== box.top))
        card.animate([{transform: `translate(${before.left - box.left}px, ${before.top - box.top}px)`}, {transform: 'none'}],
          {duration: 420, easing: 'cubic-bezier(.2,.8,.2,1)'});
    }
    places.current = now;
  }, [page]);
  if (!page) return problem.value ? <p class="empty">The shop does not answer just now.</p> : <ul class="grid" aria-hidden="true">{[...Array(8).keys()].map(() => <li><div class="card ghost" /></li>)}</ul>;
  if (!page.items.length) return <p class="empty">Nothing to show yet: the shop has no products.</p>;
  return (
    <ul class="grid" ref={list} data-surface="for-you">
      {page.items.map((one) => (
        <li key={one.item}>
          <Card product={productOfShelf(one)} from={{surface: 'for-you', query_id: page.query_id}} reason={one.reason}
            mark={order.current.marks.get(one.item)} why={{kind: 'shelf', surface: 'for-you', known: one}} />
        </li>
      ))}
    </ul>
  );
}

export function Home(): VNode {
  const met = (forYou.value?.context_steps ?? 0) > 0;
  useEffect(() => void refreshShelves(), [shopper.value]);
  return (
    <>
      <section class="shelf first" aria-labelledby="for-you-title">
        <header class="hello">
          <h1 id="for-you-title">{!isNew.value ? 'Welcome back.' : met ? 'This page follows you now.' : 'Good to see you.'}</h1>
          <p>{isNew.value && met
            ? 'A visit of a minute is enough for it to know where you are heading. The next click moves it again.'
            : isNew.value ? 'We have not met, so this is what others like. Open something that pleases you and come back: the page will have followed.'
            : 'Picked for you from everything you did here. It changes with your next click.'}</p>
        </header>
        <ForYou />
      </section>
      <section class="shelf" aria-labelledby="departments-title">
        <header><h2 id="departments-title">Departments</h2></header>
        <ul class="tiles">
          {departments.value.map((one) => (
            <li key={one.name}>
              <a href={hrefOf(one.name)}>
                <span class="drawn" dangerouslySetInnerHTML={{__html: picture({id: one.name, title: one.example, color: one.color})}} />
                <b>{one.name}</b><small>{one.count.toLocaleString('en')} products</small>
              </a>
            </li>
          ))}
        </ul>
      </section>
      <Row surface="recently-viewed" title="Where you were" hint="the way back" />
      <Row surface="buy-again" title="Running out?" hint="what you bought, when it may be used up" />
      <Row surface="trending" title="Trending" hint="in the whole shop, at this moment" />
    </>
  );
}
