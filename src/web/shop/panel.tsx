// The side panel: the event just sent, how long it took until answers knew, and what became different. All measured.
import {signal} from '@preact/signals';
import type {VNode} from 'preact';
import {ms} from '../shared/text';
import {Picture} from './card';
import {productOfShelf} from './home';
import {type Effect, become, effects, isNew, shopper} from './state';

const WORDS: Record<string, string> = {
  'view': 'Looked at', 'click': 'Clicked', 'add-to-cart': 'Put into cart', 'remove-from-cart': 'Took out of cart', 'purchase': 'Bought', 'wishlist': 'Wished for',
};
const unfolded = signal(false);

export const REGULARS = ['u000007', 'u000042', 'u000101'];

export const Who = (): VNode => (
  <label class="who">
    <span class="label">Shopping as</span>
    <select value={isNew.value ? '' : shopper.value} onChange={(event) => become(event.currentTarget.value)}>
      <option value="">somebody new</option>
      {[...new Set([...REGULARS, ...(isNew.value ? [] : [shopper.value])])].map((id) => <option value={id} key={id}>regular {id.replace(/^u0*/, '')}</option>)}
    </select>
  </label>
);

function Times({effect}: {effect: Effect}): VNode {
  const {kept_ms: kept, effect_ms: seen} = effect;
  if (effect.failed) return <p class="bad">{effect.failed}</p>;
  return (
    <div class="times">
      <div class="line-of-time" aria-hidden="true">
        <i style={`width:${kept && seen ? (100 * kept) / seen : 0}%`} /><i class="rest" style={`width:${kept && seen ? 100 - (100 * kept) / seen : 0}%`} />
      </div>
      <p><span class="dot kept" /><b>{kept === undefined ? '…' : ms(kept)}</b> until it was kept on disk</p>
      <p class="big"><span class="dot seen" /><b data-effect={seen}>{seen === undefined ? '…' : ms(seen)}</b> until an answer knew it</p>
      {seen === undefined ? null : <p class="fine">event at {effect.offset}, answer from state {effect.state_offset}; {effect.asked} {effect.asked === 1 ? 'answer' : 'answers'} looked at</p>}
    </div>
  );
}

function Changed({effect}: {effect: Effect}): VNode | null {
  const change = effect.change;
  if (!change) return null;
  const {fresh, moved, department, before, after} = change;
  if (!fresh.length && !moved) return <p class="same">Your first page stays as it is: this was no surprise.</p>;
  return (
    <div class="what">
      <p>On your first page: <b>{fresh.length} new</b>, <b>{moved} moved</b>{department ? <>; {department} <b>{before} → {after}</b> of 12</> : null}</p>
      {fresh.length ? (
        <ul class="thumbs">
          {fresh.slice(0, 6).map((one) => (
            <li key={one.item}><a href={`#/p/${encodeURIComponent(one.item)}`} title={`${one.title ?? one.item}: ${one.reason}`} aria-label={one.title ?? one.item}><Picture product={productOfShelf(one)} /></a></li>
          ))}
        </ul>
      ) : null}
    </div>
  );
}

export function Panel(): VNode {
  const [now, ...older] = effects.value;
  return (
    <div class={`panel-body${unfolded.value ? ' unfolded' : ''}`}>
      <header>
        <h2>What the shop just learned</h2>
        <button type="button" class="plain only-small" aria-expanded={unfolded.value} onClick={() => {
          unfolded.value = !unfolded.value;
        }}>{unfolded.value ? 'Less' : 'More'}</button>
      </header>
      <div role="status" class="latest">
        {now ? (
          <>
            <p class="said-it"><span class="verb">{WORDS[now.type] ?? now.type}</span> {now.events > 1 ? `${now.events} products` : now.product.title}</p>
            <Times effect={now} />
            <Changed effect={now} />
          </>
        ) : <p class="same">Nothing yet. Open a product: the event, the time until it counted, and what it changed will stand here, as measured by this page.</p>}
      </div>
      {older.length ? (
        <ol class="earlier" aria-label="Earlier in this visit">
          {older.slice(0, 9).map((one) => (
            <li key={one.id}><Picture product={one.product} /><span>{WORDS[one.type] ?? one.type}<small>{one.product.title}</small></span><b>{one.effect_ms === undefined ? '–' : ms(one.effect_ms)}</b></li>
          ))}
        </ol>
      ) : null}
      <div class="panel-foot">
        <p>You are <code>{shopper.value}</code></p>
        <button type="button" class="line" onClick={() => become('')}>Start over as somebody new</button>
      </div>
    </div>
  );
}
