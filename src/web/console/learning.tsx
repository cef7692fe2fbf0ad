// What is learned while the shop runs: how well each source predicts before it learns from the answer, who is listened
// to, how often each place of a result page is looked at, and what clicks have taught. All of it is measured by the
// server from events it had not seen before.
import type {VNode} from 'preact';
import {useEffect, useState} from 'preact/hooks';
import {type Point, type Status, getStatus} from '../shared/api';
import {count} from '../shared/text';
import {COLORS, Plot} from './overview';
import {Card, Empty, Stat, Table, View, Waiting, percent, useLoad} from './parts';
import {Ranker} from './ranker';
import {AroundTheShop, RankerFeatures} from './ranker_features';

export interface Clicks {
  learned: number;
  ready: boolean;
  examined: number[];
  doubt: number;
  strength: number;
  trust: number;
}
type Source = Status['sources'][number] & {index_recall?: number; bytes?: number};
type Learned = Omit<Status, 'sources'> & {clicks?: Clicks; sources: Source[]};

const NAMES: Record<string, string> = {
  sequence: 'what usually follows, as a network over the visit', covisitation: 'what is looked at together', neighbours: 'visits like this one', popularity: 'what many turn to now', history: 'what this shopper did before',
  arrivals: 'what is new', taste: 'categories and brands this shopper likes', together: 'what is bought together',
};

const MB = (bytes: number | undefined): string => (bytes === undefined ? '–' : `${(bytes / 1048576).toFixed(1)} MB`);

function Places({of}: {of: Clicks}): VNode {
  const most = Math.max(...of.examined, 1e-9);
  return (
    <>
      <ol class="columns" aria-label="How often each place is looked at">
        {of.examined.map((one, place) => <li><b>{one.toFixed(2)}</b><span class="column-bar"><i style={`height:${(100 * one) / most}%`} /></span><span>{place + 1}</span></li>)}
      </ol>
      <p class="fine">The first place counts as 1. The tenth is known within a factor of {Math.exp(of.doubt).toFixed(2)} (one posterior deviation), from searches whose places were exchanged.</p>
    </>
  );
}

export function Learning({live}: {live: Status | undefined}): VNode {
  const first = useLoad(() => getStatus() as Promise<Status & Learned>, []);
  const [points, setPoints] = useState<Point[]>([]);
  const [hidden, setHidden] = useState<string[]>([]);
  useEffect(() => {
    if (first.data?.curves) setPoints(first.data.curves);
  }, [first.data]);
  useEffect(() => {
    const timer = window.setInterval(() => first.again(), 4000);
    return () => window.clearInterval(timer);
  }, []);
  return (
    <View title="Learning" lead="Every event is predicted before it is learned from. These are the predictions’ own marks: nothing here was computed afterwards.">
      <Waiting of={first}>{(asked) => {
        const now: Learned = {...asked, ...(live as Learned | undefined)};
        const times = points.map((one) => one.wall_ms / 1000);
        const best = [...now.sources].sort((a, b) => a.log_loss - b.log_loss)[0];
        const sum = now.sources.reduce((all, one) => all + one.share * one.log_loss, 0);
        const lines = (pick: (point: Point, i: number) => number | null): {name: string; color: string; values: (number | null)[]}[] =>
          now.sources.map((one, i) => ({name: one.name, color: COLORS[i % 8] ?? '', values: points.map((point) => pick(point, i))})).filter((one) => !hidden.includes(one.name));
        const legend = (value: (one: Learned['sources'][number]) => string): VNode => (
          <ul class="legend">{now.sources.map((one, i) => <li><button type="button" class={`key-of${hidden.includes(one.name) ? ' off' : ''}`} aria-pressed={!hidden.includes(one.name)} onClick={() => setHidden(hidden.includes(one.name) ? hidden.filter((each) => each !== one.name) : [...hidden, one.name])}>
            <i style={`background:${COLORS[i % 8]}`} />{one.name} <b>{value(one)}</b></button></li>)}</ul>
        );
        return (
          <>
            <div class="stats">
              <Stat name="events learned" value={count(now.log.applied)} />
              <Stat name="fold lag" value={count(now.log.lag)} help="Events on the log that are not learned yet" />
              <Stat name="best source alone" value={best ? best.name : '–'} help="The least log loss now" />
              <Stat name="its log loss" value={best ? best.log_loss.toFixed(2) : '–'} help="Of the next item, before learning from it" />
              <Stat name="by share" value={Number.isFinite(sum) ? sum.toFixed(2) : '–'} help="Log loss of the sources, weighted by how much each is listened to" />
              <Stat name="clicks learned" value={count(now.clicks?.learned ?? NaN)} help="Clicks on searches" />
            </div>
            <div class="boxes">
              <Card title="How well each predicts" note="log loss of the next item, before learning from it; lower is better"><Plot label="Log loss of the sources" times={times} format={(v) => v.toFixed(1)} lines={lines((point, i) => point.log_loss[i] ?? null)} />{legend((one) => one.log_loss.toFixed(2))}</Card>
              <Card title="Who is listened to" note="the mixture’s shares; they depend on the moment, this is their mean"><Plot label="Shares of the sources" times={times} format={(v) => `${Math.round(100 * v)} %`} lines={lines((point, i) => point.share[i] ?? null)} />{legend((one) => percent(one.share))}</Card>
              <Card title="The sources" wide>
                <Table label="Sources" head={['Source', 'Knows', 'Share', 'Log loss', 'Memory', 'Index finds']} rows={now.sources.map((one) => [<b>{one.name}</b>, <span class="wrap">{NAMES[one.name] ?? ''}</span>, percent(one.share), one.log_loss.toFixed(3), MB(one.bytes), one.index_recall === undefined ? '–' : percent(one.index_recall)])} />
                <p class="fine">“Index finds”: the share of the true hundred best that the approximate index finds, measured on sampled questions.</p>
              </Card>
              <Card title="How often each place is looked at" note="measured by exchanging places, not assumed">
                {now.clicks && now.clicks.learned > 0 ? <Places of={now.clicks} /> : <Empty>No click on a search has come yet.</Empty>}
              </Card>
              <Card title="What clicks have taught" note="they change the order of the next searches">
                {now.clicks ? (
                  <dl class="facts">
                    <dt>Clicks learned from</dt><dd>{count(now.clicks.learned)}{now.clicks.ready ? '' : ', which is too few to change anything yet'}</dd>
                    <dt>The prior is worth</dt><dd>{now.clicks.strength} looks: so many must speak against what words and popularity say</dd>
                    <dt>Believed beyond the score</dt><dd>{percent(now.clicks.trust)}</dd>
                  </dl>
                ) : <Empty>This server says nothing about clicks.</Empty>}
                <p class="fine">How much they may count is <a href="#/relevance">Clicks</a> under Relevance; 0 turns them off.</p>
              </Card>
              <Ranker />
              <RankerFeatures />
              <AroundTheShop />
            </div>
          </>
        );
      }}</Waiting>
    </View>
  );
}
