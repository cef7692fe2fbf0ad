// The server as it is this second: how fresh, how quick, how busy; read from its status, its stream and its metrics.
import type {VNode} from 'preact';
import {useEffect, useRef, useState} from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import {type Point, type Status, getStatus, text} from '../shared/api';
import {count, ms} from '../shared/text';
import {Card, Stat, Table, View, Waiting, percent, useLoad} from './parts';

export interface Line {
  name: string;
  color: string;
  values: (number | null)[];
}

const css = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const dark = window.matchMedia('(prefers-color-scheme: dark)');

// Lines over time; `times` in seconds. Drawn on a canvas, 100,000 points in some 10 ms.
export function Plot({label, times, lines, format}: {label: string; times: number[]; lines: Line[]; format: (value: number) => string}): VNode {
  const holder = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const names = lines.map((one) => one.name).join();
  useEffect(() => {
    const box = holder.current;
    if (!box) return undefined;
    const make = (): void => {
      plot.current?.destroy();
      const axis = {stroke: css(dark.matches ? '--soft-dark' : '--soft-light'), grid: {stroke: css(dark.matches ? '--line-dark' : '--line-light'), width: 1}, ticks: {show: false}, font: '11px system-ui, "DejaVu Sans"'};
      plot.current = new uPlot({
        width: Math.max(200, box.clientWidth), height: 170, legend: {show: false}, cursor: {y: false},
        scales: {x: {time: true}, y: {range: (_, low, high) => [Math.min(0, low), Math.max(high, 1e-6) * 1.08]}},
        axes: [axis, {...axis, size: 58, values: (_, ticks) => ticks.map(format)}],
        series: [{}, ...lines.map((one) => ({label: one.name, stroke: one.color, width: 1.8, points: {show: false}, fill: lines.length === 1 ? `${one.color}22` : undefined} as uPlot.Series))],
      }, [times, ...lines.map((one) => one.values)] as uPlot.AlignedData, box);
    };
    make();
    const watch = new ResizeObserver(() => plot.current?.setSize({width: Math.max(200, box.clientWidth), height: 170}));
    watch.observe(box);
    dark.addEventListener('change', make);
    return () => {
      watch.disconnect();
      dark.removeEventListener('change', make);
      plot.current?.destroy();
    };
  }, [names]);
  useEffect(() => plot.current?.setData([times, ...lines.map((one) => one.values)] as uPlot.AlignedData), [times, lines]);
  const last = lines.map((one) => `${one.name} ${format(one.values.at(-1) ?? 0)}`).join(', ');
  return <div class="plot" ref={holder} role="img" aria-label={`${label}: ${times.length ? last : 'no points yet'}`} />;
}

const rate = (value: number): string => (value < 10 ? value.toFixed(value % 1 ? 1 : 0) : count(value));

export const COLORS = ['#0f8f83', '#d97706', '#7c5cc4', '#2f7fc1', '#c2416b', '#6b8e23', '#8a6d5a', '#64748b'];

interface RouteTimes {
  route: string;
  requests: number;
  p50: number;
  p99: number;
}

// From the buckets of the histogram: the upper edge of the bucket that the share falls into.
export function routeTimes(metrics: string): RouteTimes[] {
  const buckets = new Map<string, [number, number][]>();
  for (const found of metrics.matchAll(/^freshet_http_request_seconds_bucket\{route="([^"]*)",le="([^"]*)"\} (\d+)/gm)) {
    const [, route = '', edge = '', sum = '0'] = found;
    const list = buckets.get(route) ?? [];
    list.push([edge === '+Inf' ? Infinity : Number(edge), Number(sum)]);
    buckets.set(route, list);
  }
  return [...buckets].map(([route, list]) => {
    const all = list.at(-1)?.[1] ?? 0;
    const at = (share: number): number => 1000 * (list.find(([, sum]) => sum >= share * all)?.[0] ?? NaN);
    return {route, requests: all, p50: at(0.5), p99: at(0.99)};
  }).filter((one) => one.requests > 0).sort((a, b) => b.requests - a.requests);
}

export function Overview({live}: {live: Status | undefined}): VNode {
  const first = useLoad(getStatus, []);
  const metrics = useLoad(() => text('/metrics'), []);
  const [points, setPoints] = useState<Point[]>([]);
  useEffect(() => {
    if (first.data?.curves) setPoints(first.data.curves);
  }, [first.data]);
  useEffect(() => {
    const timer = window.setInterval(() => {
      first.again();
      metrics.again();
    }, 4000);
    return () => window.clearInterval(timer);
  }, []);
  return (
    <View title="Overview" lead="What the server does this second, by its own numbers.">
      <Waiting of={first}>{(asked) => {
        const now = live ?? asked;
        const times = points.map((one) => one.wall_ms / 1000);
        return (
          <>
            <div class="stats">
              <Stat name="freshness p50" value={ms(now.freshness_ms.p50 ?? NaN)} help="From acknowledgement until an answer can show it, median; 0: it could before" />
              <Stat name="freshness p99" value={ms(now.freshness_ms.p99 ?? NaN)} help="The same; 99 of 100 are faster" />
              <Stat name="fold lag" value={count(now.log.lag)} help="Events on the log that are not folded yet" />
              <Stat name="events" value={count(now.log.end)} help="On the log" />
              <Stat name="products" value={count(now.state.items)} />
              <Stat name="shoppers" value={count(now.state.shoppers)} />
              <Stat name="memory" value={`${count((asked.memory?.resident_bytes ?? 0) / 1048576)} MB`} help="Resident" />
              <Stat name="up for" value={now.uptime_s < 3600 ? `${Math.round(now.uptime_s / 60)} min` : `${(now.uptime_s / 3600).toFixed(1)} h`} />
            </div>
            <div class="boxes">
              <Card title="Events a second"><Plot label="Events a second" times={times} format={rate} lines={[{name: 'events', color: COLORS[0] ?? '', values: points.map((one) => one.events_per_second)}]} /></Card>
              <Card title="Answers a second"><Plot label="Answers a second" times={times} format={rate} lines={[{name: 'answers', color: COLORS[3] ?? '', values: points.map((one) => one.requests_per_second)}]} /></Card>
              <Card title="Who is listened to" note="share of each source in the mixture, learned from every event">
                <Plot label="Shares of the sources" times={times} format={(v) => `${Math.round(100 * v)} %`} lines={now.sources.map((one, i) => ({name: one.name, color: COLORS[i % 8] ?? '', values: points.map((point) => point.share[i] ?? null)}))} />
                <ul class="legend">{now.sources.map((one, i) => <li><i style={`background:${COLORS[i % 8]}`} />{one.name} <b>{percent(one.share)}</b></li>)}</ul>
              </Card>
              <Card title="How well each predicts" note="log loss of the next item, before learning from it; lower is better">
                <Plot label="Log loss of the sources" times={times} format={(v) => v.toFixed(1)} lines={now.sources.map((one, i) => ({name: one.name, color: COLORS[i % 8] ?? '', values: points.map((point) => point.log_loss[i] ?? null)}))} />
                <ul class="legend">{now.sources.map((one, i) => <li><i style={`background:${COLORS[i % 8]}`} />{one.name} <b>{one.log_loss.toFixed(2)}</b></li>)}</ul>
              </Card>
            </div>
            <Card title="Answer times" note="since the start, from the first byte of a request to the last of its answer" wide>
              <Waiting of={metrics}>{(body) => <Table label="Answer times by route" head={['Route', 'Requests', 'half within', '99 of 100 within']}
                rows={routeTimes(body).slice(0, 14).map((one) => [<code>{one.route}</code>, count(one.requests), ms(one.p50), ms(one.p99)])} />}</Waiting>
            </Card>
          </>
        );
      }}</Waiting>
    </View>
  );
}
