// The cart, and the button in the bar that leads to it.
import {signal} from '@preact/signals';
import type {VNode} from 'preact';
import {price} from '../shared/text';
import {Picture} from './card';
import {type Line, buy, cart, cartCount, keepCart, tell} from './state';

const thanked = signal(0);

export const CartButton = (): VNode => (
  <a class="cart-button" href="#/cart">
    <svg viewBox="0 0 24 24" aria-hidden="true"><path d="M3 4h3l2.2 10.5h9.6L20 7H7" /><circle cx="9.5" cy="18.5" r="1.6" /><circle cx="16.5" cy="18.5" r="1.6" /></svg>
    <span class="label">Cart</span>{cartCount.value ? <b>{cartCount.value}</b> : null}<span class="sr"> {cartCount.value === 1 ? 'product' : cartCount.value ? 'products' : 'is empty'}</span>
  </a>
);

function change(line: Line, quantity: number): void {
  keepCart(quantity > 0 ? cart.value.map((one) => (one === line ? {...one, quantity} : one)) : cart.value.filter((one) => one !== line));
  if (quantity <= 0) void tell('remove-from-cart', line.product, line.origin);
}

export function Cart(): VNode {
  const lines = cart.value;
  const sum = lines.reduce((total, line) => total + (line.product.price ?? 0) * line.quantity, 0);
  if (!lines.length) {
    return (
      <div class="empty-page">
        <h1>{thanked.value ? 'Thank you!' : 'Your cart is empty'}</h1>
        <p>{thanked.value
          ? `${thanked.value} ${thanked.value === 1 ? 'product' : 'products'} on the way, as far as a made-up shop can send anything. It has been learned from.`
          : 'What you put into it stays here until you come back.'}</p>
        <a class="solid" href="#/">{thanked.value ? 'See what changed' : 'Look around'}</a>
      </div>
    );
  }
  return (
    <div class="cart-page">
      <h1>Cart</h1>
      <ul>
        {lines.map((line) => (
          <li key={line.product.id}>
            <a href={`#/p/${encodeURIComponent(line.product.id)}`} aria-hidden="true" tabIndex={-1}><Picture product={line.product} /></a>
            <a class="name" href={`#/p/${encodeURIComponent(line.product.id)}`}>{line.product.title}</a>
            <span class="amount">
              <button type="button" aria-label={`One less of ${line.product.title}`} onClick={() => change(line, line.quantity - 1)}>−</button>
              <output>{line.quantity}</output>
              <button type="button" aria-label={`One more of ${line.product.title}`} onClick={() => change(line, line.quantity + 1)}>+</button>
            </span>
            <b>{price((line.product.price ?? 0) * line.quantity)}</b>
          </li>
        ))}
      </ul>
      <p class="sum"><span>Together</span><b>{price(sum)}</b></p>
      <div class="buttons">
        <button type="button" class="solid" onClick={() => {
          thanked.value = lines.reduce((total, line) => total + line.quantity, 0);
          buy();
        }}>Buy it all</button>
        <a class="line" href="#/">Look further</a>
      </div>
    </div>
  );
}
export const open = (): void => {
  if (cart.value.length) thanked.value = 0;
};
