import {effect} from '@preact/signals';
import {type VNode, render} from 'preact';
import {Cart, CartButton, open as openCart} from './cart';
import {cameFrom} from './card';
import {load, searchById} from './catalogue';
import {DepartmentLinks, loadDepartments} from './departments';
import {Home, refreshShelves} from './home';
import {Panel, Who} from './panel';
import {ProductSheet, hush, opened} from './product';
import {askAgain, focusSearch, showAround, startSearch} from './search';
import {lookUpBy, problem, refreshForYou, shopper, tell} from './state';
import {WhyDialog} from './why';

type View = 'home' | 'results' | 'product' | 'cart';

const into = (id: string, page: VNode): void => {
  const element = document.getElementById(id);
  if (element) render(page, element);
};

const Problem = (): VNode | null => problem.value
  ? <p class="trouble">{problem.value} <button type="button" class="plain" onClick={() => void refreshForYou(true)}>Try again</button></p> : null;

async function openProduct(id: string): Promise<void> {
  if (opened.value?.id === id) return;
  const came = cameFrom(id);
  const from = came?.origin;
  opened.value = {id, origin: from};
  hush();
  try {
    // The event is on its way before anything is drawn.
    const told = came ? tell(from?.query_id ? 'click' : 'view', came.product, from) : undefined;
    const known = await load(id);
    if (opened.value?.id !== id) return;
    opened.value = {id, origin: from, known};
    document.title = `${known.product.title} · Millrace`;
    await (told ?? tell('view', known.product));  // So that what stands below the product knows of it already.
    if (opened.value?.id === id) showAround(id);
  } catch (error) {
    opened.value = {id, origin: from, failed: error instanceof Error ? error.message : String(error)};
  }
}

let shown: View | '' = '';
let shownHash = '';

function route(): void {
  const hash = location.hash;
  const [, where = '', what = ''] = hash.split('?')[0]?.split('/') ?? [];
  const view: View = where === 'p' ? 'product' : where === 'cart' ? 'cart' : where === 'search' ? 'results' : 'home';
  const turned = view !== shown || (view === 'product' && hash !== shownHash);
  const first = shown === '';
  document.body.dataset['view'] = view;
  if (turned && !first) window.scrollTo(0, 0);
  // Whoever types stays in the search box; whoever followed a link starts at the top of the new page.
  if (turned && !first && !document.activeElement?.closest('#searchbox')) document.getElementById('content')?.focus({preventScroll: true});
  if (view === 'product') void openProduct(decodeURIComponent(what));
  else if (opened.value) opened.value = undefined;
  if (turned && view === 'home' && !first) void refreshShelves();
  if (turned && view === 'results' && !first) askAgain();
  if (view === 'cart' && turned) openCart();
  if (view !== 'product') document.title = view === 'cart' ? 'Cart · Millrace' : 'Millrace: a shop that learns while you look';
  shown = view;
  shownHash = hash;
}

into('departments', <DepartmentLinks />);
into('who', <Who />);
into('cart-button', <CartButton />);
into('home', <Home />);
into('product-sheet', <ProductSheet />);
into('cart', <Cart />);
into('panel', <Panel />);
into('dialogs', <WhyDialog />);
into('problem', <Problem />);
for (const name of ['hashchange', 'popstate', 'route']) window.addEventListener(name, route);
const filters = document.getElementById('show-filters');
filters?.addEventListener('click', () => {
  const open = document.getElementById('filters')?.classList.toggle('open') ?? false;
  filters.setAttribute('aria-expanded', String(open));
});
document.addEventListener('keydown', (event) => {
  const typing = event.target instanceof HTMLElement && event.target.matches('input, select, textarea');
  if (event.key === '/' && !typing && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    focusSearch();
  }
});
lookUpBy(async (ids) => (await searchById(ids)).map((one) => [one.id, one.category]));
startSearch();
route();
void refreshForYou(true);
void loadDepartments();
let known = shopper.value;
effect(() => {
  if (shopper.value === known) return;
  known = shopper.value;
  askAgain();
});
