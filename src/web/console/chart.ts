// Two small charts as SVG: a line over time, and shares stacked over time.

import {fill, s} from './dom';

export interface LineOptions {
  label: string;
  format: (value: number) => string;
}

const W = 320;
const H = 72;

export class LineChart {
  readonly element: SVGElement;
  private readonly area = s('path', {class: 'area'});
  private readonly line = s('path', {class: 'line'});
  private readonly top = s('text', {x: W, y: 10, 'text-anchor': 'end', class: 'tick'});
  private values: number[] = [];

  constructor(private readonly options: LineOptions, private readonly points = 90) {
    this.element = s('svg', {viewBox: `0 0 ${W} ${H}`, class: 'chart', role: 'img', 'aria-label': options.label},
      s('path', {d: `M0 ${H - 0.5}H${W}`, class: 'axis'}), this.area, this.line, this.top);
  }

  add(value: number): void {
    this.values.push(value);
    if (this.values.length > this.points) this.values.shift();
    this.draw();
  }

  set(values: number[]): void {
    this.values = values.slice(-this.points);
    this.draw();
  }

  private draw(): void {
    if (this.values.length < 2) return;
    // A burst long ago must not flatten what happens now: far outliers leave the picture at its top.
    const sorted = [...this.values].sort((a, b) => a - b);
    const usual = sorted[Math.floor(sorted.length * 0.85)] ?? 0;
    const max = Math.max(1e-9, Math.min(Math.max(...this.values), 3 * usual || Infinity)) * 1.1;
    const span = Math.max(20, Math.min(this.points, this.values.length));
    const at = this.values.map((v, i): string => {
      const x = W - ((this.values.length - 1 - i) * W) / (span - 1);
      return `${x.toFixed(1)} ${(H - 1 - Math.min(1, v / max) * (H - 14)).toFixed(1)}`;
    });
    const first = at[0]?.split(' ')[0] ?? '0';
    this.line.setAttribute('d', `M${at.join('L')}`);
    this.area.setAttribute('d', `M${at.join('L')}L${W} ${H}L${first} ${H}Z`);
    fill(this.top, this.options.format(max / 1.1));
    this.element.setAttribute('aria-label', `${this.options.label}: ${this.options.format(this.values.at(-1) ?? 0)}`);
  }
}

// Rows of shares, each row summing to about 1; one colour a name, in the order of `names`.
export class ShareChart {
  readonly element: SVGElement;
  private rows: number[][] = [];

  constructor(private readonly label: string, private readonly points = 90) {
    this.element = s('svg', {viewBox: `0 0 ${W} ${H}`, class: 'chart shares', role: 'img', 'aria-label': label});
  }

  set(rows: number[][]): void {
    this.rows = rows.slice(-this.points);
    this.draw();
  }

  add(row: number[]): void {
    this.rows.push(row);
    if (this.rows.length > this.points) this.rows.shift();
    this.draw();
  }

  private draw(): void {
    const rows = this.rows;
    if (rows.length < 2) return;
    const span = Math.max(20, rows.length);
    const x = (i: number): number => W - ((rows.length - 1 - i) * W) / (span - 1);
    const names = rows.at(-1)?.length ?? 0;
    const below = rows.map(() => 0);
    const bands: SVGElement[] = [];
    for (let n = 0; n < names; ++n) {
      const up: string[] = [];
      const down: string[] = [];
      rows.forEach((row, i) => {
        const sum = row.reduce((a, b) => a + b, 0) || 1;
        const from = below[i] ?? 0;
        const to = from + (row[n] ?? 0) / sum;
        below[i] = to;
        down.unshift(`${x(i).toFixed(1)} ${(H * (1 - from)).toFixed(1)}`);
        up.push(`${x(i).toFixed(1)} ${(H * (1 - to)).toFixed(1)}`);
      });
      bands.push(s('path', {d: `M${up.join('L')}L${down.join('L')}Z`, class: `band c${n % 8}`}));
    }
    fill(this.element, ...bands);
    this.element.setAttribute('aria-label', this.label);
  }
}
