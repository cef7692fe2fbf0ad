// What the learned ranker serves: what is live, the test that everything new has to pass, what happened, and the versions
// to go back to.
import type {VNode} from 'preact';
import {useEffect, useState} from 'preact/hooks';
import {json} from '../shared/api';
import {count} from '../shared/text';
import {Card, Empty, Said, Stat, Table, mayChange, useDo, useLoad, when} from './parts';

interface Note {
  offset: number;
  time_ms: number;
  what: string;
  version: number;
  text?: string;
}
interface Learner {
  learner: string;
  prior: number;
  caution: number;
}
interface Model extends Learner {
  name: string;
  mode: string;
  declared: Learner;
  promoted?: string;
  gate: boolean;
  live: number;
  good: number;
  candidate?: number;
  held: boolean;
  suspect: boolean;
  pages: number;
  published: number;
  refused: number;
  discarded: number;
  rollbacks: number;
  suspicions: number;
  drifts: number;
  test: {pages: number; of: number; candidate_worse: number; live_worse: number; proof_at: number; live_loss: number; difference: number};
  kinds: {name: string; pages: number; clicks: number; of: string; heard: boolean; evidence: number; believed: {linear: number; deep: number; sum: number}}[];
  challengers: {name: string; pages: number; difference: number; better: number; worse: number; proof_at: number; verdict: string; promote: boolean}[];
  notes: Note[];
}
interface Version {
  version: number;
  name?: string;
  live: boolean;
  good: boolean;
  imported: boolean;
  bytes: number;
  facts: Record<string, string>;
}

const PATH = '/api/v1/models/ranker';
const MODES: Record<string, string> = {event: 'with every lesson', batch: 'in batches', interval: 'at intervals', nightly: 'each night', hybrid: 'in batches, and led back each night'};
const NOTES: Record<string, string> = {
  publish: 'went live', worse: 'held', hold: 'stands still', rollback: 'rolled back', suspect: 'answers teach nothing', trusted: 'answers teach again', drift: 'drift', replay: 'led back', promote: 'promoted', configured: 'configured',
};

const VOICES = [['linear', 'the linear learner'], ['deep', 'the deep one'], ['sum', 'their sum']] as const;

const learner = (of: Learner): string => `${of.learner}, prior ${of.prior}, caution ${of.caution}`;

// How far the evidence has come towards proof, as a bar.
const Evidence = ({of, needed}: {of: number; needed: number}): VNode => (
  <span class="bar" title={`e^${of.toFixed(2)} to 1 of e^${needed.toFixed(2)}`}><i style={`width:${Math.round(100 * Math.min(1, Math.max(0, of / needed)))}%`} /></span>
);

// Another configuration that learns the same lessons and answers nobody: how it compares on clicked pages.
const Challenger = ({of, busy, promote}: {of: Model['challengers'][number]; busy: boolean; promote: () => void}): VNode => (
  <dl class="facts">
    <dt>Challenger</dt><dd><b>{of.name}</b>, compared on {count(of.pages)} clicked pages: {Math.abs(of.difference).toFixed(4)} nats a page {of.difference >= 0 ? 'better' : 'worse'}</dd>
    <dt>Evidence that it is better</dt><dd><Evidence of={of.better} needed={of.proof_at} /></dd>
    <dt>Evidence that it is worse</dt><dd><Evidence of={of.worse} needed={of.proof_at} /></dd>
    <dt>{of.verdict === 'better' ? 'It is proved better' : of.verdict === 'worse' ? 'It is proved worse' : 'Nothing is proved yet'}</dt>
    <dd>{of.promote ? 'It takes the place by itself when proved better.' : mayChange() ? <button type="button" class="plain" disabled={busy} onClick={promote}>Promote {of.name}</button> : ''}</dd>
  </dl>
);

export function Ranker(): VNode | null {
  const models = useLoad(() => json<{models: Model[]}>('GET', '/api/v1/models'), []);
  const versions = useLoad(() => (mayChange() ? json<{versions: Version[]}>('GET', `${PATH}/versions`) : Promise.resolve({versions: []})), []);
  const [name, setName] = useState('');
  const work = useDo();
  useEffect(() => {
    const timer = window.setInterval(() => {
      models.again();
      versions.again();
    }, 4000);
    return () => window.clearInterval(timer);
  }, []);
  const of = models.data?.models[0];
  if (!of) return null;
  const act = (path: string, said: string, body: unknown = {}): void => work.run(async () => {
    await json('POST', `${PATH}${path}`, body);
    models.again();
    versions.again();
    return said;
  });
  const buttons = (one: Version): VNode => (
    <span class="buttons">
      {one.live ? null : <button type="button" class="plain" disabled={work.busy} onClick={() => act(`/versions/${one.version}/promote`, `Version ${one.version} is live.`)}>Promote</button>}
      {one.name
        ? <button type="button" class="plain" disabled={work.busy} onClick={() => act(`/versions/${one.version}/unpin`, `Version ${one.version} goes when it is old.`)}>Unpin</button>
        : <button type="button" class="plain" disabled={work.busy || name === ''} onClick={() => act(`/versions/${one.version}/pin`, `Version ${one.version} is kept as ${name}.`, {name})}>Pin</button>}
    </span>
  );
  return (
    <Card title="The ranker" note={`what it learns of pages goes live ${MODES[of.mode] ?? of.mode}${of.gate ? ', when it is not worse' : ', unjudged'}`} wide>
      <div class="stats">
        <Stat name="version that is live" value={of.live} />
        <Stat name="last good version" value={of.good || '–'} />
        <Stat name={of.suspect ? 'answers teach nothing: nothing goes live' : of.held ? 'nothing new goes live' : 'learning goes live'} value={of.suspect ? 'suspect' : of.held ? 'held' : 'yes'} />
        <Stat name="clicked pages it was judged by" value={count(of.pages)} />
        <Stat name="held" value={count(of.refused)} />
        <Stat name="left undecided" value={count(of.discarded)} />
        <Stat name="rolled back" value={count(of.rollbacks)} />
        <Stat name="drift alarms" value={count(of.drifts)} />
      </div>
      <dl class="facts">
        <dt>Who is asked</dt><dd>{learner(of)}{of.promoted ? <> – of challenger <b>{of.promoted}</b>; the settings say {learner(of.declared)}, which holds again when they do not name it</> : null}</dd>
        <dt>This window</dt><dd>{count(of.test.pages)} of {count(of.test.of)} clicked pages</dd>
        <dt>Evidence that the candidate is worse</dt><dd>{of.candidate ? <Evidence of={of.test.candidate_worse} needed={of.test.proof_at} /> : 'there is none'}</dd>
        <dt>Evidence that live is worse than the last good one</dt><dd><Evidence of={of.test.live_worse} needed={of.test.proof_at} /></dd>
      </dl>
      <Table label="Pages that the ranker orders" head={['Pages', 'Shown', 'Clicks', 'Heard', 'Evidence that it orders better', 'Believed']} rows={of.kinds.map((one) => [
        one.name, count(one.pages), count(one.clicks), one.heard ? (one.of === 'shopper' ? 'what it knows of the shopper' : 'yes') : 'not yet',
        `e^${one.evidence.toFixed(1)}`, VOICES.filter(([voice]) => one.believed[voice] >= 0.005).map(([voice, said]) => `${said} ${Math.round(100 * one.believed[voice])} %`).join(', '),
      ])} />
      {of.challengers.map((one) => <Challenger key={one.name} of={one} busy={work.busy} promote={() => act('/challenger/promote', `What ${one.name} has learned answers from now on.`, {name: one.name})} />)}
      {of.notes.length === 0 ? <Empty>Nothing has happened yet.</Empty> : (
        <Table label="What happened to the ranker" head={['When', 'What', 'Live then', '']} rows={of.notes.slice(0, 12).map((one) => [when(one.time_ms), NOTES[one.what] ?? one.what, one.version, <span class="wrap">{one.text ?? ''}</span>])} />
      )}
      {mayChange() ? (
        <>
          <div class="row-form">
            <label class="grow">Name to pin under <input value={name} maxLength={64} pattern="[A-Za-z0-9_.\-]+" placeholder="before-the-sale" onInput={(event) => setName(event.currentTarget.value)} /></label>
            <button type="button" class="solid" disabled={work.busy || of.good === 0} onClick={() => act('/rollback', 'The last good version is live.')}>Roll back to {of.good || 'the last good version'}</button>
          </div>
          <Said what={work} />
          {(versions.data?.versions.length ?? 0) === 0 ? <Empty>No version is kept yet: at most one an hour, when it has proved good.</Empty> : (
            <Table label="Versions of the ranker" head={['Version', 'Kept', 'Event time', 'Log loss', 'Lessons', '', '']} rows={(versions.data?.versions ?? []).map((one) => [
              one.version, one.name ?? '', when(Number(one.facts.time_ms)), one.facts.log_loss ?? '–', count(Number(one.facts.lessons)),
              <>{one.live ? <span class="tag">live</span> : null}{one.good ? <span class="tag">good</span> : null}{one.imported ? <span class="tag">imported</span> : null}</>, buttons(one),
            ])} />
          )}
        </>
      ) : null}
    </Card>
  );
}
