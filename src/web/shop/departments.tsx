// The departments of the shop, as the catalogue has them.
import {signal} from '@preact/signals';
import type {VNode} from 'preact';
import {INDEX, searchClient} from './catalogue';
import {complain} from './state';

export interface Department {
  name: string;
  count: number;
  example: string;  // One of its kinds, for the picture of its tile.
  color: string;
}

export const departments = signal<Department[]>([]);
export const here = signal('');  // The department that is being looked at.

const COLORS = ['teal', 'coral', 'navy', 'forest', 'sand', 'rose', 'violet', 'mustard', 'grey', 'red'];

export const hrefOf = (category: string): string => `#/search?${new URLSearchParams({category}).toString()}`;

export async function loadDepartments(): Promise<void> {
  try {
    const {results} = await searchClient.search({requests: [{indexName: INDEX, query: '', facets: ['category'], maxValuesPerFacet: 200,
      hitsPerPage: 0, analytics: false, clickAnalytics: false}]});
    const counts = Object.entries((results[0] as {facets?: Record<string, Record<string, number>>}).facets?.['category'] ?? {});
    departments.value = counts.filter(([name]) => !name.includes(' > ')).sort((a, b) => b[1] - a[1]).slice(0, 10).map(([name, count], i) => ({
      name, count, color: COLORS[i % COLORS.length] ?? 'teal',
      example: counts.filter(([path]) => path.startsWith(`${name} > `)).sort((a, b) => b[1] - a[1])[0]?.[0].split(' > ')[1] ?? name,
    }));
  } catch (error) {
    complain(error);
  }
}

export const DepartmentLinks = (): VNode => (
  <ul>
    <li><a href="#/search" aria-current={here.value === '*' ? 'page' : undefined}>All</a></li>
    {departments.value.map((one) => (
      <li key={one.name}><a href={hrefOf(one.name)} aria-current={here.value === one.name ? 'page' : undefined}>{one.name}</a></li>
    ))}
  </ul>
);
