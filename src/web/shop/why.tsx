// "Why this?": the server's own explanation of one place in one answer, asked for when somebody wants to know.
import {signal} from '@preact/signals';
import type {VNode} from 'preact';
import {useEffect, useRef} from 'preact/hooks';
import {type Part, type Recommendation, json, recommend} from '../shared/api';
import {ms} from '../shared/text';
import {Picture} from './card';
import {type Product, forYou, session, shopper} from './state';

export type Question =
  | {kind: 'shelf'; surface: string; anchor?: string; known?: Recommendation}
  | {kind: 'search'; query: string; position: number};

interface Answer {
  lead: string;
  parts: {name: string; help: string; value: number}[];
  foot: string;
}

interface Asked {
  product: Product;
  question: Question;
  answer?: Answer;
  failed?: string;
}

const open = signal<Asked | undefined>(undefined);

const NAMES: Record<string, readonly [string, string]> = {
  'covisitation': ['Looked at one after another', 'what other visits go on to from what you looked at'],
  'neighbours': ['Visits like yours', 'what people looked at whose visits resemble this one'],
  'popularity': ['Wanted by many', 'in the shop, now and over time'],
  'history': ['Your own history', 'what you looked at and bought, and when'],
  'together': ['Bought together', 'in the same baskets'],
  'sequence': ['The order of your steps', 'a model of what comes after what'],
  'arrivals': ['New in the shop', 'and near to your taste'],
  'visit': ['This visit', 'what you have done since you came'],
  'taste': ['Your taste', 'learned from all you did'],
  'equal-share': ['Every product alike', 'where all of them start'],
  'ranker': ['What people answered to', 'learned from what was shown and what followed'],
  'competition': ['The others', 'how strong the other candidates are'],
  'word': ['Word', ''],
  'proximity': ['Words close together', 'and in your order'],
  'spelling': ['Spelling', 'the nearer to what was typed, the more'],
  'semantic': ['Near in meaning', 'learned from what people clicked'],
  'intent': ['What such searches lead to', ''],
  'phrase': ['The words as a phrase', ''],
};

function named(part: Part): {name: string; help: string; value: number} {
  const [name, help] = NAMES[part.part] ?? [part.part, ''];
  const word = /^(.*): \^?(.*?) \((.*)\)$/.exec(part.detail ?? '');
  if (part.part === 'word' && word) return {name: `“${word[2]}” in ${word[1]}`, help: word[3] ?? '', value: part.value};
  return {name, help: part.detail ?? help, value: part.value};
}

async function answerOf(product: Product, question: Question): Promise<Answer> {
  if (question.kind === 'search') {
    const found = await json<{items: {item: string; score: number; explain?: Part[]}[]; took_us: number}>('POST', '/api/v1/search', {
      query: question.query, filter: `id:${JSON.stringify(product.id)}`, explain: true, record: false, count: 1, user: shopper.value,
    });
    const item = found.items[0];
    const parts = (item?.explain ?? []).map(named).filter((one) => one.value !== 0);
    return {
      lead: question.query ? `Number ${question.position} for “${question.query}”` : `Number ${question.position} in the list`,
      parts,
      foot: parts.length ? `Together ${item?.score.toFixed(2)}: products are listed by this sum. Computed just now, in ${ms(found.took_us / 1000)}.`
        : 'Nothing was searched for, so the list is in the order of the shop: no score is involved.',
    };
  }
  let known = question.known;
  if (!known) {
    const page = await recommend({surface: question.surface, user: shopper.value, session: session.value, k: 30,
      ...(question.anchor ? {items: [question.anchor]} : {})}, false);
    known = page.items.find((one) => one.item === product.id);
  }
  if (!known) return {lead: 'It has just left this shelf', parts: [], foot: 'What was learned since the shelf was drawn speaks for others.'};
  return {
    lead: known.reason,
    parts: (known.explain ?? []).map(named).filter((one) => Math.abs(one.value) > 0.0005),
    foot: `Together ${(100 * known.score).toFixed(1)} %: the chance, as the shop sees it, that this is what you turn to next.`,
  };
}

export function ask(product: Product, question: Question): void {
  open.value = {product, question};
  answerOf(product, question).then(
    (answer) => {
      if (open.value?.product === product) open.value = {product, question, answer};
    },
    (error: unknown) => {
      if (open.value?.product === product) open.value = {product, question, failed: error instanceof Error ? error.message : String(error)};
    });
}

export const fromShelf = (id: string): Recommendation | undefined => forYou.value?.items.find((one) => one.item === id);

export function WhyDialog(): VNode | null {
  const asked = open.value;
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (asked && dialog.current && !dialog.current.open) dialog.current.showModal();
  }, [asked]);
  if (!asked) return null;
  const {product, answer, failed} = asked;
  const largest = Math.max(...(answer?.parts.map((one) => Math.abs(one.value)) ?? []), 1e-9);
  const close = (): void => {
    open.value = undefined;
  };
  return (
    <dialog ref={dialog} class="why" aria-labelledby="why-title" onClose={close}
      onClick={(event) => event.target === dialog.current && dialog.current?.close()}>
      <div class="why-body">
        <header>
          <Picture product={product} />
          <div>
            <p class="eyebrow">Why this?</p>
            <h2 id="why-title">{product.title}</h2>
          </div>
          <button type="button" class="close" aria-label="Close" onClick={() => dialog.current?.close()}>✕</button>
        </header>
        {failed ? <p class="bad">{failed}</p> : null}
        {!answer && !failed ? <p class="waiting">Asking the server …</p> : null}
        {answer ? (
          <>
            <p class="lead">{answer.lead}</p>
            <ul class="parts">
              {answer.parts.map((one) => (
                <li>
                  <span class="part-name">{one.name}<small>{one.help}</small></span>
                  <span class={one.value < 0 ? 'bar minus' : 'bar'}><i style={`width:${(100 * Math.abs(one.value)) / largest}%`} /></span>
                  <b>{one.value > 0 ? '+' : '−'}{Math.abs(one.value).toFixed(largest < 1 ? 3 : 2)}</b>
                </li>
              ))}
            </ul>
            <p class="note">{answer.foot}</p>
          </>
        ) : null}
      </div>
    </dialog>
  );
}
