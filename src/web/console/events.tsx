// Events as they come, and those that were refused: why, put right, sent again.
import type {VNode} from 'preact';
import {useEffect, useState} from 'preact/hooks';
import {type LiveEvent, json, raw} from '../shared/api';
import {count} from '../shared/text';
import {Card, Empty, Said, Table, View, Waiting, useDo, useLoad, when} from './parts';

export function Events({events}: {events: LiveEvent[]}): VNode {
  const [paused, setPaused] = useState<LiveEvent[] | undefined>(undefined);
  const shown = paused ?? events;
  return (
    <View title="Events" lead="As the fold takes them, a few dozen a second at most; the log has all of them."
      tools={<button type="button" class="line" aria-pressed={paused !== undefined} onClick={() => setPaused(paused ? undefined : events)}>{paused ? 'Go on' : 'Hold still'}</button>}>
      <Card title="Newest first" wide>
        {shown.length === 0 ? <Empty>Nothing has come since this page was opened. Click around in the shop, or send a test event under Connect.</Empty> : (
          <Table label="Events" head={['Offset', 'Type', 'Shopper', 'Item or query', 'When']} rows={shown.map((one) => [
            <code>{one.offset}</code>, <span class={`tag t-${one.type}`}>{one.type}</span>, one.user ? <a href={`#/profiles/${encodeURIComponent(one.user)}`}>{one.user}</a> : '–',
            one.item ?? (one.query ? `“${one.query}”` : one.shown ? `${one.shown.length} shown` : ''), when(one.time_ms)])} />
        )}
      </Card>
    </View>
  );
}

interface Letter {
  number: number;
  reason: string;
  field?: string;
  expected?: string;
  got?: string;
  source: string;
  raw: string;
  time_ms: number;
  attempts: number;
  truncated: boolean;
}

function LetterRow({letter, done}: {letter: Letter; done: () => void}): VNode {
  const [body, setBody] = useState(letter.raw);
  const work = useDo();
  const path = `/api/v1/dead-letters/${letter.number}`;
  useEffect(() => setBody(letter.raw), [letter.raw]);
  return (
    <li class="letter">
      <p><span class="tag bad-tag">{letter.reason}</span> <b>{letter.field}</b> expected {letter.expected ?? 'something else'}{letter.got ? <>, got <code>{letter.got}</code></> : null}</p>
      <textarea class="code" rows={Math.min(8, 1 + Math.ceil(body.length / 90))} spellcheck={false} aria-label={`Event ${letter.number}`} value={body} onInput={(event) => setBody(event.currentTarget.value)} />
      <div class="buttons">
        <button type="button" class="solid" disabled={work.busy || letter.truncated} onClick={() => work.run(async () => {
          if (body !== letter.raw) await raw('PUT', path, body);
          await json('POST', `${path}/replay`);
          done();
          return 'Taken; it has been learned from.';
        })}>{body === letter.raw ? 'Send again' : 'Put right and send again'}</button>
        <button type="button" class="plain" disabled={work.busy} onClick={() => work.run(async () => {
          await json('DELETE', path);
          done();
        })}>Throw away</button>
        <small>number {letter.number}, from {letter.source}, {when(letter.time_ms)}{letter.attempts ? `, tried ${letter.attempts} times` : ''}{letter.truncated ? ', too long to be kept whole' : ''}</small>
      </div>
      <Said what={work} />
    </li>
  );
}

export function Letters(): VNode {
  const counts = useLoad(() => json<{letters: number; dropped: number; by_reason: Record<string, number>}>('GET', '/api/v1/dead-letters/counts'), []);
  const list = useLoad(() => json<{letters: Letter[]}>('GET', '/api/v1/dead-letters?limit=50'), []);
  const work = useDo();
  const again = (): void => {
    counts.again();
    list.again();
  };
  return (
    <View title="Refused events" lead="Nothing that came is lost: what could not be taken waits here with its reason, to be put right and sent again."
      tools={(list.data?.letters.length ?? 0) > 0 ? <button type="button" class="line" disabled={work.busy} onClick={() => work.run(async () => {
        await json('POST', '/api/v1/dead-letters/replay');
        again();
        return 'All were sent again; what is still wrong stays here.';
      })}>Send all again</button> : null}>
      <Said what={work} />
      <Waiting of={counts}>{(of) => of.letters === 0 ? null : <ul class="legend">{Object.entries(of.by_reason).map(([reason, n]) => <li><span class="tag bad-tag">{reason}</span> <b>{count(n)}</b></li>)}</ul>}</Waiting>
      <Waiting of={list}>{({letters}) => letters.length === 0 ? <Empty>No event has been refused.</Empty> : <ul class="letters">{letters.map((one) => <LetterRow key={one.number} letter={one} done={again} />)}</ul>}</Waiting>
    </View>
  );
}
