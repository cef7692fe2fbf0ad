// The HTTP API as this page uses it (docs/openapi.yaml has all of it). Same origin only.

export interface Recommendation {
  item: string;
  score: number;
  title?: string;
  price?: number;
  reason: string;
  source?: string;
  reason_kind?: string;
  reason_item?: string;
  explain?: Part[];
}

// A piece of a score; the pieces add up to it.
export interface Part {
  part: string;
  value: number;
  detail?: string;
  evidence?: Record<string, number>;
}

export interface Page {
  query_id: string;
  surface: string;
  items: Recommendation[];
  state_offset?: number;
  context_steps?: number;
}

export interface Item {
  id: string;
  title?: string;
  price?: number;
  available: boolean;
  facets: string[];
  attributes: Record<string, unknown>;
}

export interface SourceStatus {
  name: string;
  log_loss: number;
  share: number;
}

export interface Point {
  wall_ms: number;
  events_per_second: number;
  requests_per_second: number;
  share: number[];
  log_loss: number[];
}

export interface Status {
  version: string;
  ready: boolean;
  uptime_s: number;
  log: {end: number; applied: number; lag: number};
  state: {items: number; shoppers: number};
  sources: SourceStatus[];
  recommended: number;
  freshness_ms: {p50: number | null; p99: number | null};
  curves?: Point[];
  memory?: {resident_bytes: number};
}

export interface LiveEvent {
  offset: number;
  type: string;
  time_ms: number;
  user?: string;
  item?: string;
  query?: string;
  surface?: string;
  shown?: string[];
}

export interface ShopEvent {
  type: string;
  user: string;
  session: string;
  item?: string;
  query_id?: string;
  surface?: string;
  order_id?: string;
  price?: number;
  quantity?: number;
  currency?: string;
}

export class ApiError extends Error {
  constructor(readonly status: number, message: string) {
    super(message);
  }
}

const KEY = 'freshet-key';
export const keyOf = (): string => sessionStorage.getItem(KEY) ?? '';
export const setKey = (key: string): void => sessionStorage.setItem(KEY, key);

const messageOf = (body: {error?: {message?: string}; message?: string}): string | undefined => body.error?.message ?? body.message;

async function call(method: string, path: string, body?: unknown, signal?: AbortSignal, as_is?: string): Promise<Response> {
  const headers: Record<string, string> = {};
  const key = sessionStorage.getItem(KEY);
  if (key) headers[/^\/[12]\//.test(path) ? 'x-algolia-api-key' : 'x-api-key'] = key;
  if (body !== undefined || as_is !== undefined) headers['content-type'] = 'application/json';
  const init: RequestInit = {method, headers};
  if (body !== undefined) init.body = JSON.stringify(body);
  if (as_is !== undefined) init.body = as_is;
  if (signal) init.signal = signal;
  let response: Response;
  try {
    response = await fetch(path, init);
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(0, 'The server does not answer. Is it still running?');
  }
  if (!response.ok) {
    const text = await response.text();
    let message = text;
    try {
      message = messageOf(JSON.parse(text)) ?? text;
    } catch {
      // Not JSON: the text itself is what there is to say.
    }
    throw new ApiError(response.status, message || `HTTP ${response.status}`);
  }
  return response;
}

export async function json<T>(method: string, path: string, body?: unknown): Promise<T> {
  const answer = await (await call(method, path, body)).text();
  return (answer ? JSON.parse(answer) : undefined) as T;
}

export interface Ask {
  surface: string;
  user: string;
  session: string;
  items?: string[];
  k?: number;
  facet?: string;
  filter?: string;
  exclude?: string[];
}

// `record`: the page counts as shown (an impression); false for looks the shopper does not see.
export const recommend = (ask: Ask, record: boolean): Promise<Page> =>
  json<Page>('POST', '/api/v1/recommend', {...ask, explain: true, record});

export const trendingFacets = async (k: number): Promise<string[]> =>
  (await json<{facets: {facet: string}[]}>('GET', `/api/v1/recommend/trending?k=${k}`)).facets.map((f) => f.facet);

export const getItem = (id: string): Promise<Item> => json<Item>('GET', `/api/v1/items/${encodeURIComponent(id)}`);
export const getStatus = (): Promise<Status> => json<Status>('GET', '/api/v1/status?curves=true');

// Sends one event; the offset tells from which state on answers know of it.
export const send = (event: ShopEvent | ShopEvent[], source = 'console'): Promise<{offset?: number}> =>
  json<{offset?: number}>('POST', `/api/v1/events?source=${source}`, event);

// Follows the server-sent events of the stream until `signal` aborts; begins again when the connection ends.
// (EventSource cannot send an API key, hence by hand.)
export async function follow(
  on: {event: (event: LiveEvent) => void; status: (status: Status) => void; connected: (yes: boolean) => void},
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      const response = await call('GET', '/api/v1/stream', undefined, signal);
      if (!response.body) return;
      on.connected(true);
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      let pending = '';
      for (;;) {
        const {value, done} = await reader.read();
        if (done) break;
        pending += value;
        const messages = pending.split('\n\n');
        pending = messages.pop() ?? '';
        for (const message of messages) {
          const name = /^event: ?(.*)$/m.exec(message)?.[1];
          const data = [...message.matchAll(/^data: ?(.*)$/gm)].map((m) => m[1]).join('\n');
          if (name === 'event') on.event(JSON.parse(data) as LiveEvent);
          if (name === 'status') on.status(JSON.parse(data) as Status);
        }
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof ApiError && (error.status === 401 || error.status === 403)) throw error;
    }
    on.connected(false);
    await new Promise((resume) => setTimeout(resume, 1500));
  }
}

// What the server took of a body of rows, one a line; also when it took none of them.
export interface Taken {
  accepted: number;
  duplicates: number;
  rejected: number;
  errors: {index: number; reason: string; field?: string; expected?: string; got?: string}[];
  offset?: number;
}
export async function deliver(path: string, lines: string, signal?: AbortSignal): Promise<Taken> {
  for (;;) {
    const headers: Record<string, string> = {'content-type': 'application/x-ndjson', ...(keyOf() ? {'x-api-key': keyOf()} : {})};
    let response: Response;
    try {
      response = await fetch(path, {method: 'POST', headers, body: lines, ...(signal ? {signal} : {})});
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new ApiError(0, 'The server does not answer. Is it still running?');
    }
    const body = await response.json().catch(() => ({})) as Partial<Taken> & {error?: {message?: string}};
    if (response.ok || (response.status === 422 && body.errors)) return body as Taken;
    if (response.status !== 429 && response.status !== 503) throw new ApiError(response.status, messageOf(body) ?? `HTTP ${response.status}`);
    await new Promise((resume) => setTimeout(resume, 1000 * Math.min(10, Number(response.headers.get('retry-after') ?? 1) || 1)));
    if (signal?.aborted) throw new ApiError(0, 'Stopped.');
  }
}

export const text = async (path: string): Promise<string> => (await call('GET', path)).text();
// A body that goes out as it is.
export const raw = async (method: string, path: string, body: string): Promise<void> => {
  await call(method, path, undefined, undefined, body);
};
