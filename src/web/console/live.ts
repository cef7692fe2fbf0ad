// The panel that shows what the server does: rates, freshness, who speaks in the mixture, and events as they come.

import type {LiveEvent, Status} from '../shared/api';
import {LineChart, ShareChart} from './chart';
import {count, fill, h, ms} from './dom';

const KEEP = 14;

export class LivePanel {
  readonly element: HTMLElement;
  private readonly dot = h('span', {class: 'dot'});
  private readonly state = h('span', {}, 'connecting');
  private readonly numbers = {
    rate: h('b'), fresh50: h('b'), fresh99: h('b'), answer: h('b'), lag: h('b'), events: h('b'), items: h('b'), shoppers: h('b'),
  };
  private readonly rateChart = new LineChart({label: 'Events a second', format: (v) => `${count(v)}/s`});
  private readonly answerChart = new LineChart({label: 'Answer time as this page sees it', format: ms});
  private readonly shares = new ShareChart('Share of each source in the mixture over time');
  private readonly legend = h('ul', {class: 'legend'});
  private readonly ticker = h('ol', {class: 'ticker', 'aria-label': 'Events as they come'});
  private readonly answers: number[] = [];
  private last: {at: number; applied: number} | undefined;

  constructor(private readonly pickShopper: (id: string) => void) {
    const n = this.numbers;
    const stat = (value: HTMLElement, name: string, help: string): HTMLElement =>
      h('div', {class: 'stat', title: help}, value, h('span', {}, name));
    this.element = h('aside', {class: 'live', 'aria-label': 'Live numbers of the server'},
      h('header', {}, h('h2', {}, 'Live'), h('span', {class: 'state'}, this.dot, this.state)),
      h('div', {class: 'stats'},
        stat(n.rate, 'events/s', 'Events folded a second'),
        stat(n.lag, 'fold lag', 'Events on the log that are not folded yet'),
        stat(n.fresh50, 'freshness p50', 'From acknowledgement until an answer can show it, median'),
        stat(n.fresh99, 'freshness p99', 'The same, 99 of 100 are faster'),
        stat(n.answer, 'answer p50', 'Round trip of recommendations as this page sees it'),
        stat(n.events, 'events', 'Events on the log'),
        stat(n.items, 'items', 'Items in the catalogue'),
        stat(n.shoppers, 'shoppers', 'Shoppers known')),
      h('h3', {}, 'Events a second'), this.rateChart.element,
      h('h3', {}, 'Answer time here'), this.answerChart.element,
      h('h3', {}, 'Who is listened to'), this.shares.element, this.legend,
      h('h3', {}, 'As it happens'), this.ticker);
    for (const value of Object.values(n)) fill(value, '–');
  }

  connected(yes: boolean): void {
    this.dot.classList.toggle('on', yes);
    fill(this.state, yes ? 'connected' : 'reconnecting');
  }

  history(status: Status): void {
    const curves = status.curves ?? [];
    if (curves.length > 1) {
      this.rateChart.set(curves.slice(-90).map((p) => p.events_per_second));
      this.shares.set(curves.slice(-90).map((p) => p.share));
    }
    this.status(status);
  }

  status(status: Status): void {
    const now = performance.now();
    const n = this.numbers;
    if (this.last && now - this.last.at > 400) {
      const rate = ((status.log.applied - this.last.applied) * 1000) / (now - this.last.at);
      fill(n.rate, count(Math.max(0, rate)));
      this.rateChart.add(Math.max(0, rate));
      this.shares.add(status.sources.map((source) => source.share));
      this.last = undefined;
    }
    this.last ??= {at: now, applied: status.log.applied};
    fill(n.lag, count(status.log.lag));
    fill(n.fresh50, ms(status.freshness_ms.p50 ?? NaN));
    fill(n.fresh99, ms(status.freshness_ms.p99 ?? NaN));
    fill(n.events, count(status.log.end));
    fill(n.items, count(status.state.items));
    fill(n.shoppers, count(status.state.shoppers));
    const total = status.sources.reduce((sum, source) => sum + source.share, 0) || 1;
    fill(this.legend, ...status.sources.map((source, i) => h('li', {},
      h('span', {class: `swatch c${i % 8}`}), h('span', {}, source.name.replaceAll('_', ' ')),
      h('b', {class: 'number'}, `${Math.round((100 * source.share) / total)} %`))));
  }

  answered(milliseconds: number): void {
    this.answers.push(milliseconds);
    if (this.answers.length > 60) this.answers.shift();
    const sorted = [...this.answers].sort((a, b) => a - b);
    fill(this.numbers.answer, ms(sorted[sorted.length >> 1] ?? NaN));
    this.answerChart.add(milliseconds);
  }

  event(event: LiveEvent, title: string | undefined): void {
    const who = event.user ?? '';
    const what = event.query ? `“${event.query}”` : title ?? event.item ?? event.surface ?? '';
    const entry = h('li', {class: `t-${event.type}`},
      h('span', {class: 'type'}, event.type),
      who ? h('button', {type: 'button', class: 'who', title: `Be ${who}`, onclick: () => this.pickShopper(who)}, who) : null,
      h('span', {class: 'what'}, what));
    this.ticker.prepend(entry);
    while (this.ticker.children.length > KEEP) this.ticker.lastElementChild?.remove();
  }
}
