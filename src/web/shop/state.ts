// What the parts of the page share: who is shopping, what lies in the cart, and what the shop was just told.
import {computed, signal} from '@preact/signals';
import {type Page, type Recommendation, type ShopEvent, recommend, send} from '../shared/api';

export interface Product {
  id: string;
  title: string;
  price?: number;
  category?: string;
  color?: string;
  style?: string;
  rating?: number;
  available?: boolean;
}

// Where a product was clicked: what its event bears, so that the answer it stood in is learned from.
export interface Origin {
  surface: string;
  query_id?: string;
  position?: number;
}

export interface Line {
  product: Product;
  quantity: number;
  origin: Origin | undefined;
}

export interface Change {
  fresh: Recommendation[];  // On the shelf now, not before.
  moved: number;
  department: string;       // Of the product that the event was about.
  before: number;           // Products of that department on the shelf before and after.
  after: number;
}

export interface Effect {
  id: number;
  type: string;
  product: Product;
  events: number;              // Sent at once; a basket is one for each product.
  kept_ms?: number;            // Until the acknowledgement: it is on the log, on disk.
  effect_ms?: number;          // Until an answer was computed from a state that contains it.
  asked?: number;              // Answers looked at until then.
  offset?: number;
  state_offset?: number;
  change?: Change;
  failed?: string;
}

const WHO = 'millrace-shopper';
const CART = 'millrace-cart';
const SHELF = 12;

const fresh = (): string => `visitor-${Date.now().toString(36)}${Math.random().toString(36).slice(2, 5)}`;
function stored<T>(name: string, otherwise: T): T {
  try {
    return (JSON.parse(localStorage.getItem(name) ?? 'null') as T | null) ?? otherwise;
  } catch {
    return otherwise;
  }
}

export const shopper = signal(stored(WHO, '') || fresh());
export const isNew = computed(() => shopper.value.startsWith('visitor-'));
export const session = signal(`web-${Date.now().toString(36)}`);
export const cart = signal<Line[]>(stored<Line[]>(CART, []));
export const cartCount = computed(() => cart.value.reduce((sum, line) => sum + line.quantity, 0));
export const effects = signal<Effect[]>([]);
export const forYou = signal<Page | undefined>(undefined);
export const problem = signal('');
localStorage.setItem(WHO, JSON.stringify(shopper.value));

const categories = new Map<string, string>();  // By product id; learned from whatever answer bears them.
export const remember = (id: string, category: string | undefined): void => {
  if (category) categories.set(id, category);
};
export const departmentOf = (id: string): string => (categories.get(id) ?? '').split(' > ')[0] ?? '';

export function complain(error: unknown): void {
  problem.value = error instanceof Error ? error.message : String(error);
}

export const askForYou = (record: boolean): Promise<Page> =>
  recommend({surface: 'for-you', user: shopper.value, session: session.value, k: SHELF}, record);

export async function refreshForYou(record: boolean): Promise<void> {
  const who = shopper.value;
  try {
    const page = await askForYou(record);
    if (who !== shopper.value) return;
    forYou.value = page;
    problem.value = '';
  } catch (error) {
    complain(error);
  }
}

export function become(id: string): void {
  shopper.value = id || fresh();
  session.value = `web-${Date.now().toString(36)}`;
  localStorage.setItem(WHO, JSON.stringify(shopper.value));
  effects.value = [];
  forYou.value = undefined;
  void refreshForYou(true);
}

export function keepCart(lines: Line[]): void {
  cart.value = lines;
  localStorage.setItem(CART, JSON.stringify(lines));
}

const update = (id: number, more: Partial<Effect>): void => {
  effects.value = effects.value.map((one) => (one.id === id ? {...one, ...more} : one));
};

let lookUp: (ids: string[]) => Promise<[string, string | undefined][]> = () => Promise.resolve([]);
export const lookUpBy = (how: typeof lookUp): void => {
  lookUp = how;
};

// The category of each recommended product, asked for only when it is not known yet: in one search by id.
async function learnCategories(ids: string[]): Promise<void> {
  const unknown = ids.filter((id) => !categories.has(id));
  if (!unknown.length) return;
  for (const [id, category] of await lookUp(unknown)) remember(id, category);
}

let turn = 0;

// The heart of the page: events go out, are acknowledged with their place on the log, and answers are asked for until one
// was computed from a state that contains that place. Both times are measured here, in the browser.
export async function tell(type: string, product: Product, origin?: Origin, basket?: ShopEvent[]): Promise<void> {
  const id = ++turn;
  const event: ShopEvent = {type, user: shopper.value, session: session.value, item: product.id};
  if (origin?.query_id) event.query_id = origin.query_id;
  if (origin) event.surface = origin.surface;
  if (type === 'add-to-cart' && product.price !== undefined) {
    event.price = product.price;
    event.currency = 'EUR';
  }
  remember(product.id, product.category);
  const who = shopper.value;
  const from = performance.now();
  const sent = send(basket ?? event, 'shop');
  effects.value = [{id, type, product, events: basket?.length ?? 1}, ...effects.value].slice(0, 30);
  const before = forYou.value?.items ?? [];
  try {
    const {offset} = await sent;
    const kept = performance.now();
    update(id, {kept_ms: kept - from, ...(offset === undefined ? {} : {offset})});
    let page: Page | undefined;
    let asked = 0;
    let seen = kept;
    while (asked < 200) {
      page = await askForYou(false);
      seen = performance.now();
      ++asked;
      if (offset === undefined || page.state_offset === undefined || page.state_offset >= offset) break;
    }
    if (!page || who !== shopper.value) return;
    update(id, {effect_ms: seen - from, asked, ...(page.state_offset === undefined ? {} : {state_offset: page.state_offset})});
    await learnCategories([...page.items, ...before].map((one) => one.item));
    const places = new Map(before.map((one, place) => [one.item, place] as const));
    const department = departmentOf(product.id);
    const share = (items: Recommendation[]): number => items.filter((one) => departmentOf(one.item) === department).length;
    const change: Change = {
      fresh: page.items.filter((one) => !places.has(one.item)),
      moved: page.items.filter((one, place) => places.has(one.item) && places.get(one.item) !== place).length,
      department, before: share(before), after: share(page.items),
    };
    update(id, {change});
    if (id === turn) forYou.value = page;
  } catch (error) {
    update(id, {failed: error instanceof Error ? error.message : String(error)});
  }
}

export function addToCart(product: Product, origin: Origin | undefined): void {
  const found = cart.value.find((line) => line.product.id === product.id);
  keepCart(found ? cart.value.map((line) => (line === found ? {...line, quantity: line.quantity + 1} : line))
    : [...cart.value, {product, quantity: 1, origin}]);
  void tell('add-to-cart', product, origin);
}

export function buy(): void {
  const lines = cart.value;
  const first = lines[0];
  if (!first) return;
  const order_id = `web-${Date.now().toString(36)}`;
  keepCart([]);
  void tell('purchase', first.product, undefined, lines.map((line) => ({
    type: 'purchase', user: shopper.value, session: session.value, item: line.product.id, order_id, quantity: line.quantity,
    currency: 'EUR',
    ...(line.product.price === undefined ? {} : {price: line.product.price}),
    ...(line.origin?.query_id ? {query_id: line.origin.query_id, surface: line.origin.surface} : {}),
  })));
}
