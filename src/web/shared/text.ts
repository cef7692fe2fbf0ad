// How numbers and names are written, the same on every page.

export function hash(text: string): number {
  let value = 2166136261;
  for (let i = 0; i < text.length; ++i) value = Math.imul(value ^ text.charCodeAt(i), 16777619);
  return value >>> 0;
}

export function ms(value: number): string {
  if (!Number.isFinite(value)) return '–';
  if (value < 1) return `${value.toFixed(2)} ms`;
  if (value < 10) return `${value.toFixed(1)} ms`;
  if (value < 1000) return `${Math.round(value)} ms`;
  return `${(value / 1000).toFixed(1)} s`;
}

export function count(value: number): string {
  if (!Number.isFinite(value)) return '–';
  return value >= 10_000_000 ? `${(value / 1e6).toFixed(1)} M` : Math.round(value).toLocaleString('en');
}

const euro = new Intl.NumberFormat('en', {style: 'currency', currency: 'EUR'});
export const price = (value: number | undefined): string => (value === undefined ? '' : euro.format(value));

// "Marira Nimbus Bold Running Shoes, Violet" -> maker and what it is, so that the thing can be read at a glance.
export function nameParts(title: string): [string, string] {
  const words = title.split(' ');
  return words.length > 3 ? [words.slice(0, 2).join(' '), words.slice(2).join(' ')] : ['', title];
}
