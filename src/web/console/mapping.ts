// Which column of a file means what: guessed by name, changed by hand; and rows as the server takes them.
import type {Row} from './rows';

export type Kind = 'products' | 'events';
export const AS_IT_IS = '=', LEFT_OUT = '';
export type Mapping = Record<string, string>;  // Column -> field, AS_IT_IS or LEFT_OUT.

// Names as the server compares them: case, "-", "_" and spaces do not matter.
const plain = (name: string): string => name.toLowerCase().replaceAll(/[^a-z0-9]/g, '');

const PRODUCT: Record<string, string[]> = {
  id: ['id', 'itemid', 'sku', 'productid', 'objectid', 'articleid', 'article', 'item', 'product', 'asin', 'stockcode', 'handle', 'variantid'],
  title: ['title', 'name', 'productname', 'itemname', 'producttitle', 'label'],
  description: ['description', 'body', 'text', 'productdescription', 'longdescription'],
  brand: ['brand', 'manufacturer', 'maker', 'vendor'],
  category: ['category', 'categories', 'producttype', 'categoryname', 'productcategory', 'type', 'breadcrumb'],
  price: ['price', 'saleprice', 'unitprice', 'currentprice', 'amount'],
  available: ['available', 'availability', 'instock', 'stock'],
  image: ['image', 'imageurl', 'imagelink', 'picture', 'imageuri'],
  url: ['url', 'link', 'producturl'],
};
const EVENT: Record<string, string[]> = {
  type: ['type', 'event', 'eventtype', 'action', 'behavior', 'behaviour', 'eventname'],
  user: ['user', 'userid', 'visitorid', 'visitor', 'customerid', 'customer', 'shopper', 'shopperid', 'usertoken', 'clientid'],
  session: ['session', 'sessionid', 'usersession', 'visit', 'visitid'],
  item: ['item', 'itemid', 'productid', 'product', 'sku', 'objectid', 'article', 'articleid', 'stockcode', 'asin'],
  time: ['time', 'timestamp', 'ts', 'eventtime', 'datetime', 'date', 'createdat', 'occurredat', 'invoicedate', 'timems'],
  price: ['price', 'unitprice'],
  quantity: ['quantity', 'qty'],
  currency: ['currency'],
  order_id: ['orderid', 'order', 'transactionid', 'invoice', 'invoiceno'],
  query: ['query', 'q', 'searchquery', 'searchterm', 'keywords'],
  query_id: ['queryid', 'requestid'],
  rating: ['rating', 'stars', 'score'],
  id: ['id', 'eventid', 'messageid', 'uuid'],
  source: ['source', 'platform', 'channel'],
};
export const FIELDS: Record<Kind, Record<string, string[]>> = {products: PRODUCT, events: EVENT};
export const TYPES = ['view', 'click', 'add-to-cart', 'remove-from-cart', 'wishlist', 'purchase', 'refund', 'rating', 'search', 'dismiss'];

export function guessKind(columns: string[]): Kind {
  const names = new Set(columns.map(plain));
  const has = (field: string[]): boolean => field.some((one) => names.has(one));
  const shopper = has(EVENT['user'] ?? []) || has(EVENT['session'] ?? []);
  return shopper && (has(EVENT['item'] ?? []) || has(EVENT['query'] ?? [])) ? 'events' : 'products';
}

// Each field goes to the column whose name stands first in its list; what is none of them keeps its name.
export function guessMapping(kind: Kind, columns: string[]): Mapping {
  const mapping: Mapping = Object.fromEntries(columns.map((one) => [one, AS_IT_IS]));
  for (const [field, names] of Object.entries(FIELDS[kind])) {
    const best = names.map((name) => columns.find((column) => plain(column) === name && mapping[column] === AS_IT_IS)).find((column) => column !== undefined);
    if (best !== undefined) mapping[best] = field;
  }
  return mapping;
}

// What must be mapped, or is mapped twice; empty: nothing is wrong.
export function troubles(kind: Kind, mapping: Mapping, type: string): string[] {
  const fields = Object.values(mapping);
  const out: string[] = [];
  if (kind === 'products' && !fields.includes('id')) out.push('No column is the id of the product.');
  if (kind === 'events') {
    if (!fields.includes('user') && !fields.includes('session')) out.push('No column says who it was (user or session).');
    if (!fields.includes('type') && !type) out.push('No column says what happened: choose it for all rows.');
    if (!fields.includes('item') && !fields.includes('query') && !Object.keys(mapping).some((one) => ['items', 'shown', 'lines'].includes(one))) out.push('No column is the item or the query.');
  }
  for (const field of Object.keys(FIELDS[kind]))
    if (fields.filter((one) => one === field).length > 1) out.push(`Several columns are “${field}”.`);
  return out;
}

const NUMBERS = new Set(['price', 'quantity', 'rating', 'result_count']);
// A cell of a table has no type of its own: the same rules as freshet import has.
function typed(text: string): unknown {
  if (/^true$/i.test(text)) return true;
  if (/^false$/i.test(text)) return false;
  if (/^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/.test(text)) return Number(text);
  return text;
}
const ABSENT = new Set(['', 'nan', 'null', 'na', 'n/a', 'none', '\\n']);

export function toBody(kind: Kind, mapping: Mapping, type: string, table: boolean, row: Row): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const [column, value] of Object.entries(row.values)) {
    const field = mapping[column] ?? AS_IT_IS;
    if (field === LEFT_OUT || value === undefined || value === null) continue;
    const name = field === AS_IT_IS ? column : field;
    if (!table || typeof value !== 'string') {
      out[name] = value;
      continue;
    }
    if (ABSENT.has(value.trim().toLowerCase())) continue;
    const known = field !== AS_IT_IS && !NUMBERS.has(field) && field !== 'available' && field !== 'time';
    out[name] = known ? value : typed(value.trim());
  }
  if (kind === 'events' && type && out['type'] === undefined) out['type'] = type;
  return out;
}

// What the server would take, but nobody can have meant: it keeps a product's price of any kind as an attribute.
export function fault(kind: Kind, body: Record<string, unknown>): string | undefined {
  const price = body['price'];
  if (kind === 'products' && price !== undefined && typeof price !== 'number') return `price: expected a number, got ${JSON.stringify(price)}`;
  return undefined;
}
