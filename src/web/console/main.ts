// The live page: a shop on the left, what the server does on the right. Every click is an event; the page measures how
// long it takes until an answer knows of it.

import {
  ApiError, follow, getItem, getStatus, recommend, send, setKey, trendingFacets,
  type Ask, type Item, type Page, type Recommendation, type ShopEvent,
} from '../shared/api';
import {fill, h, ms, s as svg} from './dom';
import {LivePanel} from './live';
import {draw as picture} from './dom';
import {nameParts, priceText, Shelf, type ShelfActions} from './shelf';

const CARDS = 12;
const PRESENT = 'freshet-shopper';

interface Shown {
  item: Recommendation;
  page: Page | undefined;
}

const logo = (): SVGElement => svg('svg', {viewBox: '0 0 32 32', class: 'logo', 'aria-hidden': 'true'},
  svg('rect', {width: 32, height: 32, rx: 9, fill: '#0f766e'}),
  svg('path', {d: 'M5 13c4 0 4-5 8-5s4 5 8 5 4-5 6-5', stroke: '#8fe3d5', 'stroke-width': 3, fill: 'none', 'stroke-linecap': 'round'}),
  svg('path', {d: 'M5 22c4 0 4-5 8-5s4 5 8 5 4-5 6-5', stroke: '#fff', 'stroke-width': 3, fill: 'none', 'stroke-linecap': 'round'}));

class Shop {
  private user = localStorage.getItem(PRESENT) ?? 'u000007';
  private session = this.newSession();
  private facet = '';
  private product: Shown | undefined;
  private busy = 0;
  private asking = 0;
  private others: string[] = [];
  private readonly titles = new Map<string, string>();
  private readonly live = new LivePanel((id) => void this.be(id));
  private readonly shelves: Record<'forYou' | 'next' | 'related' | 'together' | 'trending' | 'viewed' | 'again', Shelf>;
  private readonly who = h('input', {id: 'who', type: 'text', maxlength: 200, autocomplete: 'off', spellcheck: 'false', 'aria-label': 'Shopper id'});
  private readonly suggestions = h('div', {class: 'chips', role: 'group', 'aria-label': 'Shoppers seen lately'});
  private readonly facets = h('div', {class: 'chips', role: 'group', 'aria-label': 'Category of what is trending'});
  private readonly effect = h('div', {class: 'effect', role: 'status', 'aria-live': 'polite'});
  private readonly productView = h('section', {class: 'product', hidden: true, 'aria-label': 'Product', tabindex: '-1'});
  private readonly trail = h('ol', {class: 'trail', 'aria-label': 'What this shopper just did'});
  private readonly problem = h('div', {class: 'problem', role: 'alert', hidden: true});

  constructor(root: HTMLElement) {
    const actions: ShelfActions = {
      open: (item, page) => void this.open(item, page),
      cart: (item, page) => void this.act('add-to-cart', item, page),
      buy: (item, page) => void this.act('purchase', item, page),
      dismiss: (item, page) => void this.act('dismiss', item, page),
    };
    this.shelves = {
      forYou: new Shelf('for-you', 'For you', 'all that is known of this shopper', actions),
      next: new Shelf('next', 'Next in this visit', 'what the last clicks lead to', actions, 'Look at something first.'),
      related: new Shelf('related', 'Related', 'to the product above', actions),
      together: new Shelf('bought-together', 'Bought together', 'with the product above', actions, 'Not bought with anything yet.'),
      trending: new Shelf('trending', 'Trending', 'now, in the whole shop or in a category', actions, 'Nothing trends here.', this.facets),
      viewed: new Shelf('recently-viewed', 'Recently viewed', 'the way back', actions),
      again: new Shelf('buy-again', 'Buy again', 'when it may have run out', actions, 'Nothing bought yet.'),
    };
    this.build(root);
  }

  async start(): Promise<void> {
    this.who.value = this.user;
    this.showSuggestions();
    try {
      this.live.history(await getStatus());
      await this.showFacets();
    } catch (error) {
      this.complain(error);
    }
    await this.refresh(true);
    follow({
      event: (event) => {
        if (event.user && event.user !== this.user && event.user.startsWith('u')) this.seen(event.user);
        void this.titleOf(event.item).then((title) => this.live.event(event, title));
      },
      status: (status) => this.live.status(status),
      connected: (yes) => this.live.connected(yes),
    }, new AbortController().signal).catch((error: unknown) => this.complain(error));
    window.setInterval(() => void this.showFacets().catch(() => undefined), 20_000);
  }

  // For the list of live events; at most a few questions a second are spent on it.
  private async titleOf(id: string | undefined): Promise<string | undefined> {
    if (id === undefined) return undefined;
    const known = this.titles.get(id);
    if (known !== undefined || this.asking >= 2) return known;
    ++this.asking;
    try {
      const title = (await getItem(id)).title;
      if (title) this.titles.set(id, title);
      return title;
    } catch {
      return undefined;
    } finally {
      window.setTimeout(() => --this.asking, 500);
    }
  }

  private build(root: HTMLElement): void {
    const form = h('form', {class: 'shopper', onsubmit: (event: Event) => {
      event.preventDefault();
      void this.be(this.who.value.trim());
    }}, h('label', {for: 'who'}, 'You are'), this.who, h('button', {type: 'submit'}, 'Go'),
      h('button', {type: 'button', class: 'quiet', onclick: () => void this.be(`guest-${Date.now().toString(36)}`)}, 'Somebody new'),
      h('button', {type: 'button', class: 'quiet', onclick: () => void this.newVisit()}, 'New visit'));
    const s = this.shelves;
    fill(root,
      h('header', {class: 'bar'},
        h('div', {class: 'brand'}, logo(), h('strong', {}, 'Freshet'),
          h('span', {}, 'a shop that learns while you look')), form),
      this.suggestions, this.problem,
      h('div', {class: 'columns'},
        h('main', {id: 'shop'}, this.effect, this.trail, s.forYou.element, this.productView, s.next.element,
          s.trending.element, s.viewed.element, s.again.element),
        this.live.element));
    fill(this.effect, h('span', {class: 'lead'}, 'Click a product. The shelves follow, and the time it took is shown here.'));
  }

  private newSession(): string {
    return `console-${Date.now().toString(36)}-${Math.random().toString(36).slice(2, 6)}`;
  }

  private async be(id: string): Promise<void> {
    if (!id) return this.who.focus();
    this.user = id;
    localStorage.setItem(PRESENT, id);
    this.who.value = id;
    this.close();
    for (const shelf of Object.values(this.shelves)) shelf.forget();
    fill(this.trail);
    fill(this.effect, h('span', {class: 'lead'}, `You are ${id} now.`));
    this.showSuggestions();
    await this.newVisit();
  }

  private async newVisit(): Promise<void> {
    this.session = this.newSession();
    await this.refresh(true);
  }

  private seen(user: string): void {
    if (this.others.includes(user)) return;
    this.others = [user, ...this.others].slice(0, 6);
    // Not while one of them is being chosen.
    if (!this.suggestions.contains(document.activeElement) && !this.suggestions.matches(':hover')) this.showSuggestions();
  }

  private showSuggestions(): void {
    const ids = [...new Set(['u000007', 'u000042', ...this.others])].slice(0, 7);
    fill(this.suggestions, h('span', {class: 'caption'}, 'Shoppers'), ...ids.map((id) => h('button', {
      type: 'button', class: 'chip', 'aria-pressed': String(id === this.user), onclick: () => void this.be(id),
    }, id)));
  }

  private async showFacets(): Promise<void> {
    const found = (await trendingFacets(40)).filter((facet) => facet.startsWith('category:') && facet.includes(' > ')).slice(0, 9);
    if (this.facet && !found.includes(this.facet)) found.unshift(this.facet);
    if (this.facets.contains(document.activeElement)) return;
    fill(this.facets, ...['', ...found].map((facet) => h('button', {
      type: 'button', class: 'chip', 'aria-pressed': String(facet === this.facet), onclick: () => {
        this.facet = facet;
        this.shelves.trending.forget();
        for (const chip of this.facets.children) chip.setAttribute('aria-pressed', String(chip.getAttribute('data-facet') === facet));
        void this.show(this.shelves.trending, true).catch((error: unknown) => this.complain(error));
      }, 'data-facet': facet,
    }, facet ? facet.split(' > ').at(-1) ?? facet : 'All')));
  }

  private ask(shelf: Shelf): Ask {
    const ask: Ask = {surface: shelf.surface, user: this.user, session: this.session, k: CARDS};
    if (shelf === this.shelves.trending && this.facet)
      ask.filter = `category:${JSON.stringify(this.facet.slice('category:'.length))}`;
    if (shelf.surface === 'related' || shelf.surface === 'bought-together') ask.items = [this.product?.item.item ?? ''];
    return ask;
  }

  private async fetch(shelf: Shelf, record: boolean): Promise<Page> {
    const page = await recommend(this.ask(shelf), record);
    for (const item of page.items) if (item.title) this.titles.set(item.item, item.title);
    return page;
  }

  private async show(shelf: Shelf, record: boolean): Promise<{fresh: number; moved: number; shown: number}> {
    const user = this.user;
    const page = await this.fetch(shelf, record);
    return user === this.user ? shelf.show(page) : {fresh: 0, moved: 0, shown: 0};
  }

  // Only the first shelf counts as an impression each time: it is the one surely seen.
  private async refresh(record: boolean): Promise<number> {
    const s = this.shelves;
    const list = [s.forYou, s.next, s.trending, s.viewed, s.again, ...(this.product ? [s.related, s.together] : [])];
    try {
      const changes = await Promise.all(list.map((shelf) => this.show(shelf, record && shelf === s.forYou)));
      this.problem.hidden = true;
      return changes.slice(0, 2).reduce((sum, change) => sum + change.fresh + change.moved, 0);
    } catch (error) {
      this.complain(error);
      return 0;
    }
  }

  private async open(item: Recommendation, page: Page | undefined): Promise<void> {
    const done = this.act(page ? 'click' : 'view', item, page);  // The event is on its way before anything is drawn.
    this.product = {item, page};
    this.shelves.related.forget();
    this.shelves.together.forget();
    this.drawProduct(undefined);
    this.productView.hidden = false;
    this.productView.focus({preventScroll: true});
    void getItem(item.item).then((known) => {
      if (this.product?.item.item === item.item) this.drawProduct(known);
    }).catch(() => undefined);
    await done;
  }

  private close(): void {
    this.product = undefined;
    this.productView.hidden = true;
  }

  private drawProduct(known: Item | undefined): void {
    const shown = this.product;
    if (!shown) return;
    const {item, page} = shown;
    const title = item.title ?? item.item;
    const [maker, name] = nameParts(title);
    const text = (value: unknown): string => (Array.isArray(value) ? value.join(', ') : String(value));
    const facts = Object.entries(known?.attributes ?? {}).filter(([key]) => !['title', 'price', 'available'].includes(key));
    const look = {id: item.item, title, ...(known ? {color: text(known.attributes['color'] ?? ''), style: text(known.attributes['style'] ?? '')} : {})};
    if (!look.color) delete look.color;
    if (!look.style) delete look.style;
    const button = (type: string, label: string): HTMLElement =>
      h('button', {type: 'button', onclick: () => void this.act(type, item, page)}, label);
    fill(this.productView,
      h('div', {class: 'sheet'}, picture(look),
        h('div', {class: 'about'}, h('p', {class: 'maker'}, maker), h('h2', {}, name),
          h('p', {class: 'price'}, priceText(item.price), known && !known.available ? h('em', {}, ' out of stock') : null),
          h('dl', {class: 'facts'}, ...facts.flatMap(([key, value]) => [h('dt', {}, key), h('dd', {}, text(value))])),
          h('div', {class: 'buttons'}, button('add-to-cart', 'Put into cart'), button('purchase', 'Buy now'), button('wishlist', 'Wish'))),
        h('button', {type: 'button', class: 'close', 'aria-label': 'Close the product', onclick: () => this.close()}, '✕')),
      this.shelves.related.element, this.shelves.together.element);
    this.productView.onkeydown = (event) => {
      if (event.key === 'Escape') this.close();
    };
  }

  // The heart of the page: an event, its acknowledgement, and the first answer whose state contains it.
  private async act(type: string, item: Recommendation, page: Page | undefined): Promise<void> {
    const turn = ++this.busy;
    const event: ShopEvent = {type, user: this.user, session: this.session, item: item.item};
    if (page && type !== 'view') {
      event.query_id = page.query_id;
      event.surface = page.surface;
    }
    if (type === 'purchase') {
      event.order_id = `console-${Date.now().toString(36)}`;
      event.quantity = 1;
    }
    if (type === 'purchase' || type === 'add-to-cart') {
      if (item.price !== undefined) event.price = item.price;
      event.currency = 'EUR';
    }
    const from = performance.now();
    const sent = send(event);
    this.trailAdd(type, item);
    try {
      const {offset} = await sent;
      const acknowledged = performance.now();
      let visible = acknowledged;
      for (let tries = 0; tries < 100; ++tries) {
        performance.clearResourceTimings();
        const answer = await this.fetch(this.shelves.forYou, false);
        visible = performance.now();
        // One question alone, from the request's first byte to the answer's last: not the shelves' questions at once.
        const timing = performance.getEntriesByType('resource').find((e) => e.name.endsWith('/recommend'));
        if (timing instanceof PerformanceResourceTiming) this.live.answered(timing.responseEnd - timing.requestStart);
        if (offset === undefined || answer.state_offset === undefined || answer.state_offset >= offset) break;
      }
      if (turn !== this.busy) return;
      const changed = await this.refresh(true);
      fill(this.effect,
        h('span', {class: 'lead'}, `${type} `, h('b', {}, item.title ?? item.item)),
        h('span', {class: 'time'}, 'kept after ', h('b', {class: 'number'}, ms(acknowledged - from))),
        h('span', {class: 'time hot'}, 'in an answer after ', h('b', {class: 'number'}, ms(visible - from))),
        h('span', {class: 'time'}, h('b', {class: 'number'}, String(changed)), ' cards of the first two shelves changed'));
    } catch (error) {
      this.complain(error);
    }
  }

  private trailAdd(type: string, item: Recommendation): void {
    const look = {id: item.item, title: item.title ?? item.item};
    this.trail.append(h('li', {title: `${type}: ${look.title}`, class: `t-${type}`}, picture(look), h('span', {}, type)));
    while (this.trail.children.length > 12) this.trail.firstElementChild?.remove();
  }

  private complain(error: unknown): void {
    this.problem.hidden = false;
    const text = error instanceof Error ? error.message : String(error);
    if (error instanceof ApiError && (error.status === 401 || error.status === 403)) {
      const key = h('input', {type: 'password', 'aria-label': 'API key', placeholder: 'fk_…', autocomplete: 'off'});
      fill(this.problem, h('form', {onsubmit: (event: Event) => {
        event.preventDefault();
        setKey(key.value.trim());
        location.reload();
      }}, h('p', {}, `This server asks for an API key of the role admin. ${text}`), key, h('button', {type: 'submit'}, 'Use it')));
    } else {
      fill(this.problem, h('p', {}, text), h('button', {type: 'button', onclick: () => void this.refresh(false)}, 'Try again'));
    }
  }
}

const root = document.getElementById('app');
if (root) void new Shop(root).start();
