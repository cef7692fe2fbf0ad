// Experiments: two versions of the settings on real searches or recommendations, told apart by intervals that hold
// whenever one looks.
import type {VNode} from 'preact';
import {useEffect, useState} from 'preact/hooks';
import {ApiError, json} from '../shared/api';
import {count, ms} from '../shared/text';
import {Choice, Num, Share} from './fields';
import {COLORS, Plot} from './overview';
import {Card, Empty, Said, Stat, Table, View, Waiting, mayChange, percent, short, useDo, useLoad, when} from './parts';
import type {Versions} from './settings';

interface Difference {
  value: number;
  low: number;
  high: number;
  relative: number | null;
  relative_low: number | null;
  relative_high: number | null;
  p: number;
  significant: boolean;
}
interface Metric {
  name: string;
  goal?: boolean;
  guardrail?: boolean;
  broken?: boolean;
  better: 'more' | 'less';
  unit: 'share' | 'money' | 'ms';
  control: number | null;
  variant: number | null;
  difference: Difference | null;
}
interface Results {
  verdict: string;
  reason: string;
  searches?: {control: number; variant: number};
  recommendations?: {control: number; variant: number};
  shoppers?: {control: number; variant: number};
  metrics?: Metric[];
  sample_ratio?: {expected: number; observed: number | null; p: number; mismatch: boolean};
  pages?: number;
  answered?: number;
  wins?: {control: number; variant: number};
  preference?: {value: number; low: number; high: number; p: number; significant: boolean} | null;
  needed?: {searches?: number; recommendations?: number; answered?: number; minimum_effect: number} | null;
  history?: {time_ms: number; value: number; low: number; high: number}[];
}
interface Experiment {
  name: string;
  kind: 'ab' | 'interleaving';
  on: 'search' | 'recommendations';
  state: 'draft' | 'running' | 'stopped' | 'shipped';
  note?: string;
  by?: string;
  started_ms?: number;
  stopped_ms?: number;
  stopped_because?: string;
  control: {settings_version: number};
  variant: {settings_version: number};
  changes: {name: string; before: unknown; after: unknown}[];
  share: number;
  traffic: number;
  goal: string;
  results?: Results;
}

const KINDS: Record<string, string> = {ab: 'shoppers are shared out', interleaving: 'both in one page'};
const PAGES: Record<string, string> = {search: 'searches', recommendations: 'recommendations'};
const GOALS: Record<string, string> = {click_through: 'clicked', cart_rate: 'put into a cart', purchase_rate: 'bought', revenue: 'revenue a page'};
const NAMES: Record<string, string> = {...GOALS, no_result_rate: 'without results', latency_ms: 'answer time'};
const VERDICTS: Record<string, string> = {too_early: 'too early', undecided: 'undecided', variant_better: 'variant better', variant_worse: 'variant worse', mismatch: 'shared out wrongly'};
const STATES: Record<string, string> = {draft: 'not begun', running: 'running', stopped: 'stopped', shipped: 'shipped'};

const inUnit = (unit: Metric['unit'], value: number | null): string => value === null ? '–' : unit === 'share' ? percent(value) : unit === 'ms' ? ms(value) : value.toFixed(3);
const signed = (value: number | null): string => value === null ? '–' : `${value > 0 ? '+' : ''}${(100 * value).toFixed(1)} %`;
const verdictTag = (of: Results | undefined): VNode | string => !of ? '' : <span class={`tag${of.verdict === 'variant_worse' || of.verdict === 'mismatch' ? ' bad-tag' : ''}`}>{VERDICTS[of.verdict] ?? of.verdict}</span>;

function Define({done}: {done: (name: string) => void}): VNode {
  const versions = useLoad(() => json<Versions>('GET', '/api/v1/settings/versions'), []);
  const [name, setName] = useState('');
  const [note, setNote] = useState('');
  const [kind, setKind] = useState('ab');
  const [on, setOn] = useState('search');
  const [goal, setGoal] = useState('click_through');
  const [variant, setVariant] = useState(0);
  const [share, setShare] = useState(0.5);
  const [traffic, setTraffic] = useState(1);
  const [effect, setEffect] = useState(5);
  const work = useDo();
  const others = (versions.data?.versions ?? []).filter((one) => one.version !== versions.data?.published);
  return (
    <Card title="A new experiment" note="against what is published now" wide>
      {versions.data && others.length === 0 ? <Empty>There is nothing to compare with yet: stage a version under <a href="#/relevance">Relevance</a>.</Empty> : (
        <form onSubmit={(event) => {
          event.preventDefault();
          work.run(async () => {
            await json('PUT', `/api/v1/experiments/${encodeURIComponent(name)}`, {kind, on, goal, note, variant: {settings_version: variant || others[0]?.version}, ...(kind === 'ab' ? {share} : {}), traffic, minimum_effect: effect / 100});
            done(name);
          });
        }}>
          <div class="row-form">
            <label class="grow">Name <input required value={name} maxLength={64} pattern="[a-z0-9._\-]+" title="a-z, 0-9, - _ ." placeholder="heavier-titles" onInput={(event) => setName(event.currentTarget.value)} /></label>
            <label class="grow">Why <input value={note} maxLength={1000} onInput={(event) => setNote(event.currentTarget.value)} /></label>
          </div>
          <div class="row-form">
            <Choice label="How" value={kind} among={KINDS} change={(next) => {
              setKind(next);
              if (next === 'interleaving' && goal === 'revenue') setGoal('click_through');
            }} />
            <Choice label="Of" value={on} among={PAGES} change={setOn} />
            <Choice label="Variant" value={String(variant || others[0]?.version || 0)} among={Object.fromEntries(others.map((one) => [String(one.version), `version ${one.version}${one.published_ms ? '' : ', staged'}${one.note ? `: ${one.note.slice(0, 40)}` : ''}`]))} change={(next) => setVariant(Number(next))} />
            <Choice label="Goal" value={goal} among={kind === 'ab' ? GOALS : Object.fromEntries(Object.entries(GOALS).filter(([one]) => one !== 'revenue'))} change={setGoal} />
            <Num label="Worth finding, %" value={effect} min={0.1} max={100} step="any" change={setEffect} />
          </div>
          <div class="shares">
            <Share label="Taking part" help="share of all shoppers; nobody is in two experiments on the same pages" value={traffic} change={setTraffic} />
            {kind === 'ab' ? <Share label="Of them, the variant" help="half and half is quickest" value={share} change={setShare} /> : null}
          </div>
          <div class="buttons"><button type="submit" class="solid" disabled={work.busy || others.length === 0}>Define it</button><small>nothing changes before it is started</small></div>
          <Said what={work} />
        </form>
      )}
    </Card>
  );
}

function Measured({of}: {of: Results}): VNode {
  const history = of.history ?? [];
  const unit = of.metrics?.find((one) => one.goal)?.unit;
  const pages = of.searches ?? of.recommendations;
  const name = of.searches ? 'searches' : 'recommendations';
  const format = (value: number): string => of.preference !== undefined || unit === 'share' ? `${(100 * value).toFixed(1)} %` : value.toFixed(3);
  return (
    <>
      <div class="stats">
        {pages ? <><Stat name={`${name}, control`} value={count(pages.control)} /><Stat name={`${name}, variant`} value={count(pages.variant)} /></> : null}
        {of.shoppers ? <><Stat name="shoppers, control" value={count(of.shoppers.control)} /><Stat name="shoppers, variant" value={count(of.shoppers.variant)} /></> : null}
        {of.wins ? <><Stat name="pages" value={count(of.pages ?? 0)} /><Stat name="answered" value={count(of.answered ?? 0)} /><Stat name="for the control" value={count(of.wins.control)} /><Stat name="for the variant" value={count(of.wins.variant)} /></> : null}
        {of.needed ? <Stat name={`needed to find ${(100 * of.needed.minimum_effect).toFixed(1)} %`} value={`≈ ${count(of.needed.searches ?? of.needed.recommendations ?? of.needed.answered ?? NaN)}`} /> : null}
      </div>
      {history.length > 1 ? (
        <Card title={of.preference === undefined ? 'Difference of the goal' : 'Share of pages won by the variant'} note="the middle line, and the interval that holds at every look" wide>
          <Plot label="The goal over time" times={history.map((one) => one.time_ms / 1000)} format={format} lines={[{name: 'measured', color: COLORS[0] ?? '', values: history.map((one) => one.value)}, {name: 'at least', color: COLORS[7] ?? '', values: history.map((one) => one.low)}, {name: 'at most', color: COLORS[7] ?? '', values: history.map((one) => one.high)}]} />
        </Card>
      ) : null}
      {of.metrics ? (
        <Card title="What was counted" wide>
          <Table label="Metrics" head={['', 'Control', 'Variant', 'Difference', 'Interval', 'p', '']} rows={of.metrics.map((one) => [
            <><b>{NAMES[one.name] ?? one.name}</b>{one.goal ? <small>the goal</small> : one.guardrail ? <small>must not get worse</small> : null}</>, inUnit(one.unit, one.control), inUnit(one.unit, one.variant),
            one.difference ? signed(one.difference.relative) : 'too early', one.difference ? `${signed(one.difference.relative_low)} to ${signed(one.difference.relative_high)}` : '', one.difference ? one.difference.p.toFixed(3) : '',
            one.broken ? <span class="tag bad-tag">worse</span> : one.difference?.significant ? <span class="tag">certain</span> : ''])} />
          {of.sample_ratio ? <p class="fine">{of.sample_ratio.mismatch ? <span class="bad">Shoppers are not shared out as they should be: these numbers cannot be trusted.</span> : `Shared out ${percent(of.sample_ratio.observed)} to the variant, ${percent(of.sample_ratio.expected)} were meant.`}</p> : null}
        </Card>
      ) : null}
      {of.preference ? <Card title="Preference" wide><p>The variant wins {percent(of.preference.value)} of the pages that were answered ({percent(of.preference.low)} to {percent(of.preference.high)}, p {of.preference.p.toFixed(3)}); half would be no difference.</p></Card> : null}
    </>
  );
}

export function OneExperiment({name}: {name: string}): VNode {
  const path = `/api/v1/experiments/${encodeURIComponent(name)}`;
  const one = useLoad(() => json<Experiment>('GET', path).catch((error: unknown) => {
    if (error instanceof ApiError && error.status === 404) return null;
    throw error;
  }), [name]);
  const [sure, setSure] = useState('');
  const work = useDo();
  useEffect(() => {
    const timer = window.setInterval(() => one.again(), 4000);
    return () => window.clearInterval(timer);
  }, []);
  const act = (what: string, said: string): void => work.run(async () => {
    await json('POST', `${path}/${what}`);
    setSure('');
    one.again();
    return said;
  });
  return (
    <View title={name} lead={<a href="#/experiments">all experiments</a>}>
      <Waiting of={one}>{(now) => !now ? <Card title="It is not there" wide><Empty>There is no experiment of this name.</Empty></Card> : (
        <>
          <Card title={STATES[now.state] ?? now.state} note={[now.note, `${PAGES[now.on] ?? now.on}: ${KINDS[now.kind] ?? now.kind}`, `goal: ${GOALS[now.goal] ?? now.goal}`, now.started_ms ? `begun ${when(now.started_ms)}` : ''].filter(Boolean).join('; ')} wide>
            <p>{verdictTag(now.results)} {now.results?.reason ?? 'Nothing is counted before it is started.'}</p>
            {now.stopped_because ? <p class="fine">Stopped: {now.stopped_because}</p> : null}
            <Table label="What differs" head={['Setting', `Control, version ${now.control.settings_version}`, `Variant, version ${now.variant.settings_version}`]} rows={now.changes.map((each) => [<b>{each.name}</b>, <code>{short(each.before)}</code>, <code>{short(each.after)}</code>])} />
            {mayChange() ? (
              <div class="buttons">
                {now.state === 'draft' || now.state === 'stopped' ? <button type="button" class="solid" disabled={work.busy} onClick={() => act('start', 'It runs: shoppers are shared out from the next page on.')}>{now.state === 'draft' ? 'Start' : 'Start again'}</button> : null}
                {now.state === 'running' ? <button type="button" class="solid" disabled={work.busy} onClick={() => act('stop', 'Stopped: everybody gets what is published.')}>Stop</button> : null}
                {now.state === 'running' || now.state === 'stopped' ? sure === 'ship' ? <><button type="button" class="danger" disabled={work.busy} onClick={() => act('ship', 'The variant is published.')}>Publish version {now.variant.settings_version} for everybody</button><button type="button" class="plain" onClick={() => setSure('')}>Leave it</button></> : <button type="button" class="line" onClick={() => setSure('ship')}>Ship the variant …</button> : null}
                {now.state !== 'running' ? <button type="button" class="plain" onClick={() => work.run(async () => {
                  await json('DELETE', path);
                  location.hash = '#/experiments';
                })}>Remove</button> : null}
              </div>
            ) : null}
            <Said what={work} />
          </Card>
          {now.results ? <div class="spaced"><Measured of={now.results} /></div> : null}
        </>
      )}</Waiting>
    </View>
  );
}

export function Experiments(): VNode {
  const all = useLoad(() => json<{experiments: Experiment[]}>('GET', '/api/v1/experiments'), []);
  const [fresh, setFresh] = useState(false);
  return (
    <View title="Experiments" lead="Two versions of the settings on real searches or recommendations. The intervals hold at every look, so one may stop whenever they say enough."
      tools={mayChange() && !fresh ? <button type="button" class="solid" onClick={() => setFresh(true)}>New experiment</button> : null}>
      {fresh ? <Define done={(name) => {
        location.hash = `#/experiments/${encodeURIComponent(name)}`;
      }} /> : null}
      <Card title="All" wide>
        <Waiting of={all}>{({experiments}) => experiments.length === 0 ? <Empty>None yet. Stage a version under <a href="#/relevance">Relevance</a>, and try it on some of the shoppers.</Empty> : (
          <Table label="Experiments" head={['Experiment', 'State', 'Goal', 'Verdict', 'Begun']} rows={experiments.map((one) => [
            <a class="what" href={`#/experiments/${encodeURIComponent(one.name)}`}>{one.name}{one.note ? <small>{one.note}</small> : null}</a>, STATES[one.state] ?? one.state, GOALS[one.goal] ?? one.goal, verdictTag(one.results), one.started_ms ? when(one.started_ms) : '–'])} />
        )}</Waiting>
      </Card>
    </View>
  );
}
