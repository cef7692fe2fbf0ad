// A file of products or events from the operator's own disk: looked at, mapped, checked, sent; every refused row with
// its reason. The file is read in the browser piece by piece and goes through the same doors as everything else.
import type {VNode} from 'preact';
import {useEffect, useRef, useState} from 'preact/hooks';
import {type Taken, deliver} from '../shared/api';
import {count} from '../shared/text';
import {AS_IT_IS, FIELDS, type Kind, LEFT_OUT, type Mapping, TYPES, fault, guessKind, guessMapping, toBody, troubles} from './mapping';
import {Card, Stat, Table, View, words} from './parts';
import {type Row, open} from './rows';

const BATCH = 1000;
const LISTED = 100;  // Refusals that an answer names.
const KEPT = 20_000;
const ROWS_SHOWN = 50;

interface Look {
  file: File;
  format: string;
  columns: string[];
  rows: Row[];  // The first few.
}
interface Refusal {
  line: number;
  text: string;
  why: string;
}
interface Run {
  check: boolean;
  state: 'running' | 'done' | 'stopped' | 'failed';
  rows: number;
  taken: number;
  known: number;
  refused: number;
  share: number;
  seconds: number;
  refusals: Refusal[];
  trouble?: string;
}

const reason = (one: Taken['errors'][number]): string =>
  `${one.field ? `${one.field}: ` : ''}${one.expected ? `expected ${one.expected}` : one.reason}${one.got ? `, got ${one.got}` : ''}`;

async function look(file: File): Promise<Look> {
  const table = await open(file);
  const rows: Row[] = [];
  for await (const some of table.rows) {
    rows.push(...some.slice(0, 50 - rows.length));
    if (rows.length >= 50) break;
  }
  if (rows.length === 0) throw new Error('The file has a header, but no rows.');
  const columns = table.columns.length ? table.columns : [...new Set(rows.flatMap((one) => Object.keys(one.values)))];
  if (columns.length === 0) throw new Error(`The first rows are none: ${rows[0]?.wrong ?? ''}`);
  return {file, format: table.format, columns, rows};
}

const listed = (all: Refusal[]): string =>
  `line\treason\trow\n${all.map((one) => `${one.line}\t${one.why.replaceAll(/[\t\r\n]/g, ' ')}\t${one.text.replaceAll(/[\t\r\n]/g, ' ')}\n`).join('')}`;

function save(name: string, text: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([text], {type: 'text/tab-separated-values'}));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

// Sends what the rows stand for, or has it checked only. Calls `on` with how far it is.
async function send(file: File, kind: Kind, mapping: Mapping, type: string, check: boolean, signal: AbortSignal, on: (run: Run) => void): Promise<void> {
  const begun = performance.now();
  const run: Run = {check, state: 'running', rows: 0, taken: 0, known: 0, refused: 0, share: 0, seconds: 0, refusals: []};
  const refuse = (row: Row, why: string): void => {
    run.refused += 1;
    if (run.refusals.length < KEPT) run.refusals.push({line: row.line, text: row.text, why});
  };
  const path = `/api/v1/${kind === 'products' ? 'items' : 'events'}?source=import${kind === 'events' ? '&history=true' : ''}${check ? '&check=true' : ''}`;
  try {
    const table = await open(file);
    const isTable = table.columns.length > 0;
    const batch = async (rows: Row[]): Promise<void> => {
      const good: Row[] = [];
      let body = '';
      for (const row of rows) {
        const one = row.wrong === undefined ? toBody(kind, mapping, type, isTable, row) : {};
        const wrong = row.wrong ?? fault(kind, one);
        if (wrong !== undefined) {
          refuse(row, wrong);
          continue;
        }
        good.push(row);
        body += `${JSON.stringify(one)}\n`;
      }
      if (good.length === 0) return;
      const taken = await deliver(path, body, signal);
      // A check keeps nothing, so that it can be asked again in smaller pieces until every refusal is named.
      if (check && taken.rejected > taken.errors.length && good.length > LISTED) {
        for (let i = 0; i < good.length; i += LISTED) await batch(good.slice(i, i + LISTED));
        return;
      }
      run.taken += taken.accepted;
      run.known += taken.duplicates;
      for (const one of taken.errors) {
        const row = good[one.index];
        if (row) refuse(row, reason(one));
      }
      run.refused += taken.rejected - taken.errors.length;
    };
    let waiting: Row[] = [];
    for await (const some of table.rows) {
      waiting.push(...some);
      while (waiting.length >= BATCH) {
        if (signal.aborted) break;
        await batch(waiting.slice(0, BATCH));
        waiting = waiting.slice(BATCH);
        run.rows += BATCH;
        on({...run, share: file.size ? table.read() / file.size : 0, seconds: (performance.now() - begun) / 1000});
      }
      if (signal.aborted) break;
    }
    if (!signal.aborted) {
      await batch(waiting);
      run.rows += waiting.length;
      run.share = 1;
    }
    run.state = signal.aborted ? 'stopped' : 'done';
  } catch (error) {
    run.state = signal.aborted ? 'stopped' : 'failed';
    if (!signal.aborted) run.trouble = words(error);
  }
  on({...run, seconds: (performance.now() - begun) / 1000});
}

const verdict = (run: Run): string => {
  const rate = run.seconds > 0 ? ` (${count(run.rows / run.seconds)} rows a second)` : '';
  if (run.state === 'running') return run.check ? 'Checking …' : 'Sending …';
  if (run.state === 'stopped') return `Stopped after ${count(run.rows)} rows.`;
  if (run.state === 'failed') return `Ended after ${count(run.rows)} rows: ${run.trouble}`;
  const all = run.refused === 0 ? 'Every row is good.' : `${count(run.refused)} of ${count(run.rows)} rows would be refused.`;
  return run.check ? `${all} Nothing was kept${rate}.` : `Done in ${run.seconds.toFixed(1)} s${rate}; answers know of it.`;
};

function Report({run, name}: {run: Run; name: string}): VNode {
  return (
    <>
      <div class="progress" role="progressbar" aria-label={run.check ? 'Checked' : 'Sent'} aria-valuemin={0} aria-valuemax={100} aria-valuenow={Math.round(100 * run.share)}><i style={`width:${100 * run.share}%`} /></div>
      <div class="stats flat">
        <Stat name="rows read" value={count(run.rows)} />
        <Stat name={run.check ? 'good' : 'taken'} value={count(run.taken)} />
        <Stat name="known already" value={count(run.known)} />
        <Stat name={run.check ? 'would be refused' : 'refused'} value={count(run.refused)} />
      </div>
      <p class="said" role="status"><span class={run.state === 'failed' || (run.state === 'done' && run.refused > 0 && run.taken + run.known === 0) ? 'bad' : ''}>{verdict(run)}</span></p>
      {run.refusals.length > 0 ? (
        <>
          <Table label="Refused rows" head={['Line', 'Why', 'Row']} rows={run.refusals.slice(0, ROWS_SHOWN).map((one) => [<code>{one.line}</code>, one.why, <code class="clip">{one.text}</code>])} />
          <div class="buttons">
            <button type="button" class="line" onClick={() => save(`${name}.refused.tsv`, listed(run.refusals))}>Download the refused rows ({count(run.refusals.length)})</button>
            <small>{run.refusals.length > ROWS_SHOWN ? `the first ${ROWS_SHOWN} are shown; ` : ''}{run.refused > run.refusals.length ? `${count(run.refused - run.refusals.length)} more are only counted; ` : ''}
              {run.check ? 'nothing was kept' : <>what the server refused also waits under <a href="#/refused">Refused events</a></>}</small>
          </div>
        </>
      ) : null}
    </>
  );
}

export function Import(): VNode {
  const [file, setFile] = useState<Look | undefined>(undefined);
  const [trouble, setTrouble] = useState('');
  const [kind, setKind] = useState<Kind>('products');
  const [mapping, setMapping] = useState<Mapping>({});
  const [type, setType] = useState('');
  const [run, setRun] = useState<Run | undefined>(undefined);
  const [over, setOver] = useState(false);
  const stop = useRef(new AbortController());
  useEffect(() => () => stop.current.abort(), []);
  const choose = (given: File | undefined): void => {
    if (!given) return;
    setTrouble('');
    setRun(undefined);
    look(given).then((found) => {
      const guessed = guessKind(found.columns);
      setFile(found);
      setKind(guessed);
      setMapping(guessMapping(guessed, found.columns));
      setType('');
    }, (error: unknown) => {
      setFile(undefined);
      setTrouble(`${given.name}: ${words(error)}`);
    });
  };
  const change = (wanted: Kind): void => {
    setKind(wanted);
    setRun(undefined);
    if (file) setMapping(guessMapping(wanted, file.columns));
  };
  const begin = (check: boolean): void => {
    if (!file) return;
    stop.current = new AbortController();
    void send(file.file, kind, mapping, type, check, stop.current.signal, setRun);
  };
  const wrong = file ? troubles(kind, mapping, type) : [];
  const running = run?.state === 'running';
  const checked = run?.check === true && run.state === 'done' && run.taken + run.known > 0;
  const first = file?.rows.find((one) => one.wrong === undefined);
  return (
    <View title="Import" lead="Products or events from a file on this computer. It is looked at and mapped here, can be checked without keeping anything, and every row that is refused says why.">
      <Card title="1. The file" note="CSV, TSV, JSON lines or a list in JSON; plain or gzip" wide>
        <label class={`drop${over ? ' over' : ''}`} onDragOver={(event) => {
          event.preventDefault();
          setOver(true);
        }} onDragLeave={() => setOver(false)} onDrop={(event) => {
          event.preventDefault();
          setOver(false);
          choose(event.dataTransfer?.files[0]);
        }}>
          <span><b>{file ? file.file.name : 'Choose a file'}</b><small>{file ? `${(file.file.size / 1024).toLocaleString('en', {maximumFractionDigits: 0})} KB, ${file.format.toUpperCase()}, ${file.columns.length} columns` : 'or drop it here; nothing is sent until you say so'}</small></span>
          <input type="file" aria-label="File" disabled={running} accept=".csv,.tsv,.txt,.json,.jsonl,.ndjson,.gz" onChange={(event) => choose(event.currentTarget.files?.[0])} />
        </label>
        {trouble ? <p class="trouble" role="alert">{trouble}</p> : null}
      </Card>
      {file ? (
        <Card title="2. What its columns mean" note="guessed from their names; change what is wrong" wide>
          <div class="row-form">
            <label>In the file are <select value={kind} disabled={running} onChange={(event) => change(event.currentTarget.value as Kind)}><option value="products">products</option><option value="events">events of shoppers</option></select></label>
            {kind === 'events' && !Object.values(mapping).includes('type') ? (
              <label>Every row is a <select value={type} disabled={running} onChange={(event) => setType(event.currentTarget.value)}><option value="">choose …</option>{TYPES.map((one) => <option>{one}</option>)}</select></label>
            ) : null}
          </div>
          <Table label="Columns" head={['Column', 'For example', 'Becomes']} rows={file.columns.map((column) => [
            <b class="wrap">{column}</b>,
            <span class="clip soft">{[...new Set(file.rows.map((one) => one.values[column]).filter((one) => one !== undefined && one !== '' && one !== null).map((one) => (typeof one === 'string' ? one : JSON.stringify(one))))].slice(0, 3).join(' · ') || 'nothing in the first rows'}</span>,
            <select aria-label={`${column} becomes`} value={mapping[column] ?? AS_IT_IS} disabled={running} onChange={(event) => {
              setMapping({...mapping, [column]: event.currentTarget.value});
              setRun(undefined);
            }}>
              {Object.keys(FIELDS[kind]).map((one) => <option>{one}</option>)}
              <option value={AS_IT_IS}>attribute of its name</option>
              <option value={LEFT_OUT}>left out</option>
            </select>,
          ])} />
          {wrong.length ? <ul class="note-box">{wrong.map((one) => <li>{one}</li>)}</ul> : null}
          {first ? <details class="more"><summary>The first row, as the server gets it</summary><pre tabIndex={0} aria-label="First row"><code>{JSON.stringify(toBody(kind, mapping, type, file.format === 'csv' || file.format === 'tsv', first), undefined, 2)}</code></pre></details> : null}
        </Card>
      ) : null}
      {file ? (
        <Card title="3. Check, then import" note={kind === 'events' ? 'history may be any age; it is learned in the order of the file' : 'a product of the same id is replaced'} wide>
          <div class="buttons">
            <button type="button" class={checked ? 'line' : 'solid'} disabled={running || wrong.length > 0} onClick={() => begin(true)}>Check all rows</button>
            <button type="button" class={checked ? 'solid' : 'line'} disabled={running || wrong.length > 0} onClick={() => begin(false)}>Import</button>
            {running ? <button type="button" class="plain" onClick={() => stop.current.abort()}>Stop</button> : null}
          </div>
          {run ? <Report run={run} name={file.file.name} /> : null}
          {run && !run.check && run.state === 'done' && run.taken > 0 ? <p class="fine">{kind === 'products' ? <a href="#/catalogue">Look at the catalogue</a> : <a href="#/recommendations">Look at what is recommended</a>}</p> : null}
        </Card>
      ) : null}
    </View>
  );
}
