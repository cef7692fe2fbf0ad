// What was searched for and what came of it, and the shortest way from a query without results to a synonym.
import type {VNode} from 'preact';
import {useState} from 'preact/hooks';
import {ApiError, json} from '../shared/api';
import {count} from '../shared/text';
import {SynonymForm} from './merchandising';
import {COLORS, Plot} from './overview';
import {Card, Empty, Stat, Table, View, Waiting, mayChange, percent, useLoad} from './parts';

interface Row {
  search: string;
  count: number;
  nbHits?: number;
  clickThroughRate?: number | null;
  averageClickPosition?: number | null;
  conversionRate?: number | null;
}
interface Rate {
  rate: number | null;
  dates: {date: string; rate: number | null; count?: number; trackedSearchCount?: number}[];
}

const spans: Record<string, number> = {'this day': 1, 'a week': 7, 'four weeks': 28, 'three months': 92};
const named = (query: string): VNode | string => query || <i>nothing typed</i>;

// The shop has one catalogue, under the first of its names; a shop without products has none yet.
async function newest(): Promise<{index: string; updatedAt: string | null}> {
  const {items} = await json<{items: {name: string}[]}>('GET', '/1/indexes');
  const index = encodeURIComponent(items[0]?.name ?? 'products');
  try {
    return {index, ...await json<{updatedAt: string | null}>('GET', `/2/status?index=${index}`)};
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return {index, updatedAt: null};
    throw error;
  }
}

export function Analytics(): VNode {
  const [span, setSpan] = useState('four weeks');
  const [fixing, setFixing] = useState('');
  const updated = useLoad(() => newest(), []);
  const index = updated.data?.index ?? '';
  const end = updated.data?.updatedAt?.slice(0, 10) ?? '';
  const begin = end ? new Date(Date.parse(end) - ((spans[span] ?? 7) - 1) * 86_400_000).toISOString().slice(0, 10) : '';
  const ask = <T,>(path: string, more = ''): Promise<T> => end ? json<T>('GET', `/2/${path}?index=${index}&startDate=${begin}&endDate=${end}${more}`) : new Promise<T>(() => undefined);
  const on = [begin, end];
  const top = useLoad(() => ask<{searches: Row[]}>('searches', '&clickAnalytics=true&limit=25'), on);
  const nothing = useLoad(() => ask<{searches: Row[]}>('searches/noResults', '&limit=15'), on);
  const unclicked = useLoad(() => ask<{searches: Row[]}>('searches/noClicks', '&limit=15'), on);
  const none = useLoad(() => ask<Rate & {count: number}>('searches/noResultRate'), on);
  const clicked = useLoad(() => ask<Rate>('clicks/clickThroughRate'), on);
  const bought = useLoad(() => ask<Rate>('conversions/conversionRate'), on);
  const position = useLoad(() => ask<{average: number | null}>('clicks/averageClickPosition'), on);
  const users = useLoad(() => ask<{count: number}>('users/count'), on);
  const revenue = useLoad(() => ask<{currencies: Record<string, {currency: string; revenue: number}>}>('conversions/revenue'), on);
  const money = Object.values(revenue.data?.currencies ?? {}).map((one) => `${Math.round(one.revenue).toLocaleString('en')} ${one.currency}`).join(', ');
  const times = (none.data?.dates ?? []).map((one) => Date.parse(one.date) / 1000);
  return (
    <View title="Search analytics" lead="Counted from the log's own events. Letters typed one after another are one search."
      tools={<label>Span <select value={span} onChange={(event) => setSpan(event.currentTarget.value)}>{Object.keys(spans).map((one) => <option>{one}</option>)}</select></label>}>
      {updated.data && !end ? <Empty>Nobody has searched yet.</Empty> : null}
      {updated.error ? <p class="trouble" role="alert">{updated.error}</p> : null}
      {end ? (
        <>
          <div class="stats">
            <Stat name="searches" value={count(none.data?.count ?? NaN)} /><Stat name="shoppers" value={`≈ ${count(users.data?.count ?? NaN)}`} />
            <Stat name="without results" value={percent(none.data?.rate)} /><Stat name="clicked" value={percent(clicked.data?.rate)} />
            <Stat name="mean place of a click" value={position.data?.average?.toFixed(1) ?? '–'} /><Stat name="carted or bought" value={percent(bought.data?.rate)} />
            <Stat name="revenue after a search" value={money || '–'} />
          </div>
          <div class="boxes">
            <Card title="Searches a day"><Plot label="Searches a day" times={times} format={(v) => count(v)} lines={[{name: 'searches', color: COLORS[0] ?? '', values: (none.data?.dates ?? []).map((one) => one.count ?? 0)}]} /></Card>
            <Card title="Clicked, and without results">
              <Plot label="Rates" times={times} format={(v) => `${Math.round(100 * v)} %`} lines={[{name: 'clicked', color: COLORS[3] ?? '', values: (clicked.data?.dates ?? []).map((one) => one.rate)}, {name: 'without results', color: COLORS[1] ?? '', values: (none.data?.dates ?? []).map((one) => one.rate)}]} />
              <ul class="legend"><li><i style={`background:${COLORS[3]}`} />clicked</li><li><i style={`background:${COLORS[1]}`} />without results</li></ul>
            </Card>
            <Card title="Without results" note="what people wanted and did not find">
              {fixing ? <div class="note-box"><p>Whoever types “{fixing}” also finds …</p><SynonymForm key={fixing} from={fixing} done={() => undefined} /></div> : null}
              <Waiting of={nothing}>{({searches}) => searches.length === 0 ? <Empty>Everything typed found something.</Empty> : (
                <Table label="Queries without results" head={['Query', 'Times', '']} rows={searches.map((one) => [named(one.search), count(one.count),
                  mayChange() ? <button type="button" class="line" aria-label={`Make a synonym for ${one.search}`} aria-expanded={fixing === one.search} onClick={() => setFixing(fixing === one.search ? '' : one.search)}>Make a synonym</button> : ''])} />
              )}</Waiting>
            </Card>
            <Card title="Found, but never clicked"><Waiting of={unclicked}>{({searches}) => searches.length === 0 ? <Empty>None.</Empty> : <Table label="Queries never clicked" head={['Query', 'Times', 'Found']} rows={searches.map((one) => [named(one.search), count(one.count), count(one.nbHits ?? 0)])} />}</Waiting></Card>
          </div>
          <Card title="Searched most" wide><Waiting of={top}>{({searches}) => <Table label="Queries searched most" head={['Query', 'Times', 'Found', 'Clicked', 'Mean place', 'Carted or bought']}
            rows={searches.map((one) => [named(one.search), count(one.count), count(one.nbHits ?? 0), percent(one.clickThroughRate), one.averageClickPosition?.toFixed(1) ?? '–', percent(one.conversionRate)])} />}</Waiting></Card>
        </>
      ) : null}
    </View>
  );
}
