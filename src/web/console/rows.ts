// Files of rows as a browser reads them: CSV, TSV and JSON lines, plain or gzip, as a stream, so that a file of
// gigabytes costs no more memory than a piece of it. What becomes of the rows is the server's business.

export type Format = 'csv' | 'tsv' | 'jsonl' | 'json';
export interface Row {
  line: number;  // Of the file, from 1, where the row begins.
  text: string;  // As it stands there.
  values: Record<string, unknown>;
  wrong?: string;  // Why it is no row.
}
export interface Table {
  format: Format;
  delimiter: string;
  columns: string[];
  rows: AsyncGenerator<Row[]>;
  read: () => number;  // Bytes of the file so far, as stored.
}

const LINE_MAX = 1 << 20;
const DOCUMENT_MAX = 64 << 20;

// A text, piece by piece, cut into records: quoted fields of a table may hold line ends.
export class Splitter {
  private rest = '';
  private quoted = false;
  private at = 0;  // Of `rest`, up to which it has been looked through.
  private line = 1;
  constructor(private readonly quotes: boolean) {}

  push(piece: string, last: boolean): {line: number; text: string}[] {
    this.rest += piece;
    const out: {line: number; text: string}[] = [];
    let begin = 0, line = this.line, lines = 0, i = this.at;
    for (; i < this.rest.length; ++i) {
      const c = this.rest.charCodeAt(i);
      if (c === 34 && this.quotes) this.quoted = !this.quoted;
      if (c !== 10) continue;
      ++lines;
      if (this.quoted && i - begin < LINE_MAX) continue;
      this.quoted = false;
      out.push({line, text: this.rest.slice(begin, this.rest.charCodeAt(i - 1) === 13 && i > begin ? i - 1 : i)});
      begin = i + 1;
      line = this.line + lines;
    }
    if (last && begin < this.rest.length) {
      out.push({line, text: this.rest.slice(begin).replace(/\r$/, '')});
      begin = this.rest.length;
    }
    this.rest = this.rest.slice(begin);
    this.at = this.rest.length;
    this.line = line;
    if (this.rest.length > 4 * LINE_MAX) throw new Error(`line ${line}: longer than ${LINE_MAX} characters; is this a file of rows?`);
    return out.filter((one) => one.text.trim() !== '');
  }
}

// One record of a table (RFC 4180: a quote within quotes is doubled).
export function fields(text: string, delimiter: string): string[] {
  if (!text.includes('"')) return text.split(delimiter);
  const out: string[] = [];
  let i = 0;
  for (;;) {
    if (text[i] === '"') {
      let value = '';
      for (++i; i < text.length; ++i) {
        if (text[i] !== '"') value += text[i];
        else if (text[i + 1] === '"') value += text[++i];
        else break;
      }
      const end = text.indexOf(delimiter, i);
      out.push(value);
      if (end < 0) return out;
      i = end + 1;
    } else {
      const end = text.indexOf(delimiter, i);
      out.push(text.slice(i, end < 0 ? undefined : end));
      if (end < 0) return out;
      i = end + 1;
    }
  }
}

const often = (text: string, one: string): number => text.split(one).length - 1;

export function guess(name: string, head: string): {format: Format; delimiter: string} {
  const first = head.trimStart();
  if (first.startsWith('{')) return {format: 'jsonl', delimiter: ''};
  if (first.startsWith('[')) return {format: 'json', delimiter: ''};
  const line = head.slice(0, head.search(/\n|$/));
  if (/\.tsv(\.gz)?$/i.test(name)) return {format: 'tsv', delimiter: '\t'};
  const delimiter = [',', '\t', ';', '|'].reduce((best, one) => (often(line, one) > often(line, best) ? one : best), ',');
  return {format: delimiter === '\t' ? 'tsv' : 'csv', delimiter};
}

function object(text: string, line: number): Row {
  try {
    const values: unknown = JSON.parse(text);
    if (typeof values === 'object' && values !== null && !Array.isArray(values)) return {line, text, values: values as Record<string, unknown>};
    return {line, text, values: {}, wrong: 'expected an object {…}'};
  } catch (error) {
    return {line, text, values: {}, wrong: `no JSON: ${(error as Error).message}`};
  }
}

function tableRow(columns: string[], delimiter: string, line: number, text: string): Row {
  const cells = fields(text, delimiter);
  if (cells.length !== columns.length) return {line, text, values: {}, wrong: `${cells.length} columns, the header has ${columns.length}`};
  return {line, text, values: Object.fromEntries(columns.map((name, i) => [name, cells[i] ?? '']))};
}

// Opens the file anew; its rows come in portions, as it is read.
export async function open(file: File): Promise<Table> {
  let bytes = 0;
  const counted = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({transform(piece, to) {
    bytes += piece.byteLength;
    to.enqueue(piece);
  }});
  const magic = new Uint8Array(await file.slice(0, 2).arrayBuffer());
  const zipped = magic[0] === 0x1f && magic[1] === 0x8b;
  const plain = file.stream().pipeThrough(counted);
  const reader = (zipped ? plain.pipeThrough(new DecompressionStream('gzip')) : plain).pipeThrough(new TextDecoderStream()).getReader();
  let head = '', done = false;
  while (!done && head.length < 65_536) {
    const piece = await reader.read();
    done = piece.done;
    head += piece.value ?? '';
  }
  head = head.replace(/^\uFEFF/, '');
  if (head.trim() === '') throw new Error('The file is empty.');
  const kind = guess(file.name, head);
  const table = kind.format === 'csv' || kind.format === 'tsv';
  const split = new Splitter(table);
  let waiting = kind.format === 'json' ? [] : split.push(head, done);
  let columns: string[] = [];
  if (table) {
    const header = waiting.shift();
    columns = fields(header?.text ?? '', kind.delimiter).map((one, i) => one.trim() || `column ${i + 1}`);
    const twice = columns.find((one, i) => columns.indexOf(one) !== i);
    if (twice !== undefined) throw new Error(`The header names “${twice}” twice.`);
  }
  const row = (one: {line: number; text: string}): Row => table ? tableRow(columns, kind.delimiter, one.line, one.text) : object(one.text, one.line);

  async function* document(): AsyncGenerator<Row[]> {
    let all = head;
    for (let more = !done; more;) {
      const piece = await reader.read();
      more = !piece.done;
      all += piece.value ?? '';
      if (all.length > DOCUMENT_MAX) throw new Error('A list of this size is better sent as JSON lines: one object a line.');
    }
    const list: unknown = JSON.parse(all);
    if (!Array.isArray(list)) throw new Error('Expected a list of objects.');
    const rows = list.map((one: unknown, i): Row => object(JSON.stringify(one), i + 1));
    for (let i = 0; i < rows.length; i += 1000) yield rows.slice(i, i + 1000);
  }
  async function* lines(): AsyncGenerator<Row[]> {
    yield waiting.map(row);
    waiting = [];
    for (let more = !done; more;) {
      const piece = await reader.read();
      more = !piece.done;
      const rows = split.push(piece.value ?? '', piece.done).map(row);
      if (rows.length) yield rows;
    }
  }
  return {...kind, columns, rows: kind.format === 'json' ? document() : lines(), read: () => bytes};
}
