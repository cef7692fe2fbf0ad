// One product: what it is, what can be done with it, and why the shop thinks of what stands below.
import {signal} from '@preact/signals';
import type {VNode} from 'preact';
import {price} from '../shared/text';
import {Picture, Stars} from './card';
import type {Known} from './catalogue';
import {hrefOf} from './departments';
import {type Origin, addToCart, forYou, tell} from './state';
import {ask} from './why';

export interface Opened {
  id: string;
  origin: Origin | undefined;
  known?: Known;
  failed?: string;
}
export const opened = signal<Opened | undefined>(undefined);
const said = signal('');

const LABELS: Record<string, string> = {color: 'Colour', brand: 'Brand', style: 'Style'};
const text = (value: unknown): string => (Array.isArray(value) ? value.join(', ') : String(value));

export function ProductSheet(): VNode | null {
  const now = opened.value;
  if (!now) return null;
  if (now.failed) return <div class="empty-page"><h1>This product is not here</h1><p>{now.failed}</p><a class="solid" href="#/search">See everything</a></div>;
  if (!now.known) return <div class="sheet ghost" aria-hidden="true" />;
  const {product, attributes} = now.known;
  const path = (product.category ?? '').split(' > ').filter(Boolean);
  const facts = Object.entries(attributes).filter(([name]) => LABELS[name]);
  const more = Object.entries(attributes).filter(([name]) => !LABELS[name] && !name.startsWith('_') && !['title', 'category', 'price', 'available', 'rating', 'sizes'].includes(name));
  const sizes = Array.isArray(attributes['sizes']) ? (attributes['sizes'] as string[]) : [];
  const why = (): void => {
    const known = forYou.value?.items.find((one) => one.item === product.id);
    ask(product, {kind: 'shelf', surface: 'for-you', ...(known ? {known} : {})});
  };
  return (
    <>
      <nav class="crumbs" aria-label="Where this product belongs">
        <ol>
          <li><a href="#/">Home</a></li>
          {path.map((name, i) => <li key={name}><a href={hrefOf(path.slice(0, i + 1).join(' > '))}>{name}</a></li>)}
        </ol>
      </nav>
      <div class="sheet">
        <Picture product={product} />
        <div class="about">
          <h1>{product.title}</h1>
          <p class="price"><b>{price(product.price)}</b>{product.rating ? <><Stars rating={product.rating} /> <small>{product.rating.toFixed(1)}</small></> : null}</p>
          {product.available === false ? <p class="sold">Sold out just now. It will be back.</p> : <p class="in-stock">In stock, sent tomorrow</p>}
          <dl>
            {[...facts, ...more].map(([name, value]) => <div key={name}><dt>{LABELS[name] ?? name}</dt><dd>{text(value)}</dd></div>)}
            {sizes.length ? <div><dt>Sizes</dt><dd>{sizes.join(', ')}</dd></div> : null}
          </dl>
          <div class="buttons">
            <button type="button" class="solid" disabled={product.available === false} onClick={() => {
              addToCart(product, now.origin);
              said.value = `${product.title} is in your cart.`;
            }}>Put into cart</button>
            <button type="button" class="line" onClick={() => {
              void tell('wishlist', product, now.origin);
              said.value = 'Noted as a wish.';
            }}>Wish for it</button>
            <button type="button" class="plain" onClick={why}>Why this?</button>
          </div>
          <p class="said" role="status">{said.value}</p>
        </div>
      </div>
    </>
  );
}
export const hush = (): void => {
  said.value = '';
};
