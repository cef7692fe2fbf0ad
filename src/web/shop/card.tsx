// A product as it stands in lists: one link, and a button that says why it stands there.
import type {ComponentChildren, VNode} from 'preact';
import {picture} from '../shared/picture';
import {nameParts, price} from '../shared/text';
import {type Origin, type Product, remember} from './state';
import {type Question, ask} from './why';

// Where the next product page was reached from: read once when it opens.
let came: {product: Product; origin: Origin} | undefined;
export function cameFrom(id: string): {product: Product; origin: Origin} | undefined {
  const found = came?.product.id === id ? came : undefined;
  came = undefined;
  return found;
}

export const Picture = ({product}: {product: Product}): VNode =>
  <span class="drawn" dangerouslySetInnerHTML={{__html: picture(product)}} />;

export const Stars = ({rating}: {rating: number}): VNode =>
  <span class="stars" role="img" aria-label={`rated ${rating.toFixed(1)} of 5`} style={`--of:${(rating / 5) * 100}%`} />;

interface Props {
  product: Product;
  from: Origin;
  why: Question;
  mark?: string | undefined;      // What happened to the card since the last answer.
  reason?: string | undefined;
  name?: ComponentChildren;       // With what was found marked.
}

export function Card({product, from, why, mark, reason, name}: Props): VNode {
  remember(product.id, product.category);
  const [maker, rest] = nameParts(product.title);
  return (
    <article class={`card${mark ? ' changed' : ''}`} data-item={product.id}>
      <a class="face" href={`#/p/${encodeURIComponent(product.id)}`} onClick={() => {
        came = {product, origin: from};
      }}>
        <Picture product={product} />
        {mark ? <span class="mark">{mark}</span> : null}
        <span class="name">{name ?? <><small>{maker}</small>{rest}</>}</span>
        <span class="under">
          <b>{price(product.price)}</b>
          {product.rating ? <Stars rating={product.rating} /> : null}
          {product.available === false ? <i>sold out</i> : null}
        </span>
      </a>
      <button type="button" class="why-button" onClick={() => ask(product, why)} aria-label={`${reason || 'Why this?'} – ${product.title}`}>
        <span>{reason || 'Why this?'}</span>
      </button>
    </article>
  );
}
